"""Which layers go onto tiles, and in words why each other one does not."""

import difflib
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from analogsim.batchnorm.layers import ScaleBatchNorm
from analogsim.errors import InputError
from analogsim.lowrank import LowRank

MAX_GROUPS = 32
"""Most groups of a convolution that are mapped; each group has tiles of its own."""

Grouped = Literal["digital", "blocks"]
"""Depthwise convolutions and those of many groups: digital, or as blocks along the diagonal of
tiles that they share."""

WHOLE_MODEL = "(model)"
"""Name of the line of a network that is itself one layer."""

MAPPED: tuple[type[nn.Module], ...] = (nn.Linear, nn.Conv1d, nn.Conv2d)

_OF_EACH_INPUT = (
    "normalisation stays in digital periphery; its statistics are each input's own, so that it "
    "can never be folded"
)

_REASONS: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.modules.batchnorm._NormBase, "normalisation stays in digital periphery"),
    (ScaleBatchNorm, "normalisation stays in digital periphery"),
    (nn.LayerNorm, _OF_EACH_INPUT),
    (nn.GroupNorm, _OF_EACH_INPUT),
    (nn.Embedding, "a table look-up is no matrix product"),
    (nn.RNNBase, "a recurrent module keeps its weights inside; build it from nn.Linear to map it"),
    (nn.modules.conv._ConvTransposeNd, "transposed convolutions are not mapped"),
    (nn.Conv3d, "three-dimensional convolutions are not mapped"),
    (nn.MultiheadAttention, "nn.MultiheadAttention reads its weights without calling a layer"),
    (nn.Bilinear, "a bilinear form is no product with one input"),
)


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """One line of the conversion's table."""

    name: str
    kind: str
    shape: tuple[int, ...]
    """Of the weight, as in torch; of all parameters together for other modules: (count,)."""
    where: str
    """`analog` or `digital`."""
    why: str
    tiles: int = 0
    programming_error: float | None = None
    """|W - W_target| / |W_target| (Frobenius norms) after programming."""


def plan_layers(
    module: nn.Module,
    keep_digital: Sequence[str],
    *,
    grouped: Grouped = "digital",
    changing: frozenset[str] = frozenset(),
    digital: Mapping[str, str] | None = None,
) -> list[LayerReport]:
    """One report for each module that owns parameters.

    Args:
        module: the network, in eval mode.
        keep_digital: patterns (`fnmatch`, on module names) of layers that stay digital.
        grouped: what becomes of depthwise convolutions and of those with many groups.
        changing: names of the modules whose weights a forward pass changes.
        digital: names of modules that stay digital for a reason that is known already -> it.

    Raises:
        InputError: a pattern that matches no layer, or weights that are not finite.
    """
    named = [(name, m) for name, m in module.named_modules() if _own_parameters(m)]
    known = digital or {}
    mappable = [name for name, m in named if isinstance(m, MAPPED) or name in known]
    for pattern in keep_digital:
        if pattern not in mappable and not fnmatch.filter(mappable, pattern):
            near = difflib.get_close_matches(pattern, mappable, 1)
            hint = f"nearest: {near[0]}" if near else f"layers: {', '.join(mappable[:5])}"
            raise InputError(
                f"keep-digital pattern must match a layer's name, got {pattern!r}; {hint}"
            )
    inside = _children_of_attention(module)
    known = _of_adapters(module) | dict(known)
    tied = _tied(named)
    reports = []
    for name, m in named:
        why_not = known.get(name) or _why_digital(name, m, keep_digital, inside, grouped)
        if why_not is None and name in changing:
            why_not = "its weight is changed in each forward pass (a hook?); give it fixed weights"
        parameters = _own_parameters(m)
        if why_not is None:
            check_finite(name, parameters)
        weight = parameters.get("weight", m.weight if isinstance(m, MAPPED) else None)
        shape = tuple(weight.shape) if isinstance(weight, Tensor) else (_count(parameters),)
        also = f"; weights tied with {tied[name]}, programmed separately" if name in tied else ""
        reports.append(
            LayerReport(
                name=name or WHOLE_MODEL,
                kind=type(m).__name__,
                shape=shape,
                where="analog" if why_not is None else "digital",
                why=(also.lstrip("; ") if why_not is None else why_not),
            )
        )
    return reports


def _why_digital(
    name: str,
    m: nn.Module,
    keep_digital: Sequence[str],
    inside: frozenset[str],
    grouped: Grouped,
) -> str | None:
    if not isinstance(m, MAPPED):
        for kind, reason in _REASONS:
            if isinstance(m, kind):
                return reason
        return (
            f"parameters of {type(m).__name__} are not a layer that is mapped; compute their "
            "products with nn.Linear or nn.Conv2d"
        )
    for pattern in keep_digital:
        if name == pattern or fnmatch.fnmatchcase(name, pattern):
            return f"kept digital by choice ({pattern})"
    if name in inside:
        return "nn.MultiheadAttention reads its weights without calling the layer"
    base = next(kind for kind in MAPPED if isinstance(m, kind))
    if "forward" in vars(m):
        return f"the forward pass of this {type(m).__name__} was replaced; remove the replacement"
    for method in ("forward", "_conv_forward", "__call__"):
        if getattr(type(m), method, None) is not getattr(base, method, None):
            own = type(m).__name__
            named = own if own != base.__name__ else f"{type(m).__module__}.{own}"
            return (
                f"{named} overrides the forward pass of {base.__name__}; "
                f"write it with a plain nn.{base.__name__} inside"
            )
    weight = m.weight
    assert isinstance(weight, Tensor)
    if weight.is_complex():
        return "complex weights are not mapped"
    if not weight.numel():
        return "it has no weights"
    if grouped == "digital" and is_spread(m):
        if m.groups == m.in_channels:
            return (
                "depthwise: a tile for each channel would use kernel-size rows and one column of "
                "it; --grouped blocks puts many on a tile"
            )
        return (
            f"{m.groups} groups would each use a small part of a tile; at most {MAX_GROUPS}; "
            "--grouped blocks puts many on a tile"
        )
    return None


def is_spread(m: nn.Module) -> bool:
    """Whether a layer's groups would each take a small part of a tile of their own."""
    groups = getattr(m, "groups", 1)
    return groups > MAX_GROUPS or (groups > 1 and groups == m.in_channels)


def _own_parameters(m: nn.Module) -> dict[str, Tensor]:
    own: dict[str, Tensor] = dict(m.named_parameters(recurse=False))
    parametrized = getattr(m, "parametrizations", None)
    if isinstance(parametrized, nn.ModuleDict):
        own |= {key: getattr(m, key).detach() for key in parametrized}
    return own


def _of_adapters(module: nn.Module) -> dict[str, str]:
    return {
        f"{name}.{child}": "of a low-rank adapter, which is digital wherever its layer lies"
        for name, m in module.named_modules()
        if isinstance(m, LowRank)
        for child, _ in m.named_children()
    }


def _children_of_attention(module: nn.Module) -> frozenset[str]:
    return frozenset(
        f"{name}.{child}" if name else child
        for name, m in module.named_modules()
        # One whose projections are layers calls these.
        if isinstance(m, nn.MultiheadAttention) and "q_proj" not in m._modules
        for child, _ in m.named_modules()
    )


def _tied(named: Sequence[tuple[str, nn.Module]]) -> dict[str, str]:
    """Layers whose weight is another module's too: name -> the other's name."""
    owners: dict[int, list[str]] = {}
    for name, m in named:
        for parameter in m.parameters(recurse=False):
            owners.setdefault(id(parameter), []).append(name)
    return {
        name: ", ".join(other for other in names if other != name)
        for names in owners.values()
        if len(set(names)) > 1
        for name in names
    }


def check_finite(name: str, parameters: dict[str, Tensor]) -> None:
    """Raises InputError for NaN or infinity among a layer's parameters."""
    for key, value in parameters.items():
        bad = int((~torch.isfinite(value)).sum())
        if bad:
            raise InputError(
                f"layer {name}: {key} must be finite, got {bad} NaN or infinite values of "
                f"{value.numel()}; mend the weights before converting"
            )


def _count(parameters: dict[str, Tensor]) -> int:
    return sum(p.numel() for p in parameters.values())


def disable_fast_paths_(module: nn.Module) -> nn.Module:
    """Make transformer encoder layers call their linear layers.

    torch's fast path reads the layers' weights and would stay digital in silence.
    """
    layers = (m for m in module.modules() if isinstance(m, nn.TransformerEncoderLayer))
    for layer in layers:
        layer.activation_relu_or_gelu = 0
    for m in module.modules():
        if isinstance(m, nn.TransformerEncoder):
            # Nested tensors go to that path alone.
            m.enable_nested_tensor = m.use_nested_tensor = False
    return module

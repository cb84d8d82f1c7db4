"""Fold BatchNorm into the convolution or linear layer that feeds it.

With fixed statistics BatchNorm is the affine map `y = s x + b` per channel, with
`s = gamma / sqrt(var + eps)` and `b = beta - s mean` (Ioffe and Szegedy, arXiv 1502.03167, section
3.1), so a layer that feeds nothing else can take it over: `W' = s W`, `bias' = s bias + b`. L1 and
TopK normalisation have another `s`, see `affine`.
What feeds what is seen in a forward pass (`trace`), never guessed from registration order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized

from analogsim.batchnorm.affine import BATCHNORMS, BatchNorm, affine_of, running_spread
from analogsim.batchnorm.layers import ScaleBatchNorm
from analogsim.batchnorm.trace import Trace, trace
from analogsim.call import Inputs, tensors_in
from analogsim.copying import copied
from analogsim.draws.strangers import drawn_from
from analogsim.errors import AnalogsimError, InputError

# Kind of layer -> number of axes of a batched output; axis 1 is then the channel.
_OUTPUT_AXES: Mapping[type[nn.Module], int] = {
    nn.Linear: 2,
    nn.Conv1d: 3,
    nn.Conv2d: 4,
    nn.Conv3d: 5,
    nn.ConvTranspose1d: 3,
    nn.ConvTranspose2d: 4,
    nn.ConvTranspose3d: 5,
}
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_TORCHS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_TOLERANCE = 1e-5  # of the output's largest value; float32 rounding leaves about 1e-6


@dataclass(frozen=True, kw_only=True)
class FoldResult:
    """A model with its BatchNorm layers folded, and what became of each of them."""

    module: nn.Module
    """A copy of the model given, in eval mode; a folded BatchNorm is an `nn.Identity` there."""
    folded: tuple[tuple[str, str], ...]
    """(layer, BatchNorm) names, in registration order of the BatchNorm."""
    kept: tuple[tuple[str, str], ...]
    """(BatchNorm name, reason in words)."""


def fold_batchnorm(
    model: nn.Module, example: Tensor | Inputs, *, verify: bool = True
) -> FoldResult:
    """Fold every BatchNorm of `model` that directly follows a convolution or linear layer.

    `example` is one batch of input, shape (batch, ...), or one call that the model accepts; the
    order of execution is the order on this example. The model is copied, never changed. The copy's
    output on the example equals the original's to 1e-5 of the output's largest value; without
    `verify` that is left to the caller.

    Raises `InputError` if the model cannot be copied or does not run on the example, and
    `AnalogsimError` if the folded copy gives another output.
    """
    example = Inputs.of(example)
    folded_model = copied(model).eval()
    try:
        seen = trace(folded_model, example, [m for m in folded_model.modules() if _is_watched(m)])
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"fold_batchnorm example must be an input that the model accepts, got shape "
            f"{example.describe()} and {type(error).__name__}: {error}; "
            "give one batch of the shape that the model was trained on"
        ) from error
    # The names are read after the pass: a lazy layer gets its class and weights in it.
    names = {module: name for name, module in folded_model.named_modules()}
    n_owners = _count_owners(folded_model)

    folded: list[tuple[str, str]] = []
    kept: list[tuple[str, str]] = []
    for bn, name in names.items():
        if not isinstance(bn, BATCHNORMS):
            continue
        found = _find_layer(bn, seen, names, n_owners)
        if isinstance(found, str):
            kept.append((name, found))
        else:
            _absorb_(found, bn)
            _replace_(folded_model, bn, nn.Identity().eval())
            folded.append((names[found], name))
    if verify:
        _verify(seen.output, folded_model, example, len(folded))
    return FoldResult(module=folded_model, folded=tuple(folded), kept=tuple(kept))


def _is_layer(module: nn.Module) -> bool:
    return isinstance(module, tuple(_OUTPUT_AXES))


def _is_watched(module: nn.Module) -> bool:
    return _is_layer(module) or isinstance(module, BATCHNORMS)


def _count_owners(model: nn.Module) -> Mapping[int, int]:
    """`id` of a parameter -> in how many places of how many modules it is registered."""
    owners: dict[int, int] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                owners[id(parameter)] = owners.get(id(parameter), 0) + 1
    return owners


def _find_layer(
    bn: BatchNorm,
    seen: Trace,
    names: Mapping[nn.Module, str],
    n_owners: Mapping[int, int],
) -> nn.Module | str:
    """The layer that can take `bn` over, or in words why there is none."""
    reason = _why_batchnorm_stays(bn, seen)
    if reason:
        return reason
    given = seen.inputs[bn]
    layer = seen.makers.get(id(given))
    if layer is None or not _is_layer(layer):
        return "its input is not the output of a convolution or linear layer"
    name = names[layer]
    n_calls, n_uses = seen.n_calls[layer], seen.n_uses(given)
    if n_calls > 1:
        return f"layer '{name}' before it is called {n_calls} times in the forward pass"
    if n_uses > 1:
        return f"the output of layer '{name}' is used in {n_uses} places"
    if n_uses < 1:
        return f"the use of the output of layer '{name}' could not be followed"
    kind = next(k for k in _OUTPUT_AXES if isinstance(layer, k))
    if given.dim() != _OUTPUT_AXES[kind]:
        return (
            f"layer '{name}' gave {given.dim()} axes where {_OUTPUT_AXES[kind]} are needed for "
            "its outputs to be the channels of the BatchNorm"
        )
    return _why_layer_refuses(layer, kind, name, seen, n_owners) or layer


def _why_batchnorm_stays(bn: BatchNorm, seen: Trace) -> str | None:
    """The reasons that lie in the BatchNorm itself."""
    mean, spread = bn.running_mean, running_spread(bn)
    if mean is None or spread is None:
        return "it tracks no running statistics"
    if bn.training:
        return "it stays in train mode when the model is in eval mode"
    own_kind = isinstance(bn, ScaleBatchNorm)
    # A scale may be of either sign: there is no square root of it.
    divisor = (spread + bn.eps).abs() if own_kind else spread + bn.eps
    if not (bool(torch.isfinite(mean).all()) and _is_positive(divisor)):
        return "its running statistics are not finite or a running variance is negative"
    forward = ScaleBatchNorm.forward if own_kind else _BatchNorm.forward
    if not isinstance(bn, (*_TORCHS, ScaleBatchNorm)) or type(bn).forward is not forward:
        kinds = "torch's BatchNorm1d, 2d, 3d, nor of L1 and TopK normalisation"
        return f"its class {type(bn).__name__} is not one of {kinds}"
    if _has_hooks(bn):
        return "it has forward hooks"
    if is_parametrized(bn):
        return "its parameters are parametrized"
    n_calls = seen.n_calls[bn]
    if n_calls != 1:
        return f"it is called {n_calls} times in the forward pass"
    own = (*bn.parameters(recurse=False), mean, spread)
    if any(seen.n_uses(tensor) > 1 for tensor in own):
        return "its parameters or statistics are used elsewhere in the forward pass"
    return None


def _why_layer_refuses(
    layer: nn.Module,
    kind: type[nn.Module],
    name: str,
    seen: Trace,
    n_owners: Mapping[int, int],
) -> str | None:
    """The reasons that lie in the layer's weights or class."""
    own_forward = type(layer).forward is not kind.forward
    own_product = getattr(type(layer), "_conv_forward", None) is not getattr(
        kind, "_conv_forward", None
    )
    if own_forward or own_product:
        return f"layer '{name}' has a forward of its own (class {type(layer).__name__})"
    if _has_hooks(layer) or is_parametrized(layer) or layer._parameters.get("weight") is None:
        return f"the weight of layer '{name}' is parametrized or changed by a forward hook"
    for parameter in layer.parameters(recurse=False):
        if n_owners[id(parameter)] > 1:
            return f"the weight of layer '{name}' is shared with another layer"
        if seen.n_uses(parameter) != 1:
            return f"the weight of layer '{name}' is used elsewhere in the forward pass"
    return None


def _is_positive(values: Tensor) -> bool:
    return bool(((values > 0) & torch.isfinite(values)).all())


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _absorb_(layer: nn.Module, bn: BatchNorm) -> nn.Module:
    """Give `layer` new weights that do what it and `bn` did together; computed in float64."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, nn.Parameter)
    with torch.no_grad():
        scale, shift = affine_of(bn)
        if isinstance(bias, Tensor):
            shift = shift + bias.double() * scale
        new_weight = weight.double() * _along_outputs(scale, layer, weight)
    requires_grad = weight.requires_grad
    layer.weight = nn.Parameter(new_weight.to(weight.dtype), requires_grad=requires_grad)
    layer.bias = nn.Parameter(shift.to(weight.dtype), requires_grad=requires_grad)
    return layer


def _along_outputs(scale: Tensor, layer: nn.Module, weight: Tensor) -> Tensor:
    """`scale`, shape (out,), in a shape that multiplies `weight` output by output."""
    if not isinstance(layer, _TRANSPOSED):
        return scale.reshape(-1, *[1] * (weight.dim() - 1))
    # A transposed convolution's weight is (in, out / groups, ...): row i belongs to the group
    # i // (in / groups), and so do the scales of that group's outputs.
    per_group = scale.reshape(layer.groups, -1)
    rows = per_group.repeat_interleave(weight.shape[0] // layer.groups, dim=0)
    return rows.reshape(*rows.shape, *[1] * (weight.dim() - 2))


def _replace_(model: nn.Module, old: nn.Module, new: nn.Module) -> nn.Module:
    """Put `new` wherever `old` is registered: one module may stand under several names."""
    for parent in model.modules():
        for name, child in parent._modules.items():
            if child is old:
                parent._modules[name] = new
    return model


def _verify(expected: object, model: nn.Module, example: Inputs, n_folded: int) -> None:
    """Hold the folded model to its promise on the example."""
    with torch.no_grad(), drawn_from(0):
        got = example.clone().call(model)
    error = max(
        (_relative_error(g, e) for g, e in zip(tensors_in(got), tensors_in(expected), strict=True)),
        default=0.0,
    )
    if not error <= _TOLERANCE:
        raise AnalogsimError(
            f"fold_batchnorm output must equal the model's own to {_TOLERANCE:g} after folding "
            f"{n_folded} BatchNorm layers, got a relative difference of {error:.3g}; "
            "keep BatchNorm digital, and give the model in float32 if it is in half precision"
        )


def _relative_error(got: Tensor, expected: Tensor) -> float:
    """Largest difference over largest expected value; infinite if other values are finite."""
    if expected.layout != torch.strided:
        got, expected = got.to_dense(), expected.to_dense()
    if not expected.numel() or not expected.is_floating_point():
        return 0.0 if torch.equal(got, expected) else float("inf")
    finite = torch.isfinite(expected)
    if not torch.equal(finite, torch.isfinite(got)):
        return float("inf")
    if not bool(finite.any()):
        return 0.0
    difference = (got - expected)[finite].abs().max().item()
    scale = expected[finite].abs().max().item()
    return 0.0 if difference == 0 else float(difference / scale) if scale else float("inf")

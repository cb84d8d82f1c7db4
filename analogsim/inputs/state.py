"""Put named tensors into a network, or say in words why they do not fit it."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from analogsim.inputs.spec import few
from analogsim.inputs.weight_cast import cast_to, counted, equal
from analogsim.inputs.weight_leftovers import is_counter, left_out, left_over, missing_parts
from analogsim.inputs.weight_names import Alignment, alignments

# Parts of names that say what was done to the weights, and what undoes it.
_UNDO = (
    ("lora_", "merge the adapter into the weights before saving"),
    (".parametrizations.", "call torch.nn.utils.parametrize.remove_parametrizations before saving"),
    (".weight_g", "call torch.nn.utils.remove_weight_norm before saving"),
    (".weight_mask", "call torch.nn.utils.prune.remove before saving"),
    (".weight_orig", "call torch.nn.utils.remove_spectral_norm or prune.remove before saving"),
    (".zero_point", "save the weights before quantisation"),
    (".weight_scale", "save the weights before quantisation"),
)


def load_state_with_notes_(
    module: nn.Module, weights: Mapping[str, Tensor], *, where: str
) -> tuple[str, ...]:
    """Copy weights into a network, cast to its dtypes; nothing is copied unless all fit.

    A prefix of all names, in the file or in the network, is found by what follows it. Every
    learned tensor must be found exactly once; buffers that are not learned
    (`num_batches_tracked`, integer tables) may be missing. What the file holds beside the
    network (a loss, metrics, a second head) is left out; what looks like a part of the network
    that it lacks is refused.

    Args:
        module: the network; it is changed.
        weights: tensors by parameter name.
        where: how an error names the source, for example `weights file net.pt`.

    Returns:
        What the user should know of the choice, a short text each.

    Raises:
        InputError: names, shapes or dtypes do not fit, or a value is NaN or infinite.
    """
    expected = {
        key: tensor for key, tensor in module.state_dict().items() if isinstance(tensor, Tensor)
    }
    needed = _needed(expected)
    alignment = _choose(alignments(expected, needed, weights), expected, weights, where)
    given = {key: weights[name] for key, name in alignment.names.items()}
    found = {needed[key] for key in given if key in needed}
    missing = [key for key, first in needed.items() if first not in found]
    if missing or not found:
        unexpected = [
            alignment.spelt[name].removeprefix(alignment.prefix)
            for name in left_over(alignment, weights)
        ]
    else:
        unexpected = missing_parts(alignment, weights)
    mis_shaped = _mis_shaped(alignment, expected, weights)
    if not missing and not unexpected:
        _refuse_class_count(module, expected, given, mis_shaped, where)
    if missing or unexpected or mis_shaped:
        raise InputError(
            f"{where} must fit the model, got "
            + "; ".join(_mismatch(expected, given, missing, unexpected, mis_shaped))
            + f"; {_mend(unexpected, alone=not missing and not mis_shaped)}"
        )
    cast = cast_to(expected, given, where=where)
    refuse_non_finite(cast.tensors, where=where)
    _refuse_untied(needed, cast.tensors, where)
    notes = [*_notes(alignment, weights), *cast.notes, *_odd_values(expected, cast.tensors)]
    _copy_(module, cast.tensors, where)
    return tuple(notes)


def refuse_non_finite(tensors: Mapping[str, Tensor], *, where: str) -> None:
    """Raise InputError where a tensor holds NaN or infinity, naming the tensors."""
    bad = [
        f"{key} ({int((~torch.isfinite(tensor)).sum())} of {tensor.numel()} values)"
        for key, tensor in tensors.items()
        if not bool(torch.isfinite(tensor).all())
    ]
    if bad:
        raise InputError(
            f"{where} values must be finite, got NaN or infinity in {few(bad)}"
            "; use weights from before the training broke down"
        )


def _copy_(module: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    try:
        ignored = module.load_state_dict(tensors, strict=False).unexpected_keys
    # A network may have hooks of its own here, which may raise anything.
    except Exception as err:
        raise InputError(
            f"{where} must be taken by the model's load_state_dict, got {type(err).__name__}: {err}"
            "; mend the model"
        ) from err
    if ignored:
        raise InputError(
            f"{where} must be taken by the model's load_state_dict, which does not know its own "
            f"names, got {few(ignored)}; mend the model"
        )


def _needed(expected: Mapping[str, Tensor]) -> dict[str, str]:
    """The names that a file must hold -> the first name of the same tensor."""
    needed: dict[str, str] = {}
    first: dict[object, str] = {}
    for key, tensor in expected.items():
        # A constructor makes integer buffers (indices, masks); training does not change them.
        if is_counter(key) or not (tensor.is_floating_point() or tensor.is_complex()):
            continue
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        needed[key] = first.setdefault(place if tensor.data_ptr() else key, key)
    return needed


def _choose(
    found: list[Alignment],
    expected: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    where: str,
) -> Alignment:
    """The alignment that fits; the network's own names come before any with a prefix."""
    fitting = [one for one in found if not _mis_shaped(one, expected, weights)] or found
    exact = [one for one in fitting if not one.prefix and not one.inside]
    first, *others = exact or fitting
    if first.complete and not _mis_shaped(first, expected, weights):
        for other in others:
            if not _same_values(first, other, weights):
                raise InputError(
                    f"{where} must hold the network once, got different weights under "
                    f"{first.prefix!r} and {other.prefix!r}; save one of the two alone"
                )
    return first


def _same_values(one: Alignment, other: Alignment, weights: Mapping[str, Tensor]) -> bool:
    common = one.names.keys() & other.names.keys()
    return all(equal(weights[one.names[key]], weights[other.names[key]]) for key in common)


def _mis_shaped(
    alignment: Alignment, expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]
) -> list[str]:
    return [
        key
        for key in expected
        if key in alignment.names and weights[alignment.names[key]].shape != expected[key].shape
    ]


def _refuse_untied(needed: Mapping[str, str], cast: Mapping[str, Tensor], where: str) -> None:
    for key, first in needed.items():
        if key != first and key in cast and first in cast and not equal(cast[key], cast[first]):
            raise InputError(
                f"{where} must hold equal values for a tensor that the model shares, got different "
                f"ones for {first} and {key}; choose the model that these weights were trained in"
            )


def _refuse_class_count(
    module: nn.Module,
    expected: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    mis_shaped: list[str],
    where: str,
) -> None:
    last = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)][-1:]
    if (
        not last
        or not mis_shaped
        or not set(mis_shaped) <= {f"{last[0]}.weight", f"{last[0]}.bias"}
    ):
        return
    weight = f"{last[0]}.weight"
    wanted, got = expected[weight].shape, given[weight].shape
    if len(got) == 2 and wanted[1] == got[1]:
        raise InputError(
            f"{where} class count must be the model's {wanted[0]}, got {got[0]} (the shape of "
            f"{weight}); ask for a model with {got[0]} classes (zoo:NAME?classes={got[0]})"
        )


def _mismatch(
    expected: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    missing: list[str],
    unexpected: list[str],
    mis_shaped: list[str],
) -> list[str]:
    parts = []
    if missing:
        parts.append(f"{len(missing)} missing ({few(missing)})")
    if unexpected:
        parts.append(f"{len(unexpected)} unexpected ({few(unexpected)})")
    if mis_shaped:
        shapes = [
            f"{key} {tuple(given[key].shape)} instead of {tuple(expected[key].shape)}"
            for key in mis_shaped
        ]
        parts.append(f"{len(mis_shaped)} mis-shaped ({few(shapes)})")
    return parts


def _mend(unexpected: list[str], *, alone: bool) -> str:
    for part, undo in _UNDO:
        if any(part in f".{name}" for name in unexpected):
            return undo
    choose = "choose the model that these weights were trained in"
    return f"{choose}, or save them without what is no part of it" if alone else choose


def _notes(alignment: Alignment, weights: Mapping[str, Tensor]) -> list[str]:
    notes = []
    if alignment.prefix.replace("module.", "").replace("_orig_mod.", ""):
        notes.append(f"names in the file begin with {alignment.prefix!r}")
    if alignment.inside:
        notes.append(f"names in the file lack {alignment.inside!r}")
    if any(n != s and "module" in n.split(".") for n, s in alignment.spelt.items()):
        notes.append("names in the file compared without the wrappers' 'module'")
    left = left_out(alignment, weights)
    if left:
        notes.append(f"{counted(len(left))} of the file left out ({few(left)})")
    return notes


def _odd_values(expected: Mapping[str, Tensor], cast: Mapping[str, Tensor]) -> list[str]:
    notes = []
    learned = [key for key in cast if cast[key].is_floating_point()]
    if learned and all(equal(cast[key], expected[key]) for key in learned):
        notes.append("every value is the one that the network starts with")
    flat = [
        key
        for key in learned
        if cast[key].dim() > 1 and cast[key].numel() > 1 and _is_constant(cast[key])
    ]
    if flat:
        notes.append(f"all values are equal in {few(flat)}")
    return notes


def _is_constant(tensor: Tensor) -> bool:
    low, high = tensor.aminmax()
    return bool(low == high)

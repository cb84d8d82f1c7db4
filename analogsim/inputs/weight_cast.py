"""Cast a file's tensors to a network's types; what that costs is said, or refused."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from analogsim.errors import InputError
from analogsim.inputs.spec import few

# Of the types of numbers with a point, those that hold one value in each place.
_BYTES = {torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz}
_FLOATS = {torch.float64, torch.float32, torch.float16, torch.bfloat16} | _BYTES


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Tensors in a network's types.

    Attributes:
        tensors: by the network's names.
        notes: which types were rounded, a short text each.
    """

    tensors: dict[str, Tensor]
    notes: tuple[str, ...]


def equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same type, shape and values, on any device."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype in _BYTES:
        # torch compares none of these.
        one, other = one.float(), other.float()
    return torch.equal(one.cpu(), other.cpu())


def cast_to(expected: Mapping[str, Tensor], given: Mapping[str, Tensor], *, where: str) -> Cast:
    """Cast each given tensor to the type of the expected one of its name.

    Raises:
        InputError: integers or complex numbers for real weights, or values that a table of
            whole numbers cannot hold.
    """
    _refuse_types(expected, given, where)
    tensors = {key: tensor.to(expected[key].dtype) for key, tensor in given.items()}
    changed = [
        key
        for key, tensor in given.items()
        if tensor.dtype != tensors[key].dtype and not equal(tensors[key].to(tensor.dtype), tensor)
    ]
    broken = [f"{key} ({given[key].dtype})" for key in changed if not _has_point(expected[key])]
    if broken:
        raise InputError(
            f"{where} must hold whole numbers where the model does, got other values in "
            f"{few(broken)}; choose the model that these weights were trained in"
        )
    rounded: dict[str, int] = {}
    for key in changed:
        types = f"from {_name(given[key])} to {_name(tensors[key])}"
        rounded[types] = rounded.get(types, 0) + 1
    notes = tuple(f"{counted(count)} rounded {types}" for types, count in rounded.items())
    return Cast(tensors=tensors, notes=notes)


def counted(number: int) -> str:
    """How many tensors, in words."""
    return f"{number} tensor" if number == 1 else f"{number} tensors"


def _refuse_types(expected: Mapping[str, Tensor], given: Mapping[str, Tensor], where: str) -> None:
    complex_ones = [
        f"{key} ({given[key].dtype})"
        for key in given
        if given[key].is_complex() and not expected[key].is_complex()
    ]
    if complex_ones:
        raise InputError(
            f"{where} tensors must be real, got complex ones in {few(complex_ones)}"
            "; choose the model that these weights were trained in"
        )
    coded = [
        f"{key} ({given[key].dtype})"
        for key in given
        if _has_point(expected[key])
        and given[key].dtype not in _FLOATS
        and not given[key].is_complex()
    ]
    if coded:
        raise InputError(
            f"{where} tensors must be floating point, got {few(coded)}"
            "; save the weights before quantisation"
        )


def _has_point(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")

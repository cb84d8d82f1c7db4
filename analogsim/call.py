"""What a network is called with and what it gives: tensors, tuples, dictionaries, objects."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from typing import Any

import torch
from torch import Tensor

from analogsim.errors import InputError


@dataclass(frozen=True)
class Inputs:
    """The arguments of one call of a network: `Inputs.of(batch).call(network)`.

    Tensors may lie in nested tuples, lists and mappings. The batch is their first axis.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object) -> "Inputs":
        """The call that `value` stands for.

        A tensor is the only argument, a tuple or list holds the arguments in order, a mapping
        holds them by name.

        Raises:
            InputError: it is something else, or holds no tensor.
        """
        if isinstance(value, cls):
            made = value
        elif isinstance(value, Tensor):
            made = cls((value,))
        elif isinstance(value, Mapping):
            made = cls((), {str(key): item for key, item in value.items()})
        elif isinstance(value, tuple | list):
            made = cls(tuple(value))
        else:
            raise InputError(
                "inputs must be a tensor, a tuple or a dictionary of tensors, got "
                f"{type(value).__name__}; give what the network is called with"
            )
        if not any(True for _ in made.tensors()):
            raise InputError(
                f"inputs must hold a tensor, got {type(value).__name__} without one; give what the "
                "network is called with"
            )
        return made

    def call(self, module: Callable[..., Any]) -> Any:
        """What `module` gives for these arguments."""
        return module(*self.args, **self.kwargs)

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor, in order."""
        yield from tensors_in((self.args, self.kwargs))

    def map(self, change: Callable[[Tensor], Tensor]) -> "Inputs":
        """The same call with `change(t)` in place of each tensor t."""
        args, kwargs = map_tensors(change, self.args), map_tensors(change, dict(self.kwargs))
        return Inputs(args, kwargs)

    def float32(self) -> "Inputs":
        """The same call with floating-point tensors in float32; all others stay as they are."""
        return self.map(lambda t: t.float() if t.is_floating_point() else t)

    def to(self, device: Any) -> "Inputs":
        """The same call with its tensors on `device`."""
        return self.map(lambda t: t.to(device))

    def clone(self) -> "Inputs":
        """The same call with tensors of its own."""
        return self.map(lambda t: t.clone())

    def refuse_nan(self, first: int = 0) -> "Inputs":
        """The same call; raises InputError where an input is NaN, or has no values at all.

        Infinities pass: masks hold them. `first` is the number of the batch's first row.
        """
        for tensor in self.tensors():
            if tensor.is_meta:
                raise InputError(
                    f"inputs must have values, got a tensor {tuple(tensor.shape)} on the device "
                    "meta; load them"
                )
            if not tensor.is_floating_point() or tensor.layout != torch.strided:
                continue
            # A sum over NaN is NaN, and takes one pass; one over infinities may be, too.
            plain = tensor.float() if tensor.itemsize == 1 else tensor
            if bool(plain.sum().isnan()) and bool((wrong := plain.isnan()).any()):
                rows = wrong.flatten(1).any(1) if wrong.dim() > 1 else wrong.reshape(-1)
                raise InputError(
                    f"inputs must be numbers, got NaN in row {first + int(rows.int().argmax())}; "
                    "mend the data"
                )
        return self

    @property
    def n(self) -> int:
        """Size of the batch: the length of the first tensor that has an axis."""
        return next((len(t) for t in self.tensors() if t.dim()), 1)

    def rows(self, start: int, stop: int) -> "Inputs":
        """The call for rows start..stop-1 of the batch.

        Tensors of another length (masks and tables that serve all rows) stay whole.
        """
        n = self.n
        return self.map(lambda t: t[start:stop] if _has_rows(t, n) else t)

    def pick(self, rows: Sequence[int]) -> "Inputs":
        """The call for these rows of the batch, in this order, in tensors of their own."""
        n = self.n
        return self.map(
            lambda t: torch.stack([t[i] for i in rows]) if _has_rows(t, n) else t.clone()
        )

    def describe(self) -> str:
        """Shapes and types in words, for a message."""
        parts = [f"{tuple(t.shape)} {str(t.dtype).removeprefix('torch.')}" for t in self.tensors()]
        return ", ".join(parts)


def _has_rows(t: Tensor, n: int) -> bool:
    return t.layout == torch.strided and t.dim() > 0 and len(t) == n


def tensors_in(value: object) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists, mappings and objects with fields, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Inputs):
        yield from value.tensors()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_in(item)
    elif _is_record(value):
        for item in vars(value).values():
            # No object within an object, which might hold the first one.
            if isinstance(item, Tensor | tuple | list | Mapping) or is_dataclass(item):
                yield from tensors_in(item)


def map_tensors(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """`value` with `change(t)` in place of each tensor t in nested tuples, lists and mappings."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        made = {key: map_tensors(change, item) for key, item in value.items()}
        return made if type(value) is dict else _like(value, made)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(change, item) for item in value))
    if isinstance(value, tuple | list):
        return type(value)(map_tensors(change, item) for item in value)
    if _is_record(value):
        made = copy.copy(value)
        for key, item in vars(value).items():
            object.__setattr__(made, key, map_tensors(change, item))
        return made
    return value


def _is_record(value: object) -> bool:
    """Whether it is an object that holds outputs: a dataclass or one of a class of one's own."""
    return (
        hasattr(value, "__dict__")
        and type(value).__module__ != "builtins"
        and not callable(value)
        and any(isinstance(item, Tensor | tuple | list | dict) for item in vars(value).values())
    )


def _like(value: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """`items` in a mapping of the kind of `value`; a plain dictionary where it takes no names."""
    try:
        return type(value)(**items)
    except TypeError:
        return items

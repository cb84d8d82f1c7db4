"""Choose the weights among everything that a training script put into its file.

A script saves `{"state_dict": ..., "epoch": 3, "optimizer": ...}` under one of a dozen names,
sometimes one in another, sometimes with a second copy that was averaged over the training.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from analogsim.inputs.spec import few
from analogsim.inputs.weight_cast import equal
from analogsim.inputs.weight_kind import MEND

PLAIN = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "net_state_dict",
    "module",
    "weights",
    "model_weights",
    "params",
)
AVERAGED = (
    "state_dict_ema",
    "ema_state_dict",
    "model_ema",
    "ema_model",
    "model_ema_state_dict",
    "params_ema",
    "ema",
)
DEPTH = 3
"""So deep the wrappers may lie in each other."""

_LONGEST_NAME = 300
# Words in the names of what a script keeps to go on with its training.
_TRAINING = {"optim", "optimizer", "optimiser", "optimizers", "scheduler", "schedulers", "scaler"}
_TRAINING |= {"callback", "callbacks", "loops", "rng", "history", "amp", "grad", "args", "config"}


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Named tensors of a file.

    Attributes:
        tensors: dense tensors with values, on the CPU, by name.
        notes: what was chosen among several, a short text each.
    """

    tensors: dict[str, Tensor]
    notes: tuple[str, ...]


def choose_weights(content: object, *, where: str) -> Weights:
    """Open the wrappers of a file's content, and take the weights out.

    Of weights and their average over the training (an exponential moving average), the average
    is taken, as those take it who publish both; a note names the other. Dictionaries under
    names that say nothing are joined, `{"a": {"b": tensor}}` as `a.b`.

    Args:
        content: what the file holds.
        where: how an error names the file.

    Raises:
        InputError: there are no named tensors, or several sets without a rule to choose; or
            they are not dense real values (sparse, quantised, in pieces).
    """
    notes: list[str] = []
    for _ in range(DEPTH):
        inner = _wrapped(content, where)
        if inner is None:
            break
        assert isinstance(content, Mapping)
        taken = content[inner]
        beside = [key for key in _weights_like(content) if not _same(content[key], taken)]
        if beside:
            rule = " (the average over the training)" if inner in AVERAGED else ""
            notes.append(f"taken from {inner!r}{rule}; the file has {few(map(repr, beside))}, too")
        content = taken
    if not isinstance(content, Mapping):
        raise InputError(f"{where} must hold a dictionary of tensors, got {_kind(content)}; {MEND}")
    tensors: dict[str, Tensor] = {}
    for name, tensor in _named(content, where, depth=DEPTH, seen={id(content)}):
        if name in tensors:
            raise InputError(
                f"{where} names must be different, got {name} twice; save one of the two alone"
            )
        tensors[name] = tensor
    if not tensors:
        found = few(f"{key} ({_kind(value)})" for key, value in content.items())
        raise InputError(
            f"{where} must hold named tensors, got {found or 'none'}; {MEND}"
            f" (wrappers understood: {', '.join(PLAIN)})"
        )
    return Weights(tensors=tensors, notes=tuple(notes))


def _wrapped(content: object, where: str) -> str | None:
    """The key under which the weights stand; None where they stand here."""
    if not isinstance(content, Mapping):
        return None
    for group in (AVERAGED, PLAIN):
        found = [key for key in group if _holds_tensors(content.get(key), sides=1)]
        others = [key for key in found[1:] if not _same(content[key], content[found[0]])]
        if others:
            raise InputError(
                f"{where} must hold one set of weights, got different ones under {found[0]!r} and "
                f"{others[0]!r}; save one of them alone"
            )
        if found:
            return found[0]
    return None


def _weights_like(content: Mapping[object, object]) -> list[str]:
    """The keys of tensors, and of dictionaries with tensors, but for numbers and training's own."""
    seen: dict[int, bool] = {}
    found = []
    for key, value in content.items():
        if isinstance(key, str) and not _is_trainings(key):
            if id(value) not in seen:
                inside = value.values() if isinstance(value, Mapping) else (value,)
                seen[id(value)] = any(isinstance(v, Tensor) and v.dim() > 0 for v in inside)
            if seen[id(value)]:
                found.append(key)
    return found


def _is_trainings(name: str) -> bool:
    return not _TRAINING.isdisjoint(re.split(r"[^a-z]+", name.lower()))


def _holds_tensors(value: object, *, sides: int = 0) -> bool:
    """Whether a dictionary, or one in it, holds a tensor of so many sides under a name.

    Each dictionary is looked into once: a file may hold one in itself, a thousand times.
    """
    level, seen = [value], {id(value)}
    for _ in range(DEPTH):
        below = []
        for one in level:
            for key, inner in one.items() if isinstance(one, Mapping) else ():
                if not isinstance(key, str):
                    continue
                if isinstance(inner, Tensor) and inner.dim() >= sides:
                    return True
                if isinstance(inner, Mapping) and id(inner) not in seen:
                    seen.add(id(inner))
                    below.append(inner)
        level = list(below)
    return False


def _same(
    one: object, other: object, *, depth: int = DEPTH, seen: set[tuple[int, int]] | None = None
) -> bool:
    """Whether two dictionaries hold equal tensors under the same names."""
    seen = set() if seen is None else seen
    if one is other or (id(one), id(other)) in seen:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        seen.add((id(one), id(other)))
        return (
            depth > 0
            and one.keys() == other.keys()
            and all(_same(v, other[key], depth=depth - 1, seen=seen) for key, v in one.items())
        )
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return _is_stored(one) and _is_stored(other) and equal(one, other)
    return not isinstance(one, Tensor | Mapping) and not isinstance(other, Tensor | Mapping)


def _is_stored(tensor: Tensor) -> bool:
    """Whether a plain tensor has a place for each value; one number may be said to be billions."""
    return unusable(tensor) is None and tensor.nbytes <= tensor.untyped_storage().nbytes()


def _named(
    content: Mapping[object, object], where: str, *, depth: int, seen: set[int]
) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a dictionary, and of the dictionaries in it under joined names.

    Numbers, texts and such are left out, unless their name has the form of a parameter's.
    """
    for key, value in content.items():
        if isinstance(value, Tensor):
            yield _name(key, where), _plain(key, value, where)
        elif isinstance(key, str) and "." in key:
            raise InputError(
                f"{where} must hold only tensors under names of parameters, got {key[:80]!r} "
                f"({_kind(value)}); {_mend(key)}"
            )
        elif isinstance(value, Mapping) and isinstance(key, str) and not _is_trainings(key):
            if depth > 1 and id(value) not in seen and _holds_tensors(value):
                seen.add(id(value))
                for name, tensor in _named(value, where, depth=depth - 1, seen=seen):
                    yield _name(f"{key}.{name}", where), tensor


def _name(key: object, where: str) -> str:
    if not isinstance(key, str) or not key.isprintable() or not 0 < len(key) <= _LONGEST_NAME:
        raise InputError(f"{where} names of tensors must be words, got {str(key)[:60]!r}; {MEND}")
    return key


def _plain(key: object, tensor: Tensor, where: str) -> Tensor:
    fault = unusable(tensor)
    if fault is not None:
        what, mend = fault
        raise InputError(f"{where} must hold dense tensors, got {str(key)[:80]} ({what}); {mend}")
    # An instance may carry attributes that hide a tensor's methods.
    return Tensor.detach(tensor).cpu()


def unusable(tensor: Tensor) -> tuple[str, str] | None:
    """What keeps a tensor from being copied into a layer, and what to do."""
    if type(tensor) not in {Tensor, nn.Parameter}:
        name = type(tensor).__name__[:40]
        return name, "make each a plain tensor before it is saved, a DTensor with full_tensor()"
    if tensor.is_nested or tensor.layout != torch.strided:
        return "sparse", "make it dense with to_dense() before it is saved"
    if tensor.is_quantized:
        return "quantised", "save the weights before quantisation"
    if tensor.is_meta:
        return "without values", "save it from a device that holds values"
    return None


def _mend(key: str) -> str:
    if "_packed_params" in key:
        return "save the weights before quantisation"
    return MEND


def _kind(value: object) -> str:
    return type(value).__name__[:40]

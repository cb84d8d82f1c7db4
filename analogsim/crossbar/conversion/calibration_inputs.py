"""Which inputs a network is looked at with while it is converted."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from analogsim.call import Inputs
from analogsim.draws.strangers import drawn_from
from analogsim.errors import CalibrationWarning, InputError

Batch = Tensor | Inputs | Mapping[str, Any] | tuple[Any, ...] | list[Any]
Calibration = Batch | Iterable[Batch] | tuple[int, ...]

LABELS = ("labels", "label", "target", "targets", "y")
"""Names in a dictionary of inputs that are the answers, which no network here is given."""

_SYNTHETIC_BATCHES, _SYNTHETIC_SIZE = 4, 16


def calibration_batches(
    model: nn.Module, calibrate: Calibration | None
) -> tuple[Iterator[Inputs], str | None]:
    """Calls of the network and, for synthetic inputs, a note that says so (also warned).

    `calibrate` may be one tensor, one `Inputs`, one dictionary, one tuple of arguments, the shape
    of one input, or an iterable of batches: tensors, `Inputs`, dictionaries, tuples of arguments
    or (inputs, labels), whichever the network takes.

    Raises:
        InputError: a batch of another kind, or no usual shape fits the network.
    """
    if isinstance(calibrate, Tensor | Inputs | Mapping):
        return iter([Taken(model).inputs(calibrate)]), None
    shape: tuple[int, ...]
    if calibrate is None:
        shape = _guess_input_shape(model)
    elif isinstance(calibrate, tuple) and all(isinstance(n, int) for n in calibrate):
        shape = calibrate
    elif isinstance(calibrate, tuple) and len(calibrate) == 2 and _is_batch(calibrate):
        return iter([Taken(model).inputs(calibrate)]), None
    elif isinstance(calibrate, tuple) and _is_call(model, calibrate):
        return iter([Inputs.of(calibrate)]), None
    elif not isinstance(calibrate, Iterable):
        raise InputError(
            "calibration data must be tensors, batches or the shape of one input, got "
            f"{calibrate!r}; give calibrate=batches"
        )
    else:
        taken = Taken(model)
        return (taken.inputs(batch) for batch in calibrate), None
    note = (
        f"input ranges are calibrated on synthetic normal inputs of shape {shape}: "
        "give real inputs before believing an accuracy"
    )
    warnings.warn(note, CalibrationWarning, stacklevel=3)
    generator = torch.Generator().manual_seed(0)
    synthetic = (
        Inputs.of(torch.randn(_SYNTHETIC_SIZE, *shape, generator=generator))
        for _ in range(_SYNTHETIC_BATCHES)
    )
    return synthetic, note


class Taken:
    """What a network takes of a batch: decided on the first one, the same for all."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._first_only: bool | None = None

    def inputs(self, batch: object) -> Inputs:
        """The call that a batch stands for.

        Raises:
            InputError: it is no tensor, `Inputs`, dictionary or tuple with tensors.
        """
        if isinstance(batch, Mapping):
            return Inputs.of({key: value for key, value in batch.items() if key not in LABELS})
        if not isinstance(batch, tuple | list):
            if not isinstance(batch, Tensor | Inputs):
                raise InputError(
                    "calibration batch must be a tensor or (images, labels), got "
                    f"{type(batch).__name__}; give tensors"
                )
            return Inputs.of(batch)
        if not batch:
            raise InputError("calibration batch must hold a tensor, got an empty one; give tensors")
        if self._first_only is None:
            self._first_only = self._decide(batch)
        if not self._first_only:
            return Inputs.of(batch)
        if isinstance(batch[0], tuple | list | Mapping | Tensor | Inputs):
            return Inputs.of(batch[0])
        raise InputError(
            "calibration batch must be a tensor or (images, labels), got "
            f"{type(batch[0]).__name__}; give tensors"
        )

    def _decide(self, batch: tuple[Any, ...] | list[Any]) -> bool:
        """Whether the network takes the first of a tuple alone; the others are labels then."""
        if len(batch) == 1 or not isinstance(batch[0], Tensor):
            return True
        ways = (True, False) if len(batch) == 2 and _are_labels(batch) else (False, True)
        for first_only in ways:
            if _runs(self._model, Inputs.of(batch[0] if first_only else batch)):
                return first_only
        return True


def _are_labels(batch: tuple[Any, ...] | list[Any]) -> bool:
    first, second = batch
    if not isinstance(second, Tensor):
        return not isinstance(second, Mapping | tuple)
    return second.shape in {(len(first),), (len(first), 1)}


def _is_batch(value: tuple[Any, ...]) -> bool:
    """Whether a pair is (inputs, labels)."""
    return isinstance(value[0], Tensor) and isinstance(value[1], Tensor) and _are_labels(value)


def _is_call(model: nn.Module, value: tuple[Any, ...]) -> bool:
    """Whether a tuple holds the arguments of one call, and not several batches."""
    first = value[0] if value else None
    return (
        isinstance(first, Tensor)
        and not _runs(model, Inputs.of(first))
        and _runs(model, Inputs.of(value))
    )


def _runs(model: nn.Module, inputs: Inputs) -> bool:
    try:
        with torch.no_grad(), drawn_from(0):
            inputs.rows(0, 2).clone().call(model)
    except Exception:  # noqa: BLE001 - a stranger's network may raise anything
        return False
    return True


def first_inputs(
    batches: Batch | Iterable[Batch], count: int, model: nn.Module
) -> Tensor | Inputs | None:
    """The first `count` rows, or as many as there are; None if there are none.

    Raises:
        InputError: a batch of another kind.
    """
    taken = Taken(model)
    every: Iterable[Any] = [batches] if isinstance(batches, Tensor | Inputs | Mapping) else batches
    parts: list[Inputs] = []
    missing = count
    for batch in every:
        inputs = taken.inputs(batch)
        parts.append(inputs.rows(0, missing).float32())
        missing -= min(inputs.n, missing)
        if missing <= 0:
            break
    return joined_rows(parts) if parts else None


def joined_rows(parts: list[Inputs]) -> Tensor | Inputs:
    """Batches of one kind, one after the other; a tensor where that is all that they hold."""
    columns = [list(part.tensors()) for part in parts]
    sizes = [part.n for part in parts]
    whole = iter(
        [
            torch.cat(column)
            if all(len(t) == n for t, n in zip(column, sizes, strict=True))
            else column[0]
            for column in zip(*columns, strict=True)
        ]
    )
    made = parts[0].map(lambda _: next(whole))
    if len(made.args) == 1 and not made.kwargs and isinstance(made.args[0], Tensor):
        return made.args[0]
    return made


def _guess_input_shape(model: nn.Module) -> tuple[int, ...]:
    """The first usual input shape that the network accepts, by its first layer."""
    candidates: list[tuple[int, ...]] = []
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            candidates = [(m.in_channels, n, n) for n in (32, 224, 28, 64, 8)]
        elif isinstance(m, nn.Conv1d):
            candidates = [(m.in_channels, n) for n in (64, 256, 1024)]
        elif isinstance(m, nn.Linear):
            candidates = [(m.in_features,), (16, m.in_features)]
        if candidates:
            break
    for shape in candidates:
        if _runs(model, Inputs.of(torch.zeros(2, *shape))):
            return shape
    raise InputError(
        f"calibration data must be given: no usual input shape fits {type(model).__name__}; "
        "pass calibrate=batches or calibrate=(channels, height, width)"
    )

"""Which inputs a network is looked at with while it is converted."""

import warnings
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from analogsim.errors import CalibrationWarning, InputError

Calibration = Tensor | Iterable[Tensor] | tuple[int, ...]

_SYNTHETIC_BATCHES, _SYNTHETIC_SIZE = 4, 16


def calibration_batches(
    model: nn.Module, calibrate: Calibration | None
) -> tuple[Iterator[Tensor], str | None]:
    """Input batches and, for synthetic ones, a note that says so (also warned)."""
    if isinstance(calibrate, Tensor):
        return iter([calibrate.float()]), None
    shape: tuple[int, ...]
    if calibrate is None:
        shape = _guess_input_shape(model)
    elif isinstance(calibrate, tuple) and all(isinstance(n, int) for n in calibrate):
        shape = calibrate
    else:
        return (images_of(batch) for batch in calibrate), None
    note = (
        f"input ranges are calibrated on synthetic normal inputs of shape {shape}: "
        "give real inputs before believing an accuracy"
    )
    warnings.warn(note, CalibrationWarning, stacklevel=3)
    generator = torch.Generator().manual_seed(0)
    synthetic = (
        torch.randn(_SYNTHETIC_SIZE, *shape, generator=generator) for _ in range(_SYNTHETIC_BATCHES)
    )
    return synthetic, note


def images_of(batch: object) -> Tensor:
    """The images of a batch, float32. Raises InputError for what holds none."""
    images = batch[0] if isinstance(batch, tuple | list) else batch
    if not isinstance(images, Tensor):
        raise InputError(
            f"calibration batch must be a tensor or (images, labels), got {type(images).__name__}; "
            "give tensors"
        )
    return images.float()


def first_images(batches: Tensor | Iterable[Tensor], count: int) -> Tensor | None:
    """The first `count` images, or as many as there are, as one tensor; None if there are none.

    Raises:
        InputError: a batch that is no tensor.
    """
    parts: list[Tensor] = []
    missing = count
    for batch in [batches] if isinstance(batches, Tensor) else batches:
        images = images_of(batch)[:missing]
        parts.append(images)
        missing -= len(images)
        if missing <= 0:
            break
    return torch.cat(parts) if parts else None


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
        try:
            with torch.no_grad():
                model(torch.zeros(2, *shape))
        except (RuntimeError, ValueError, AssertionError, IndexError, TypeError):
            continue
        return shape
    raise InputError(
        f"calibration data must be given: no usual input shape fits {type(model).__name__}; "
        "pass calibrate=batches or calibrate=(channels, height, width)"
    )

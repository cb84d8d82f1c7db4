"""Images in memory as bytes, normalised a batch at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset

from analogsim.errors import InputError

MeanStd = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Normalise:
    """(pixel / divisor - mean) / std, a channel at a time.

    Attributes:
        divisor: the pixel value that becomes 1.
        mean: one value a channel, after the division.
        std: one value a channel, after the division, above 0.
        source: where the numbers come from.
    """

    divisor: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pixels (..., channels, height, width) of any dtype to new float32 values."""
        shape = (-1, 1, 1)
        values = pixels.to(torch.float32, copy=True).div_(self.divisor)
        values.sub_(torch.tensor(self.mean, device=values.device).view(shape))
        return values.div_(torch.tensor(self.std, device=values.device).view(shape))

    def __str__(self) -> str:
        pixel = "x" if self.divisor == 1 else f"x/{self.divisor:g}"
        if set(self.mean) == {0.0} and set(self.std) == {1.0}:
            return f"{pixel} ({self.source})"
        mean = ", ".join(f"{value:.5g}" for value in self.mean)
        std = ", ".join(f"{value:.5g}" for value in self.std)
        return f"({pixel} - ({mean})) / ({std}) ({self.source})"


def make_normalise(
    asked: MeanStd | None,
    default: MeanStd | None,
    *,
    channels: int,
    divisor: float,
    source: str,
    where: str,
) -> Normalise:
    """The normalisation that the user asked for, or the data set's own.

    Args:
        asked: mean and std after the division by `divisor`; one value counts for all channels.
        default: the data set's own; None leaves the divided pixels as they are.
        channels: how many channels the images have.
        divisor: the pixel value that becomes 1.
        source: where the default comes from.
        where: how an error names the data set.

    Raises:
        InputError: the number of values is wrong, one is not finite, or a std is not above 0.
    """
    mean, std = asked or default or ((0.0,), (1.0,))
    if asked is not None:
        source = "as asked"
    numbers = []
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in {1, channels}:
            raise InputError(
                f"{where} normalisation {name} must have 1 or {channels} values, got "
                f"{len(values)}; give one a channel"
            )
        wrong = [v for v in values if not math.isfinite(v) or (name == "std" and v <= 0)]
        if wrong:
            rule = "finite" if name == "mean" else "finite and above 0"
            raise InputError(
                f"{where} normalisation {name} must be {rule}, got {wrong[0]}"
                "; give the numbers that the model was trained with"
            )
        numbers.append(tuple(float(v) for v in values) * (channels // len(values)))
    return Normalise(divisor=divisor, mean=numbers[0], std=numbers[1], source=source)


class TensorImages(Dataset[tuple[Tensor, int]]):
    """Images (n, channels, height, width) and labels (n,) held in memory."""

    def __init__(self, images: Tensor, labels: Tensor, normalise: Normalise) -> None:
        self.images = images
        self.labels = labels
        self.normalise = normalise

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One normalised image (channels, height, width) and its label."""
        return self.normalise(self.images[index]), int(self.labels[index])

    def batch(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Normalised images start..stop-1 and their labels, as (n, c, h, w) and (n,)."""
        return self.normalise(self.images[start:stop]), self.labels[start:stop]

"""Which images a network or chip gets right."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import Subset, TensorDataset

from analogsim.crossbar.program import Chip
from analogsim.crossbar.seeds import seeded
from analogsim.errors import InputError
from analogsim.experiment.deal import Images, pack, positions
from analogsim.inputs.data import Data
from analogsim.inputs.images import TensorImages


@dataclass(frozen=True, kw_only=True)
class Score:
    """Counts over images, and which were right (packed, see `deal.py`)."""

    n_images: int
    n_correct: int
    n_nan: int
    correct: str

    @property
    def accuracy(self) -> float:
        """Share of right images, in [0, 1]."""
        return self.n_correct / self.n_images


def score(module: nn.Module, data: Iterable[tuple[Tensor, Tensor]], device: str = "cpu") -> Score:
    """As `crossbar.evaluate`, image by image: the same draws, the same counts.

    Args:
        module: a network or a chip; it lies on `device`.
        data: batches of (images, labels).
        device: where to compute: `cpu` or `cuda`.

    Raises:
        InputError: no image, or outputs that are not (images, classes).
    """
    if isinstance(module, Chip):
        t_s = -1.0 if module.t_s is None else module.t_s
        with seeded(module.seed, "forward", module.chip, t_s):
            return _score(module, data, device)
    return _score(module, data, device)


def _score(module: nn.Module, data: Iterable[tuple[Tensor, Tensor]], device: str) -> Score:
    bits: list[bool] = []
    n_nan = 0
    with torch.inference_mode():
        for images, labels in data:
            outputs = module(images.to(device))
            if not isinstance(outputs, Tensor) or outputs.dim() != 2:
                got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs)
                raise InputError(
                    f"outputs must be (images, classes), got {got}; give a classification network"
                )
            nan = torch.isnan(outputs).any(dim=1)
            predicted = torch.where(nan, 0, outputs.argmax(dim=1))
            bits.extend((predicted == labels.to(predicted.device)).tolist())
            n_nan += int(nan.sum())
    if not bits:
        raise InputError("data must hold at least one image, got none; give another set or limit")
    return Score(n_images=len(bits), n_correct=sum(bits), n_nan=n_nan, correct=pack(bits))


def select(data: Data, images: Images) -> Data:
    """The data set of these images alone, in their order."""
    if images["order"] == "stored" and images["start"] == 0:
        whole = images["count"] == len(data.dataset)  # type: ignore[arg-type]  # all are sized
        if whole:
            return data
    return dataclasses.replace(data, dataset=_subset(data.dataset, positions(images)))


def _subset(dataset: object, at: Sequence[int]) -> "TensorImages | TensorDataset | Subset[object]":
    index = torch.as_tensor(at, dtype=torch.int64)
    if isinstance(dataset, TensorImages):
        return TensorImages(dataset.images[index], dataset.labels[index], dataset.normalise)
    if isinstance(dataset, TensorDataset):
        return TensorDataset(*dataset[index])
    return Subset(dataset, list(at))  # type: ignore[arg-type]  # a Dataset, as `Data` says

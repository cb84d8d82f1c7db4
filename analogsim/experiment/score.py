"""Which images a network or chip gets right, or how well it does on each."""

import dataclasses
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.data import Subset, TensorDataset

from analogsim.crossbar.chip.evaluate import Answers, answers, mean_of
from analogsim.errors import AccuracyWarning
from analogsim.experiment.deal import Images, pack, pack_values, positions
from analogsim.inputs.data import Data
from analogsim.inputs.images import TensorImages
from analogsim.inputs.measure import TOP_1, Measure


@dataclass(frozen=True, kw_only=True)
class Score:
    """Counts over images, and which were right or what each scored (packed, see `deal.py`).

    `accuracy` is the mean of the measure: of right and wrong the share of right images, in [0, 1];
    `n_correct` is None for other measures. `notes` are doubts about a digital network, as
    sentences.
    """

    n_images: int
    n_correct: int | None
    accuracy: float
    n_nan: int
    correct: str
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def counts(self) -> dict[str, Any]:
        """What a trial has of it, under its names there."""
        return {key: value for key, value in vars(self).items() if key != "notes"}


def score(
    module: nn.Module, data: Iterable[object], device: str = "cpu", measure: Measure = TOP_1
) -> Score:
    """As `crossbar.evaluate`, image by image: the same draws, the same counts.

    Args:
        module: a network or a chip; it lies on `device`.
        data: batches of (images, labels).
        device: where to compute: `cpu` or `cuda`.
        measure: what is measured.

    Raises:
        InputError: as `crossbar.evaluate`.
    """
    return _score(answers(module, data, device, measure))


def digital_score(
    module: nn.Module, data: Iterable[object], device: str = "cpu", measure: Measure = TOP_1
) -> Score:
    """The score of a digital network before a study of it; arguments and errors as `score`.

    Warns (AccuracyWarning) and notes it where the accuracy is that of a network which is not
    used as it was trained.
    """
    found = answers(module, data, device, measure)
    said = found.doubt()
    if said is None:
        return _score(found)
    warnings.warn(said, AccuracyWarning, stacklevel=2)
    return dataclasses.replace(_score(found), notes=(f"Doubtful: {said}.",))


def _score(found: Answers) -> Score:
    right = found.n_correct
    return Score(
        n_images=len(found.values),
        n_correct=right,
        accuracy=mean_of(found.values),
        n_nan=int(found.nan.sum()),
        correct=pack_values(found.values.numpy()) if right is None else pack(found.values.tolist()),
    )


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

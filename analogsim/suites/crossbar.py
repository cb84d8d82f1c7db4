"""What a study of chips measured of one network of a suite, as counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analogsim.errors import InputError
from analogsim.experiment.statistics import Interval, interval
from analogsim.report.summary import read_run

Cell = tuple[str, str, str, float]
"""Preset, treatment of BatchNorm, compensation, time in seconds."""


@dataclass(frozen=True, kw_only=True)
class CrossbarResult:
    """One network's chips, each on the whole test set.

    Attributes:
        correct: cell -> chip -> how many images were right.
        nan: cell -> how many outputs of all its chips were NaN.
    """

    question: str
    command: str
    model: str
    data: str
    created: str
    n_images: int
    clean_correct: int
    correct: Mapping[Cell, Mapping[int, int]]
    nan: Mapping[Cell, int]
    digest: str
    weights: str
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def clean(self) -> float:
        """The digital network's accuracy, a fraction."""
        return self.clean_correct / self.n_images

    def accuracy(self, cell: Cell) -> Interval:
        """Accuracy over chips."""
        return interval([n / self.n_images for n in self.correct[cell].values()])

    def normalised(self, cell: Cell) -> dict[int, float]:
        """Chip -> accuracy over the digital network's."""
        return {chip: n / self.clean_correct for chip, n in self.correct[cell].items()}


def read_crossbar(folder: Path) -> CrossbarResult:
    """Read the run's folder. Raises InputError as `read_run`, and for images dealt out."""
    run = read_run(folder)
    header = run.header
    total = header.digital["n_images"]
    correct: dict[Cell, dict[int, int]] = {}
    nan: dict[Cell, int] = {}
    for trial in run.trials:
        if trial.n_images != total:
            raise InputError(
                f"run folder {folder} chips must see all {total} images, got {trial.n_images} "
                f"(chip {trial.chip}); give a design with chips"
            )
        cell = (trial.preset, trial.bn, trial.compensation, trial.t_s)
        correct.setdefault(cell, {})[trial.chip] = trial.n_correct
        nan[cell] = nan.get(cell, 0) + trial.n_nan
    return CrossbarResult(
        question=header.question,
        command=header.command,
        model=header.model,
        data=header.data,
        created=header.created,
        n_images=total,
        clean_correct=header.digital["n_correct"],
        correct=correct,
        nan=nan,
        digest=header.spec_digest,
        weights=header.spec["weights_sha256"],
        versions=header.versions,
        notes=run.notes,
    )

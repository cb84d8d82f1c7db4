"""What a study of chips measured of one network of a suite, as counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from analogsim.errors import InputError
from analogsim.experiment.header import right_answers
from analogsim.experiment.statistics import ACCURACY, DIFFERENCE, Interval, Span
from analogsim.experiment.statistics.components import Numbers
from analogsim.experiment.trial import Trial
from analogsim.report.summary import read_run
from analogsim.scopes.of_network import OfNetwork, of_network
from analogsim.scopes.units import Units, linearised, unpacked

Cell = tuple[str, str, str, float]
"""Preset, treatment of BatchNorm, compensation, time in seconds."""


@dataclass(frozen=True, kw_only=True)
class CrossbarResult(OfNetwork):
    """One network's chips, each on the whole test set.

    Attributes:
        correct: cell -> chip -> how many images were right.
        nan: cell -> how many outputs of all its chips were NaN.
        answers: cell -> chip -> which images were right, packed as in `deal.pack`; cells that
            did not record them are absent.
        coverage: share of the multiply-adds of a forward pass that tiles compute; None where it
            was not counted.
    """

    correct: Mapping[Cell, Mapping[int, int]]
    nan: Mapping[Cell, int]
    answers: Mapping[Cell, Mapping[int, str]] = field(default_factory=dict)
    coverage: float | None = None

    def accuracy(self, cell: Cell) -> Interval | None:
        """Accuracy over chips."""
        return self.units(cell).mean()

    def units(self, cell: Cell) -> Units:
        """Accuracy of each chip."""
        total = self.n_images
        return self._units(cell, lambda n: n / total, lambda right: right, 1 / total, ACCURACY)

    def cost(self, cell: Cell) -> Units:
        """What each chip loses of the digital network's accuracy."""
        total, digital = self.n_images, self._digital()
        less = None if digital is None else lambda right: digital - right
        return self._units(cell, lambda n: self.clean - n / total, less, 1 / total, DIFFERENCE)

    def normalised(self, cell: Cell) -> Units:
        """Accuracy of each chip over the digital network's."""
        total, digital = self.clean_correct, self._digital()
        over = None if digital is None else lambda right: linearised(right, digital)
        span = (0.0, 1 / self.clean)
        return self._units(cell, lambda n: n / total, over, 1 / total, span)

    def _digital(self) -> Numbers | None:
        known = self.digital_correct
        return None if known is None else unpacked(known, self.n_images)

    def _units(
        self,
        cell: Cell,
        value: Callable[[int], float],
        of_images: Callable[[Numbers], Numbers] | None,
        step: float,
        span: Span,
    ) -> Units:
        """`value` of each chip's count; image by image where answers are known."""
        right, known = self.correct[cell], self.answers.get(cell)
        images = None
        if known is not None and of_images is not None:
            images = {chip: of_images(unpacked(known[chip], self.n_images)) for chip in right}
        values = {chip: value(n) for chip, n in right.items()}
        return Units(values=values, images=images, step=step, span=span)


def read_crossbar(folder: Path) -> CrossbarResult:
    """Read the run's folder. Raises InputError as `read_run`, and for images dealt out."""
    run = read_run(folder)
    header = run.header
    total = header.digital["n_images"]
    correct: dict[Cell, dict[int, int]] = {}
    nan: dict[Cell, int] = {}
    answers: dict[Cell, dict[int, str]] = {}
    for trial in run.trials:
        if trial.n_images != total:
            raise InputError(
                f"run folder {folder} chips must see all {total} images, got {trial.n_images} "
                f"(chip {trial.chip}); give a design with chips"
            )
        cell = (trial.preset, trial.bn, trial.compensation, trial.t_s)
        correct.setdefault(cell, {})[trial.chip] = right_answers(trial.n_correct, str(folder))
        nan[cell] = nan.get(cell, 0) + trial.n_nan
        known = answers.setdefault(cell, {})
        if trial.correct is not None and _in_order(trial):
            known[trial.chip] = trial.correct
    return CrossbarResult(
        **of_network(header, run.notes),
        correct=correct,
        nan=nan,
        answers={
            cell: known for cell, known in answers.items() if known.keys() == correct[cell].keys()
        },
        coverage=None if header.coverage is None else header.coverage["share"],
    )


def _in_order(trial: Trial) -> bool:
    """Whether its answers stand in the order of the test set, as the digital network's do."""
    return trial.images is not None and trial.images["order"] == "stored"

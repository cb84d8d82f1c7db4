"""What curves of a run cost against the digital network, and which costs are told apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from analogsim.experiment.statistics import Interval, holm, less_digital, paired_trials
from analogsim.experiment.trial import Trial
from analogsim.quantity import Quantity


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A device with its treatment: the trials of each time in seconds."""

    preset: str
    name: str
    bn: str
    compensation: str
    trials: dict[float, list[Trial]]

    @property
    def treatment(self) -> tuple[str, str]:
        """What else may be compared under the same treatment."""
        return self.bn, self.compensation


class Claims:
    """Everything that one answer compares with 0: all are judged together, by Holm."""

    def __init__(self) -> None:
        self._p_values: list[float | None] = []

    def enter(self, p: float | None) -> int:
        """Its place; no verdict may be asked for before the last is entered."""
        self._p_values.append(p)
        return len(self._p_values) - 1

    def told(self, at: int) -> bool:
        """Whether what was entered there is told apart from 0."""
        return holm(self._p_values)[at]

    @property
    def count(self) -> int:
        """How many comparisons the verdicts allow for."""
        return sum(p is not None for p in self._p_values)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A cost or a difference of two: more is worse. A fraction where the quantity is a share.

    `bounds` at 95 % are for new images where the run has those, else for these; None for one chip.
    """

    mean: float
    bounds: tuple[float, float] | None
    n_chips: int
    claims: Claims
    place: int

    @property
    def told_apart(self) -> bool:
        """Whether it is told apart from 0, among all that its answer compares."""
        return self.claims.told(self.place)


def curves_of(trials: Sequence[Trial]) -> list[Curve]:
    """The curves that have a finished trial after the pilot, in the order of their first."""
    found: dict[tuple[str, str, str, str], dict[float, list[Trial]]] = {}
    measured = {_cell(trial) for trial in trials if trial.part == "main"}
    for trial in trials:
        if _cell(trial) in measured:
            key = (trial.preset, trial.name, trial.bn, trial.compensation)
            found.setdefault(key, {}).setdefault(trial.t_s, []).append(trial)
    return [
        Curve(preset=preset, name=name, bn=bn, compensation=compensation, trials=times)
        for (preset, name, bn, compensation), times in found.items()
    ]


def _cell(trial: Trial) -> tuple[object, ...]:
    return trial.name, trial.bn, trial.compensation, trial.t_s


@dataclass(frozen=True, kw_only=True)
class Costs:
    """How costs of one run are measured; each that is asked for is a claim.

    Attributes:
        digital_mean, digital_correct: of the digital network, and its answers.
        new_images: whether intervals are for new images.
    """

    digital_mean: float
    digital_correct: str | None
    quantity: Quantity
    new_images: bool
    claims: Claims

    @classmethod
    def of(
        cls,
        trials: Sequence[Trial],
        digital_mean: float,
        digital_correct: str | None,
        quantity: Quantity,
    ) -> "Costs":
        """Those of a run; intervals are for new images if all of its answers were recorded."""
        known = all(trial.correct is not None and trial.images is not None for trial in trials)
        return cls(
            digital_mean=digital_mean,
            digital_correct=digital_correct,
            quantity=quantity,
            new_images=known and digital_correct is not None,
            claims=Claims(),
        )

    def mean(self, trials: Sequence[Trial]) -> float:
        """What a row's chips cost on average, to rank by: no claim."""
        main = [trial.accuracy for trial in trials if trial.part == "main"]
        return -self.quantity.sign * (sum(main) / len(main) - self.digital_mean)

    def cost(self, trials: Sequence[Trial], *, of: int = 1) -> Cost:
        """What a row's chips cost; it was picked out of so many after the measurement."""
        span = self.quantity.differences
        found = less_digital(trials, self.digital_mean, self.digital_correct, span=span)
        return self._cost(found, of)

    def more(self, a: Sequence[Trial], b: Sequence[Trial], *, of: int = 1) -> Cost | None:
        """What `a` costs more than `b`, paired over the chips of both; None if they share none."""
        span = self.quantity.differences
        found = paired_trials(a, b, self.digital_correct, span=span)
        return None if found is None else self._cost(found, of)

    def _cost(self, found: Interval, of: int) -> Cost:
        bounds, p = found.new_images, found.p_new_images
        if not self.new_images:
            bounds, p = found.bounds, found.p
        sign = -self.quantity.sign
        if bounds is not None:
            low, high = sorted(sign * bound for bound in bounds)
            bounds = (low, high)
        return Cost(
            mean=sign * found.mean,
            bounds=bounds,
            n_chips=found.n,
            claims=self.claims,
            # One of several that were looked at counts as all of them (Bonferroni).
            place=self.claims.enter(None if p is None else min(1.0, of * p)),
        )

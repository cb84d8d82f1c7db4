"""Means and intervals over chips.

The independent unit is the chip: all images of a trial see the same programmed weights, so
an interval over images (binomial) would be far too narrow. Intervals are Student's t over
the chips' accuracies. With one chip there is no interval, and none is made up.

Bounds are not clipped to [0, 1]. A bound outside says that the chips are few or that the
accuracy sits at its ceiling or floor, where t is only approximate; clipping would hide that
and break the symmetry on which `mean +- half-width` rests. Plots end their axis at 0 and 1.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from analogsim.errors import InputError
from analogsim.experiment.records import Trial


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Mean of `n` values, its confidence bounds and the sample standard deviation.

    `low`, `high` and `std` are None for one value.
    """

    mean: float
    low: float | None
    high: float | None
    std: float | None
    n: int

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval, or None."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a result table; accuracies are fractions.

    `n_images` is the number of images that each chip saw, `n_nan` the number of NaN outputs
    over all chips, `ci95` [low, high] or None, `std_chips` the spread over chips or None.
    """

    preset: str
    t_s: float
    bn: str
    compensation: str
    n_chips: int
    n_images: int
    mean: float
    ci95: list[float] | None
    std_chips: float | None
    n_nan: int


def interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Mean and two-sided Student t interval of independent values, unclipped.

    Raises InputError for no values, a value that is not finite, or a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise InputError(f"interval level must be between 0 and 1, got {level}; give 0.95")
    if not values:
        raise InputError("interval values must be one or more, got 0; give a chip's accuracy")
    wrong = [value for value in values if not math.isfinite(value)]
    if wrong:
        raise InputError(f"interval values must be finite, got {wrong[0]}; leave it out")
    # The standard library computes both exactly, so equal values have a spread of exactly 0.
    mean = statistics.mean(map(float, values))
    n = len(values)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, std=None, n=1)
    std = statistics.stdev(map(float, values))
    half = _t_quantile(0.5 + level / 2, n - 1) * std / math.sqrt(n)
    return Interval(mean=mean, low=mean - half, high=mean + half, std=std, n=n)


def _t_quantile(probability: float, degrees: int) -> float:
    # Imported here for the start-up time of commands that compute no interval.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))


def accuracy_by_chip(trials: Iterable[Trial]) -> dict[int, float]:
    """Accuracy of each chip. Raises InputError if a chip occurs twice."""
    found: dict[int, float] = {}
    for trial in trials:
        if trial.chip in found:
            raise InputError(
                f"records {_name(trial)} must have each chip once, got chip {trial.chip} twice; "
                "delete one of the two lines"
            )
        found[trial.chip] = trial.accuracy
    return found


def paired_difference(
    a: Mapping[int, float], b: Mapping[int, float], level: float = 0.95
) -> Interval:
    """Interval of `a - b` over chips, each chip compared with itself.

    The arguments map a chip's number to its accuracy (see `accuracy_by_chip`). Raises
    InputError unless both have the same chips.
    """
    alone = sorted(a.keys() ^ b.keys())
    if alone:
        raise InputError(
            f"paired chips must be the same on both sides, got chip {alone[0]} on one only; "
            "compare the chips that both have"
        )
    return interval([a[chip] - b[chip] for chip in a], level)


def summarise(trials: Iterable[Trial]) -> list[Row]:
    """One row for each preset, BN, compensation and time, with the interval over its chips.

    Presets, BN and compensation keep the order of their first trial; times ascend. Raises
    InputError if a chip occurs twice in a row, or if the chips of a row saw different numbers
    of images or different tiles.
    """
    groups: dict[tuple[str, str, str], dict[float, list[Trial]]] = {}
    for trial in trials:
        series = groups.setdefault((trial.preset, trial.bn, trial.compensation), {})
        series.setdefault(trial.t_s, []).append(trial)
    order = {key[0]: None for key in groups}
    return [
        _row(groups[key][t_s])
        for preset in order
        for key in groups
        if key[0] == preset
        for t_s in sorted(groups[key])
    ]


def _row(group: list[Trial]) -> Row:
    first = group[0]
    for field in ("n_images", "periphery", "tile", "forward"):
        values = {getattr(trial, field): None for trial in group}
        if len(values) > 1:
            raise InputError(
                f"records {_name(first)} must have the same {field} for every chip, got "
                f"{' and '.join(map(str, values))}; keep them in separate runs"
            )
    over = interval(list(accuracy_by_chip(group).values()))
    ci95 = None if over.low is None or over.high is None else [over.low, over.high]
    return Row(
        preset=first.preset,
        t_s=first.t_s,
        bn=first.bn,
        compensation=first.compensation,
        n_chips=over.n,
        n_images=first.n_images,
        mean=over.mean,
        ci95=ci95,
        std_chips=over.std,
        n_nan=sum(trial.n_nan for trial in group),
    )


def _name(trial: Trial) -> str:
    return (
        f"(preset {trial.preset}, t_s {trial.t_s:g}, bn {trial.bn}, "
        f"compensation {trial.compensation})"
    )

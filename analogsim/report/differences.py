"""Paired differences of a run: over time within a curve, and between curves at a time.

The same chips and images stand on both sides (chips of the same number where the devices differ),
so a difference is known far better than the two accuracies.
"""

from collections.abc import Sequence
from typing import TypedDict

from analogsim.experiment.statistics import paired_trials
from analogsim.experiment.trial import Trial


class Side(TypedDict):
    """One side of a difference."""

    preset: str
    t_s: float
    bn: str
    compensation: str


class Difference(TypedDict):
    """`a - b` as a fraction, with its 95 % interval ([low, high], None for one pair)."""

    a: Side
    b: Side
    mean: float
    ci95: list[float] | None
    n_chips: int


_Curve = tuple[str, str, str]


def differences(trials: Sequence[Trial], digital_correct: str | None) -> list[Difference]:
    """Each time against the first of its curve, and each curve against a reference at its times.

    The reference is the first curve, but for another treatment of BatchNorm: there it is the
    first treatment of the same device and compensation.
    """
    cells: dict[_Curve, dict[float, list[Trial]]] = {}
    for trial in trials:
        curve = cells.setdefault((trial.preset, trial.bn, trial.compensation), {})
        curve.setdefault(trial.t_s, []).append(trial)
    pairs = []
    for curve in cells.values():
        times = sorted(curve)
        pairs += [(curve[t_s], curve[times[0]]) for t_s in times[1:]]
    first, *rest = cells
    for preset, bn, compensation in rest:
        curve = cells[preset, bn, compensation]
        same = (preset, first[1], compensation)
        base = cells[same if bn != first[1] and same in cells else first]
        pairs += [(curve[t_s], base[t_s]) for t_s in sorted(curve) if t_s in base]
    found = []
    for a, b in pairs:
        between = paired_trials(a, b, digital_correct)
        if between is not None:
            none = between.low is None or between.high is None
            found.append(
                Difference(
                    a=_side(a[0]),
                    b=_side(b[0]),
                    mean=between.mean,
                    ci95=None if none else [between.low, between.high],  # type: ignore[list-item]
                    n_chips=between.n,
                )
            )
    return found


def _side(trial: Trial) -> Side:
    return Side(preset=trial.preset, t_s=trial.t_s, bn=trial.bn, compensation=trial.compensation)

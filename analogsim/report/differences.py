"""Paired differences of a run: over time within a curve, and between curves at a time.

The same chips and images stand on both sides (chips of the same number where the devices differ),
so a difference is known far better than the two accuracies.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from analogsim.experiment.axes import Value
from analogsim.experiment.statistics import DIFFERENCE, Span, holm, listed, paired_trials
from analogsim.experiment.trial import Trial


class Side(TypedDict):
    """One side of a difference; `point` where there is a sweep."""

    preset: str
    t_s: float
    bn: str
    compensation: str
    point: NotRequired[dict[str, Value]]


class Difference(TypedDict):
    """`a - b` of fractions, with its 95 % intervals ([low, high], None for one pair).

    `ci95` is for these images, `ci95_new_images` for others like them; `p` and `p_new_images` are
    the probabilities of such a difference if there is none (None as the interval is).
    `told_apart` is the verdict for new images (for these where single answers were not recorded),
    adjusted for all differences of the run by Holm.
    """

    a: Side
    b: Side
    mean: float
    ci95: list[float] | None
    n_chips: int
    ci95_new_images: list[float] | None
    p: float | None
    p_new_images: float | None
    told_apart: bool


_Curve = tuple[str, str, str]


def differences(
    trials: Sequence[Trial], digital_correct: str | None, span: Span = DIFFERENCE
) -> list[Difference]:
    """Each time against the first of its curve, and each curve against a reference at its times.

    The reference is the first curve, but for another treatment of BatchNorm: there it is the
    first treatment of the same device and compensation. `span` bounds a difference.
    """
    cells: dict[_Curve, dict[float, list[Trial]]] = {}
    for trial in trials:
        curve = cells.setdefault((trial.name, trial.bn, trial.compensation), {})
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
    known = [(a, b, paired_trials(a, b, digital_correct, span=span)) for a, b in pairs]
    found = [(a[0], b[0], between) for a, b, between in known if between is not None]
    verdicts = holm([between.best_p for _, _, between in found])
    return [
        Difference(
            a=_side(a),
            b=_side(b),
            mean=between.mean,
            ci95=listed(between.bounds),
            n_chips=between.n,
            ci95_new_images=listed(between.new_images),
            p=between.p,
            p_new_images=between.p_new_images,
            told_apart=apart,
        )
        for (a, b, between), apart in zip(found, verdicts, strict=True)
    ]


def _side(trial: Trial) -> Side:
    side = Side(preset=trial.preset, t_s=trial.t_s, bn=trial.bn, compensation=trial.compensation)
    if trial.point:
        side["point"] = trial.point
    return side

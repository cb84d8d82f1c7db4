"""What a sweep is made for: how far a setting can go before accuracy is lost."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from analogsim.experiment.axes import Axes, Value, place_of
from analogsim.experiment.statistics import Interval, Row, holm, paired_trials
from analogsim.experiment.trial import Trial

Verdict = Literal["within", "beyond", "open"]
"""Whether a value is shown to be within the tolerance of the reference, or to be beyond it."""

_BITS = ("dac_bits", "adc_bits")
_SIZES = ("max_input_size", "max_output_size")
_NOISE = ("output_noise", "read_noise", "ir_drop", "eta")


class Candidate(TypedDict):
    """A value of the axis beside the reference: `mean` is of its accuracy less the reference's.

    Intervals are at 95 %, paired over chips, None for one chip; `verdict` is for these images and
    `verdict_new_images` for others like them (None where single answers were not recorded), both
    adjusted for all candidates of the run by Holm.
    """

    value: Value
    mean: float
    ci95: list[float] | None
    ci95_new_images: list[float] | None
    n_chips: int
    verdict: Verdict
    verdict_new_images: Verdict | None


class Choice(TypedDict):
    """The candidates of one axis, nearest to the reference first, all else the same.

    `others` are the values of the other axes. `chosen` is the candidate furthest from the
    reference that is shown to be within the tolerance, with all before it; None if there is none.
    """

    preset: str
    bn: str
    compensation: str
    t_s: float
    axis: str
    others: dict[str, Value]
    reference: Value
    candidates: list[Candidate]
    chosen: Value | None


def best_end(axis: str) -> Literal["first", "last"] | None:
    """The end of the ascending values that loses least; None where nobody knows.

    More bits lose less; smaller tiles and less noise do.
    """
    field = axis.rpartition(".")[2]
    if field in _BITS:
        return "last"
    return "first" if field in _SIZES or field in _NOISE or field.endswith("_scale") else None


def ascending(axis: str, values: Iterable[Value]) -> tuple[Value, ...]:
    """Numbers from the smallest on, words as they come.

    0 bits are no converter and 0 rows no limit, which comes after all numbers.
    """
    given = tuple(values)
    if any(isinstance(value, bool | str) for value in given):
        return given
    endless = axis.rpartition(".")[2] in (*_BITS, *_SIZES)
    return tuple(sorted(given, key=lambda v: math.inf if endless and v == 0 else float(v)))


def choices(
    rows: Sequence[Row],
    trials: Sequence[Trial],
    axes: Axes,
    within: float,
    digital_correct: str | None,
) -> list[Choice]:
    """A choice for each curve at its last time, on the first axis of which a direction is known.

    Args:
        rows, trials: of a sweep.
        axes: its values.
        within: the tolerance, a fraction.
        digital_correct: the digital network's answers.
    """
    axis = next((a for a, values in axes.items() if best_end(a) and len(values) > 1), None)
    if axis is None:
        return []
    by_cell: dict[tuple[object, ...], list[Trial]] = {}
    for trial in trials:
        by_cell.setdefault(trial.key[:4] + trial.key[5:], []).append(trial)
    asked = [
        _Asked(axis, group, [by_cell[_cell(row)] for row in group]) for group in _groups(rows, axis)
    ]
    found = [one.shifted(within, digital_correct) for one in asked]
    every = [one for group in found for one in group]
    here = _verdicts(every, [one.p for one in every])
    new = _verdicts(every, [one.p_new_images for one in every])
    made = []
    for one, group in zip(asked, found, strict=True):
        judged = [(here.pop(0), new.pop(0)) for _ in group]
        made.append(one.choice(group, judged, within))
    return made


@dataclass(frozen=True)
class _Asked:
    """The rows of one curve along the axis, the reference first, and their trials."""

    axis: str
    rows: list[Row]
    trials: list[list[Trial]]

    def shifted(self, within: float, digital_correct: str | None) -> list[Interval]:
        """Each candidate's difference to the reference and the tolerance: 0 is just within."""
        pairs = [
            paired_trials(trials, self.trials[0], digital_correct, shift=within)
            for trials in self.trials[1:]
        ]
        # The same chips on the same images; a run that was broken off lacks some.
        return [Interval(mean=math.nan, low=None, high=None, std=None, n=0) if one is None else one
                for one in pairs]  # fmt: skip

    def choice(
        self, found: list[Interval], judged: list[tuple[Verdict, Verdict]], within: float
    ) -> Choice:
        """The candidates with their verdicts, and the one that is chosen."""
        first = self.rows[0]
        known = [
            (row, one, verdicts)
            for row, one, verdicts in zip(self.rows[1:], found, judged, strict=True)
            if one.n
        ]
        candidates = [
            Candidate(
                value=_value(row, self.axis),
                mean=one.mean - within,
                ci95=_less(one.bounds, within),
                ci95_new_images=_less(one.new_images, within),
                n_chips=one.n,
                verdict=here,
                verdict_new_images=None if one.new_images is None else new,
            )
            for row, one, (here, new) in known
        ]
        chosen = None
        for candidate in candidates:
            if candidate["verdict"] != "within":
                break
            chosen = candidate["value"]
        return Choice(
            preset=first.preset,
            bn=first.bn,
            compensation=first.compensation,
            t_s=first.t_s,
            axis=self.axis,
            others={a: v for a, v in (first.point or {}).items() if a != self.axis},
            reference=_value(first, self.axis),
            candidates=candidates,
            chosen=chosen,
        )


def _groups(rows: Sequence[Row], axis: str) -> list[list[Row]]:
    """Rows that differ in the axis alone, at the last time that they have; the reference first."""
    groups: dict[tuple[object, ...], dict[float, list[Row]]] = {}
    for row in rows:
        others = {a: v for a, v in (row.point or {}).items() if a != axis}
        key = (row.preset, row.bn, row.compensation, place_of(others))
        groups.setdefault(key, {}).setdefault(row.t_s, []).append(row)
    last = [times[max(times)] for times in groups.values()]
    return [_from_best(group, axis) for group in last if len(group) > 1]


def _from_best(group: list[Row], axis: str) -> list[Row]:
    by_value = {_value(row, axis): row for row in group}
    ordered = [by_value[value] for value in ascending(axis, by_value)]
    return ordered[::-1] if best_end(axis) == "last" else ordered


def _verdicts(found: Sequence[Interval], p_values: Sequence[float | None]) -> list[Verdict]:
    """By which side of the tolerance each stands on, where that is told apart."""
    told = holm(p_values)
    return [
        "open" if not apart else "within" if one.mean > 0 else "beyond"
        for one, apart in zip(found, told, strict=True)
    ]


def _cell(row: Row) -> tuple[object, ...]:
    return row.preset, row.bn, row.compensation, row.t_s, place_of(row.point)


def _value(row: Row, axis: str) -> Value:
    assert row.point is not None, "a row of a sweep has a point"
    return row.point[axis]


def _less(bounds: tuple[float, float] | None, within: float) -> list[float] | None:
    return None if bounds is None else [bound - within for bound in bounds]

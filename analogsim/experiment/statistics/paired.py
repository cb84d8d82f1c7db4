"""Differences between two rows whose chips of one number saw the same images.

The pair is the unit: its two trials share their images (and, on one device, the programmed
weights), so that what they share cancels from the difference.
"""

from collections.abc import Mapping, Sequence, Set

import numpy as np

from analogsim.errors import InputError
from analogsim.experiment.statistics.components import Answers, Numbers
from analogsim.experiment.statistics.crossed import crossed
from analogsim.experiment.statistics.interval import (
    DIFFERENCE,
    Interval,
    Span,
    interval,
)
from analogsim.experiment.statistics.over_images import over_images
from analogsim.experiment.statistics.rows import (
    accuracy_by_chip,
    answers,
    digital_answers,
    flip_of,
    is_dealt,
)
from analogsim.experiment.trial import Trial


def paired_difference(
    a: Mapping[int, float],
    b: Mapping[int, float],
    level: float = 0.95,
    *,
    step: float | None = None,
    span: Span = DIFFERENCE,
) -> Interval:
    """Interval of `a - b` over chips, each chip compared with itself.

    The arguments map a chip's number to its accuracy (see `accuracy_by_chip`); `step` is what one
    image changes of it, and `span` bounds the difference. Raises InputError unless both have the
    same chips.
    """
    same_chips(a.keys(), b.keys())
    return interval([a[chip] - b[chip] for chip in a], level, step=step, span=span)


def same_chips(a: Set[int], b: Set[int]) -> None:
    """Raises InputError unless both sides of a pair have the same chips."""
    alone = sorted(a ^ b)
    if alone:
        raise InputError(
            f"paired chips must be the same on both sides, got chip {alone[0]} on one only; "
            "compare the chips that both have"
        )


def paired_trials(
    a: Sequence[Trial],
    b: Sequence[Trial],
    digital_correct: str | None = None,
    *,
    shift: float = 0.0,
    span: Span = DIFFERENCE,
) -> Interval | None:
    """Interval of the mean difference `a - b` of two rows' trials; None if they share no pair.

    With a `shift` it is that of `a - b + shift`, whose `p` asks whether b is better by more or by
    less than that. `span` bounds the difference.

    A pair is a chip number that both have, on the same images. Where images were dealt out, the
    standard error is the crossed one of the differences, answer by answer.
    """
    main, pilot = _pairs(a, b, "main"), _pairs(a, b, "pilot")
    if not main:
        return None
    left, right = [pair[0] for pair in main], [pair[1] for pair in main]
    dealt, found, first = is_dealt(left), _differences(main, shift), left[0].images
    if found is None or first is None:
        step = flip_of([*left, *right]) / left[0].n_images
        better = {chip: value + shift for chip, value in accuracy_by_chip(left).items()}
        return paired_difference(better, accuracy_by_chip(right), step=step, span=span)
    total = first["total"]
    if not dealt:
        return over_images([one.values for one in found], span, flip=found[0].flip)
    return crossed(
        found,
        total,
        pilot=_differences(pilot, shift) or (),
        digital=digital_answers(digital_correct, total),
        span=span,
    )


def less_digital(
    trials: Sequence[Trial],
    digital_mean: float,
    digital_correct: str | None = None,
    *,
    span: Span = DIFFERENCE,
) -> Interval:
    """Interval of the mean of a row's trials less the digital network's on the same images.

    It is paired image by image, so that images which both get wrong cost nothing. `new_images` is
    None where single answers were not recorded. `span` bounds the difference.
    """
    main = [trial for trial in trials if trial.part == "main"]
    found, first = answers(main), main[0].images
    digital = None if first is None else digital_answers(digital_correct, first["total"])
    if found is None or first is None or digital is None:
        values = [value - digital_mean for value in accuracy_by_chip(main).values()]
        step = flip_of(main) / main[0].n_images
        return interval(values, step=step, span=span)
    pilot = answers(trial for trial in trials if trial.part == "pilot") or []
    return crossed(
        [_less(one, digital) for one in found],
        first["total"],
        pilot=[_less(one, digital) for one in pilot],
        digital=digital if is_dealt(main) else None,
        span=span,
        stopped=is_dealt(main),
    )


def _less(one: Answers, digital: Numbers) -> Answers:
    values = np.subtract(one.values, digital[one.images])
    return Answers(images=one.images, values=values, flip=one.flip)


def _pairs(a: Sequence[Trial], b: Sequence[Trial], part: str) -> list[tuple[Trial, Trial]]:
    right = {trial.chip: trial for trial in b if trial.part == part}
    return [
        (trial, right[trial.chip])
        for trial in a
        if trial.part == part
        and trial.chip in right
        and trial.images == right[trial.chip].images
        and trial.n_images == right[trial.chip].n_images
    ]


def _differences(pairs: Sequence[tuple[Trial, Trial]], shift: float) -> list[Answers] | None:
    left, right = answers(pair[0] for pair in pairs), answers(pair[1] for pair in pairs)
    if left is None or right is None:
        return None
    return [
        Answers(
            images=one.images,
            values=np.subtract(one.values, other.values) + shift,
            flip=min(one.flip, other.flip),
        )
        for one, other in zip(left, right, strict=True)
    ]

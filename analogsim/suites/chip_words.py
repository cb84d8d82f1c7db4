"""Where BatchNorm costs accuracy on chips, in words, by rule: generated, never chosen."""

from collections.abc import Sequence

from analogsim.experiment.statistics import Interval
from analogsim.report.labels import format_duration
from analogsim.suites.bounds import (
    ONE_TRAINING,
    by_chance,
    cases_said,
    images_said,
    remaining,
    sign,
)
from analogsim.suites.chips import Compared, Networks, compared


def chip_sentences(networks: Networks) -> list[str]:
    """Whether BatchNorm costs accuracy there, pair by pair, and over trainings."""
    groups: dict[tuple[str, int], list[Compared]] = {}
    for one in compared(networks):
        groups.setdefault((one.name, one.n_trainings), []).append(one)
    # What holds over trainings is said first.
    order = sorted(groups, key=lambda group: -group[1])
    return [_sentence(groups[group]) for group in order]


def _sentence(rows: Sequence[Compared]) -> str:
    places = [
        (row, t_s, one)
        for row in rows
        for t_s, one in zip(row.times, row.cells, strict=True)
        if one is not None
    ]
    means = [one for _, _, one in places]
    signs = [sign(one) for one in means]
    over = max((row.over for row in rows), key=len)
    said = {
        way: _places([place for place, found in zip(places, signs, strict=True) if found == way])
        for way in (-1, 0, 1)
    }
    kept = [place for place, known in zip(places, remaining(means), strict=True) if known]
    text = (
        f"{rows[0].name}: BatchNorm costs a share of the digital accuracy in {said[-1]}; gains "
        f"one in {said[1]}; not told apart in {said[0]}. (Rule, at 95 % over {over} and "
        f"{images_said(means, rows[0].n_images)}: the interval of with minus without leaves 0 "
        f"out; {by_chance(means)}. With Holm's correction for all of them these remain: "
        f"{_places(kept)}.)"
    )
    if rows[0].n_trainings == 1:
        text += ONE_TRAINING
    return text


def _places(places: Sequence[tuple[Compared, float, Interval]]) -> str:
    named = ((f"{'/'.join(row.panel)}/{row.bn}", format_duration(t_s)) for row, t_s, _ in places)
    return cases_said(named, ", ")

"""What each network of a suite costs or keeps, in a sentence a case."""

from analogsim.experiment.statistics import Interval
from analogsim.report.labels import compensation_label, format_duration, points, with_bounds
from analogsim.suites.attributed import attribution_sentences
from analogsim.suites.bounds import images_said
from analogsim.suites.chips import Networks, panels_of
from analogsim.suites.kept import Kept
from analogsim.suites.noised import noised_sentences

_FEW = 4


def overview(kept: Kept) -> list[str]:
    """The mean over all eta of noise, and of attributions what each says for its last time."""
    return [*noised_sentences(kept.noised), *attribution_sentences(kept.attributed)]


def chip_costs(networks: Networks) -> list[str]:
    """What each network loses at the last time of each preset and compensation.

    Its own digital network is what it is held against, on the same images.
    """
    said: list[str] = []
    found: list[Interval] = []
    for preset, compensation in panels_of(networks):
        cells = [
            (entry.label, one, cost)
            for entry, result in networks
            for one in result.correct
            if (one[0], one[2]) == (preset, compensation)
            and (cost := result.cost(one).mean()) is not None
        ]
        last = max(one[3] for _, one, _ in cells)
        here = [(label, one, cost) for label, one, cost in cells if one[3] == last]
        with_bn = len({one[1] for _, one, _ in here}) > 1
        each = [
            (f"{label}{f' (BN {one[1]})' if with_bn else ''}", cost) for label, one, cost in here
        ]
        start = f"After {format_duration(last)} {preset} with {compensation_label(compensation)}"
        said.append(f"{start} costs {_in_words(each)}.")
        found += [cost for _, _, cost in here]
    if not said:
        return []
    n_images = networks[0][1].n_images
    return [
        *said,
        "Costs are points against each network in digital; in brackets 95 % intervals over chips, "
        f"for {images_said(found, n_images)}.",
    ]


def _in_words(each: list[tuple[str, Interval]]) -> str:
    """Each cost, or of many the ends."""
    if len(each) <= _FEW:
        return ", ".join(f"{name} {_number(cost)}" for name, cost in each)
    least = min(each, key=lambda one: one[1].mean)
    most = max(each, key=lambda one: one[1].mean)
    return (
        f"from {_number(least[1])} ({least[0]}) to {_number(most[1])} ({most[0]}), of {len(each)} "
        "that were measured"
    )


def _number(found: Interval) -> str:
    return with_bounds(f"{_points(found.mean)} points", found.best_bounds, _points)


def _points(value: float) -> str:
    return points(value).removeprefix("+")

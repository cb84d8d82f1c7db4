"""How many chips and images reach a precision, and when to stop.

The cost of a chip (programming, drifting) is in units of one image's evaluations; `within` is
what one more image averages away. Few images on many chips is cheap as long as chips are.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analogsim.experiment.statistics.components import Components
from analogsim.experiment.statistics.interval import t_quantile

MIN_CHIPS = 10
MIN_IMAGES = 8


def variance(known: Components, chips: float, images: float, total: int) -> float:
    """Variance of the mean over `chips` chips with `images` images each, dealt out in turn."""
    answers = chips * images
    image = known.image * max(1 / answers - 1 / total, 0.0)
    return known.chip / chips + known.interaction / answers + image


def required_chips(known: Components, images: float, total: int, half_width: float) -> int:
    """The fewest chips whose t interval is expected to be `half_width` either side."""
    n = 2
    while n < 10**9:
        need = variance(known, n, images, total) * t_quantile(0.975, n - 1) ** 2
        if need <= half_width**2:
            return n
        # The variance falls at least as fast as 1 / n: this step never passes the answer by much.
        n = max(n + 1, min(2 * n, int(n * (need / half_width**2) ** 0.9)))
    return n


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`hands` chips share the test set between them; `chips` are expected to be needed."""

    hands: int
    chips: int


def hand_choices(total: int) -> tuple[int, ...]:
    """Into how many hands a test set may be dealt: 1, 2, 3, 4, 6, 8, 12, ..."""
    steps = [1]
    n = 2
    while total // n >= MIN_IMAGES:
        steps.append(n)
        if total // (n * 3 // 2) >= MIN_IMAGES:
            steps.append(n * 3 // 2)
        n *= 2
    return tuple(steps)


def best_plan(
    rows: Iterable[Components], total: int, *, half_width: float, cost_ratio: float
) -> Plan:
    """The cheapest plan that brings every row to the half-width.

    Args:
        rows: components of each row that shares the chips.
        total: images of the test set.
        half_width: of the 95 % interval of each row.
        cost_ratio: cost of a chip in evaluations of one image in all rows.
    """
    known = tuple(rows)

    def plan(hands: int) -> Plan:
        images = total / hands
        chips = max(required_chips(row, images, total, half_width) for row in known)
        return Plan(hands=hands, chips=max(chips, MIN_CHIPS))

    plans = [plan(hands) for hands in hand_choices(total)]
    return min(plans, key=lambda p: p.chips * (cost_ratio + total / p.hands))


def next_chips(done: int, half_widths: Sequence[float], wanted: float) -> int:
    """How many chips in all to have before looking again; `done` if it is enough.

    The half-widths are looked at only a few times, each time with more chips: a look is a chance
    to stop on a spread that is too small by luck, for which they are widened (`crossed`).
    """
    widest = max(half_widths)
    if done >= MIN_CHIPS and widest <= wanted:
        return done
    predicted = math.ceil(done * (widest / wanted) ** 2)
    return max(min(predicted, 2 * done), done + max(1, done // 10))

"""Does a case hold a published pair of values, and how much does it say that one does?

Many cases with wide intervals hold almost any pair. So an interval must be narrow to count, and
beside the cases that hold the published pair stands the share of all pairs that would be held.
"""

from collections.abc import Sequence
from itertools import pairwise

from analogsim.suites.bounds import Bounds

NARROW = 0.05
"""Half-width above which an interval says too little: 5 points of normalised accuracy."""

Region = tuple[Bounds, Bounds]
"""Of pairs of values: (low, high) with and without BatchNorm."""


def region(arms: Sequence[tuple[Bounds | None, Bounds | None]]) -> Region | None:
    """The pairs that all of these intervals hold: of the mean, and of each training."""
    sides = []
    for side in zip(*arms, strict=True):
        known = [one for one in side if one is not None]
        if len(known) < len(side):
            return None
        low, high = max(one[0] for one in known), min(one[1] for one in known)
        if low > high:
            return None
        sides.append((low, high))
    return sides[0], sides[1]


def holds(where: Region | None, with_bn: float, without_bn: float) -> bool:
    """Whether the pair lies there."""
    if where is None:
        return False
    (left, right), (low, high) = where
    return left <= with_bn <= right and low <= without_bn <= high


def is_narrow(one: Bounds | None) -> bool:
    """Whether an interval is narrow enough to say something."""
    return one is not None and (one[1] - one[0]) / 2 <= NARROW


def held_share(regions: Sequence[Region], chance: float) -> float:
    """The share of pairs that at least one region holds, if every pair is as likely.

    Pairs are those with chance <= with BatchNorm <= without BatchNorm <= 1: no worse than
    guessing, and BatchNorm does not help. Exact: the regions' bounds cut the square into cells,
    each of which is held as a whole or not at all.
    """
    whole = (1 - chance) ** 2 / 2
    if whole <= 0:
        return 0.0
    xs = _cuts([left for left, _ in regions], chance)
    ys = _cuts([right for _, right in regions], chance)
    held = 0.0
    for x in pairwise(xs):
        over_x = [one for one in regions if one[0][0] <= x[0] and x[1] <= one[0][1]]
        for y in pairwise(ys):
            if any(one[1][0] <= y[0] and y[1] <= one[1][1] for one in over_x):
                held += _above(x, y)
    return held / whole


def _cuts(sides: Sequence[Bounds], chance: float) -> list[float]:
    ends = {min(max(end, chance), 1.0) for side in sides for end in side}
    return sorted(ends | {chance, 1.0})


def _above(x: Bounds, y: Bounds) -> float:
    """Area of the part of a rectangle in which y is at least x."""
    (left, right), (low, high) = x, y
    right = min(right, high)
    if right <= left:
        return 0.0
    bend = min(max(low, left), right)
    # Up to the bend whole columns, from there on a trapezium.
    return (bend - left) * (high - low) + (right - bend) * (high - (bend + right) / 2)

"""The one noise level whose accuracy equals a given one: a root search on a fixed ladder.

With common random numbers a chip's normals are the same at every level and only their size
changes, so that the accuracy falls smoothly but for the steps of whole images. The levels form a
ladder with steps of 2 %, so that searches meet at the same rungs and pay for each one once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from analogsim.errors import InputError
from analogsim.experiment.replay import every
from analogsim.experiment.statistics import Interval

STEP = 1.02
LOWEST, HIGHEST = 0.002, 2.0

Reached = Literal["yes", "below", "above"]


@dataclass(frozen=True, kw_only=True)
class Equivalent:
    """Gaussian noise, sigma = eta std(W) a layer, with the accuracy of a device.

    Attributes:
        eta: where the mean difference crosses 0, interpolated between two rungs; None if it
            does not within the bracket.
        low, high: outside them the paired 95 % interval of (Gaussian - device) does not hold 0;
            rounded outwards to rungs. `low` is 0 if even no noise is not told apart from the
            device, `high` None if the largest level is not either, and both None for one chip.
        reached: `yes`; `below` if the device is no worse than chips without noise; `above` if it
            is worse than the largest level of the bracket.
        n_chips: pairs in each difference.
        n_levels: levels that the search looked at.
    """

    eta: float | None
    low: float | None
    high: float | None
    reached: Reached
    n_chips: int
    n_levels: int


def ladder(lowest: float = LOWEST, highest: float = HIGHEST) -> tuple[float, ...]:
    """0, then levels from `lowest` to at least `highest`, each 2 % above the one before.

    Raises:
        InputError: the bracket is empty or begins at 0.
    """
    if not 0 < lowest < highest:
        raise InputError(
            f"bracket of eta must be 0 < lowest < highest, got {lowest} to {highest}; swap them"
        )
    rungs = [0.0, lowest]
    while rungs[-1] < highest:
        # Rounded, so that a level is a short decimal in the name of its preset.
        rungs.append(float(f"{rungs[-1] * STEP:.4g}"))
    return tuple(rungs)


def equivalent(
    difference: Callable[[float], Interval],
    rungs: tuple[float, ...],
    known: dict[float, Interval] | None = None,
) -> Equivalent:
    """Search the level where `difference` changes its sign, and those where its interval does.

    Args:
        difference: level -> paired interval of (Gaussian - device); it falls with the level, up
            to the noise of finitely many images. Each level is asked for once; where it raises
            `Missing`, the next levels of all three are asked for before that is passed on.
        rungs: levels, ascending, the first one 0.
        known: differences of levels that an earlier call has asked for; this one adds its own.
    """
    known = {} if known is None else known

    def at(level: float) -> Interval:
        if level not in known:
            known[level] = difference(level)
        return known[level]

    floor = at(rungs[0])
    # One chip has a mean and no bounds.
    mean, *bounds = every(
        partial(_crossing, value, rungs, strict=strict)
        for value, strict in (
            (lambda level: at(level).mean, False),
            (lambda level: _bound(at(level).low), False),
            (lambda level: _bound(at(level).high), True),
        )[: 3 if floor.n > 1 else 1]
    )
    eta: float | None
    reached: Reached = "yes"
    if mean is None:
        eta, reached = None, "above"
    elif mean == 0:
        # Exactly equal without noise is met; worse without noise is not.
        eta, reached = (0.0, "yes") if floor.mean == 0 else (None, "below")
    else:
        eta = _between(at, rungs[mean - 1], rungs[mean])
    low = high = None
    if bounds:
        above, below = bounds
        low = rungs[-1] if above is None else rungs[max(above - 1, 0)]
        high = None if below is None else rungs[below]
    return Equivalent(
        eta=eta, low=low, high=high, reached=reached, n_chips=floor.n, n_levels=len(known)
    )


def _crossing(
    value: Callable[[float], float], rungs: tuple[float, ...], *, strict: bool = False
) -> int | None:
    """The first rung found at or below 0 (`strict`: below 0); None if the last one is above."""

    def fallen(place: int) -> bool:
        return value(rungs[place]) < 0 if strict else value(rungs[place]) <= 0

    low, high = 0, len(rungs) - 1
    if fallen(low):
        return low
    if not fallen(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fallen(middle) else (middle, high)
    return high


def _between(at: Callable[[float], Interval], low: float, high: float) -> float:
    """Where the straight line through two rungs' means crosses 0."""
    above, below = at(low).mean, at(high).mean
    return low + (high - low) * above / (above - below)


def _bound(value: float | None) -> float:
    assert value is not None, "two chips or more have an interval"
    return value

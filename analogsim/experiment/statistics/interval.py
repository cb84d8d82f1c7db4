"""Mean and Student t interval of independent values.

Bounds are not clipped to [0, 1]. A bound outside says that the chips are few or that the
accuracy sits at its ceiling or floor, where t is only approximate; clipping would hide that
and break the symmetry on which `mean +- half-width` rests. Plots end their axis at 0 and 1.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from analogsim.errors import InputError


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


def interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Mean and two-sided Student t interval of independent values, unclipped.

    Raises InputError for no values, a value that is not finite, or a level outside (0, 1).
    """
    check_level(level)
    check_values(values)
    # The standard library computes both exactly, so equal values have a spread of exactly 0.
    mean = statistics.mean(map(float, values))
    n = len(values)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, std=None, n=1)
    std = statistics.stdev(map(float, values))
    half = t_quantile(0.5 + level / 2, n - 1) * std / math.sqrt(n)
    return Interval(mean=mean, low=mean - half, high=mean + half, std=std, n=n)


def check_values(values: Sequence[float]) -> None:
    """Raises InputError for no values or one that is not finite."""
    if not values:
        raise InputError("interval values must be one or more, got 0; give a chip's accuracy")
    wrong = [value for value in values if not math.isfinite(value)]
    if wrong:
        raise InputError(f"interval values must be finite, got {wrong[0]}; leave it out")


def check_level(level: float) -> None:
    """Raises InputError for a level outside (0, 1)."""
    if not 0 < level < 1:
        raise InputError(f"interval level must be between 0 and 1, got {level}; give 0.95")


def t_quantile(probability: float, degrees: float) -> float:
    """Quantile of Student's t; `degrees` may be a fraction."""
    # Imported here for the start-up time of commands that compute no interval.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))

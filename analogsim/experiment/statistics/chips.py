"""Beyond the mean: how much chips differ, the 5th percentile chip, and the yield.

These are for accuracies measured on the whole test set. From a few images each, the noise of the
measurement would count as differences between chips: the spread would be too wide, the 5th
percentile too low, and the yield pulled towards one half.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analogsim.errors import InputError
from analogsim.experiment.statistics.interval import check_level, check_values

PERCENTILE = 0.05


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """A value with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Quantile(Bounds):
    """A quantile over chips and how its interval was made."""

    method: Literal["order statistics", "normal chips"]


def spread(values: Sequence[float], level: float = 0.95) -> Bounds | None:
    """Standard deviation over chips with its chi-square interval; None for one chip.

    The interval takes the chips' accuracies as normally distributed.
    """
    check_level(level)
    check_values(values)
    n = len(values)
    if n < 2:
        return None
    from scipy.special import chdtri  # here for the start-up time, as in interval.py

    std = statistics.stdev(map(float, values))
    tail = (1 - level) / 2
    # chdtri's probability is that of the upper tail.
    high_square, low_square = float(chdtri(n - 1, tail)), float(chdtri(n - 1, 1 - tail))
    return Bounds(
        value=std,
        low=std * math.sqrt((n - 1) / high_square),
        high=std * math.sqrt((n - 1) / low_square),
    )


def percentile_chip(
    values: Sequence[float], share: float = PERCENTILE, level: float = 0.95
) -> Quantile | None:
    """The accuracy that all but `share` of the chips reach; None for one chip.

    With enough chips the bounds are two of the measured accuracies (order statistics), right for
    any distribution; for 5 % at level 95 % that takes 72 chips or so. With fewer, chips are taken
    as normally distributed, and the bounds are exact for that (noncentral t).
    """
    check_level(level)
    check_values(values)
    if not 0 < share < 1:
        raise InputError(f"percentile must be between 0 and 1, got {share}; give 0.05")
    n = len(values)
    if n < 2:
        return None
    from scipy.stats import binom, nct, norm

    ordered = sorted(map(float, values))
    tail = (1 - level) / 2
    # The number of chips below the quantile is binomial(n, share).
    below = int(binom.ppf(tail, n, share))
    above = int(binom.isf(tail, n, share)) + 1
    if float(binom.cdf(below - 1, n, share)) <= tail and below >= 1 and above <= n:
        place = min(max(math.ceil(share * n), 1), n)
        return Quantile(
            value=ordered[place - 1],
            low=ordered[below - 1],
            high=ordered[above - 1],
            method="order statistics",
        )
    mean, std = statistics.mean(ordered), statistics.stdev(ordered)
    z = float(norm.ppf(share))
    root = math.sqrt(n)
    low, high = (float(nct.ppf(p, n - 1, root * z)) / root for p in (tail, 1 - tail))
    return Quantile(
        value=mean + z * std, low=mean + low * std, high=mean + high * std, method="normal chips"
    )


def chip_yield(values: Sequence[float], above: float, level: float = 0.95) -> Bounds:
    """Share of chips whose accuracy is `above` or more, with its Clopper-Pearson interval."""
    check_level(level)
    check_values(values)
    from scipy.special import betaincinv

    n, good = len(values), sum(value >= above for value in values)
    tail = (1 - level) / 2
    low = float(betaincinv(good, n - good + 1, tail)) if good else 0.0
    high = float(betaincinv(good + 1, n - good, 1 - tail)) if good < n else 1.0
    return Bounds(value=good / n, low=low, high=high)

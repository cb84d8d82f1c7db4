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

import numpy as np

from analogsim.errors import InputError
from analogsim.experiment.statistics.interval import check_level, check_values, t_quantile
from analogsim.experiment.statistics.proportion import clopper_pearson

PERCENTILE = 0.05
_FEWEST = 8
"""Chips: the interval of fewer chips' spread reaches ten times as high as the spread."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """A value with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Quantile:
    """A quantile over chips, and its bounds where enough chips give some."""

    value: float
    bounds: tuple[float, float] | None
    method: Literal["order statistics", "normal chips"]


def spread(values: Sequence[float], level: float = 0.95) -> Bounds | None:
    """Standard deviation over chips with an interval; None for fewer than 8, or equal ones.

    Bonett's interval of a standard deviation (Computational Statistics & Data Analysis 50 (2006)
    775), which measures how heavy the tails are, with Student's quantile and the kurtosis raised
    by (n + 1) / (n - 1) for few chips. On normal chips it holds the truth in 96 to 99 % of
    samples of 10 to 40; on skewed ones (the digits network on PCM after a year, skewness -1.7) in
    98 % of samples of 10, 92 % of 20 and 90 % of 40: tails that few chips show cannot be known.
    """
    check_level(level)
    check_values(values)
    n = len(values)
    if n < _FEWEST:
        return None
    known = np.asarray(values, dtype=np.float64)
    # The standard library computes it exactly, so equal values have a spread of exactly 0.
    std = statistics.stdev(map(float, values))
    if std == 0:
        return None
    from scipy.special import ndtri  # here for the start-up time, as in interval.py

    # The trimmed mean; scipy.stats, which has one, takes 0.6 s to import.
    cut = int(n / (2 * math.sqrt(n - 4)))
    middle = np.sort(known)[cut : n - cut].mean()
    fourth = float(((known - middle) ** 4).sum())
    kurtosis = n * fourth / float(((known - known.mean()) ** 2).sum()) ** 2 * (n + 1) / (n - 1)
    small = n / (n - float(ndtri(0.5 + level / 2)))
    error = small * math.sqrt(max(kurtosis - (n - 3) / n, 0.0) / (n - 1))
    half = t_quantile(0.5 + level / 2, n - 1) * error / 2
    middle_log = math.log(std) + math.log(small) / 2
    return Bounds(value=std, low=math.exp(middle_log - half), high=math.exp(middle_log + half))


def percentile_chip(
    values: Sequence[float], share: float = PERCENTILE, level: float = 0.95
) -> Quantile | None:
    """The accuracy that all but `share` of the chips reach; None for one chip.

    With enough chips value and bounds are measured accuracies (order statistics), right for any
    distribution; for 5 % at level 95 % that takes 72 chips or so. With fewer there are no bounds:
    the value takes chips as normally distributed, and such bounds would hold 73 to 90 % on the
    chips of a real network.
    """
    check_level(level)
    check_values(values)
    if not 0 < share < 1:
        raise InputError(f"percentile must be between 0 and 1, got {share}; give 0.05")
    n = len(values)
    if n < 2:
        return None
    from scipy.special import bdtr, bdtrc, ndtri

    ordered = sorted(map(float, values))
    tail = (1 - level) / 2
    # The number of chips below the quantile is binomial(n, share): the fewest that less than the
    # tail are below, and one more than the fewest that no more than the tail exceed.
    counts = np.arange(n + 1.0)
    below = int(np.argmax(bdtr(counts, n, share) >= tail))
    above = int(np.argmax(bdtrc(counts, n, share) <= tail)) + 1
    if below >= 1 and above <= n:
        place = min(max(math.ceil(share * n), 1), n)
        return Quantile(
            value=ordered[place - 1],
            bounds=(ordered[below - 1], ordered[above - 1]),
            method="order statistics",
        )
    value = statistics.mean(ordered) + float(ndtri(share)) * statistics.stdev(ordered)
    return Quantile(value=value, bounds=None, method="normal chips")


def chip_yield(values: Sequence[float], above: float, level: float = 0.95) -> Bounds:
    """Share of chips whose accuracy is `above` or more, with its Clopper-Pearson interval."""
    check_level(level)
    check_values(values)
    n, good = len(values), sum(value >= above for value in values)
    low, high = clopper_pearson(good, n, level)
    return Bounds(value=good / n, low=low, high=high)

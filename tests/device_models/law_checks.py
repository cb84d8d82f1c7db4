"""What the tests of the devices share: one chip through its life, and two statistical checks.

Every statistical check states its alpha for one comparison; the smallest error that it must see
is shown by the negative controls in test_law_checks.py.
"""

import math

import numpy as np
from scipy import stats
from torch import Tensor

from device_models.checking import (
    Memory,
    anchored_weights,
    context_of,
    drift,
    program,
    uniform_weights,
)

__all__ = ["Memory", "anchored_weights", "context_of", "drift", "program", "uniform_weights"]

ALPHA = 1e-4

HOUR_S, DAY_S = 3_600.0, 86_400.0
MONTH_S, YEAR_S = 30 * DAY_S, 365 * DAY_S


def assert_spread(sample: Tensor, expected: float, *, comparisons: int = 1) -> None:
    """The standard deviation of near-Gaussian `sample` is `expected`, at ALPHA / comparisons.

    The bound is z / sqrt(2 n) relative, with z the two-sided normal quantile.
    """
    n = sample.numel()
    bound = stats.norm.isf(ALPHA / comparisons / 2) / math.sqrt(2 * n)
    measured = float(sample.double().std())
    assert abs(measured / expected - 1) < bound, f"{measured} is not {expected} within {bound:.2%}"


def assert_mean(sample: Tensor, expected: float, *, comparisons: int = 1) -> None:
    """The mean of `sample` is `expected`, at ALPHA / comparisons, given its own spread."""
    error = float(sample.double().std()) / math.sqrt(sample.numel())
    bound = stats.norm.isf(ALPHA / comparisons / 2) * error
    measured = float(sample.double().mean())
    assert abs(measured - expected) < bound, f"{measured} is not {expected} within {bound}"


def assert_same_distribution(first: Tensor, second: Tensor, *, comparisons: int = 1) -> None:
    """Kolmogorov and Smirnov's test of two samples does not reject at ALPHA / comparisons."""
    result = stats.ks_2samp(np.ravel(first.numpy()), np.ravel(second.numpy()))
    assert result.pvalue > ALPHA / comparisons, f"D = {result.statistic}, p = {result.pvalue}"

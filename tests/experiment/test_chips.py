"""Spread, 5th percentile chip and yield, each with an interval."""

import numpy as np
import pytest
from scipy import stats

from analogsim.errors import InputError
from analogsim.experiment.statistics.chips import chip_yield, percentile_chip, spread

# 5,000 runs a case: the standard error of a coverage of 0.95 is 0.0031; 0.93 lies 6 of them away.
RUNS = 5000


def draws(n: int) -> np.ndarray:
    return np.random.default_rng(4).normal(0.9, 0.02, (RUNS, n))


def test_a_worked_spread() -> None:
    # std of 1..5 is sqrt(2.5); chi-square(4) quantiles 0.484419 and 11.143287, printed tables.
    found = spread([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found is not None
    assert found.value == pytest.approx(2.5**0.5)
    assert found.low == pytest.approx((4 * 2.5 / 11.143287) ** 0.5, rel=1e-6)
    assert found.high == pytest.approx((4 * 2.5 / 0.484419) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("n", [3, 10])
def test_the_spread_covers(n: int) -> None:
    held = 0
    for row in draws(n).tolist():
        found = spread(row)
        assert found is not None
        held += found.low <= 0.02 <= found.high
    assert 0.93 <= held / RUNS <= 0.97


@pytest.mark.parametrize(("n", "method"), [(5, "normal chips"), (200, "order statistics")])
def test_the_5th_percentile_covers(n: int, method: str) -> None:
    truth = 0.9 + 0.02 * float(stats.norm.ppf(0.05))
    held = 0
    for row in draws(n)[: 1000 if n > 5 else 2000].tolist():
        found = percentile_chip(row)
        assert found is not None
        assert found.method == method
        held += found.low <= truth <= found.high
    # Order statistics are conservative; the standard errors are 0.0069 and 0.0049.
    assert 0.92 <= held / (1000 if n > 5 else 2000) <= 0.99


def test_order_statistics_need_no_normal_chips() -> None:
    rng = np.random.default_rng(6)
    truth = float(stats.expon.ppf(0.05))
    held = 0
    for row in rng.exponential(size=(1000, 200)).tolist():
        found = percentile_chip(row)
        assert found is not None
        held += found.low <= truth <= found.high
    assert held / 1000 >= 0.92


def test_one_chip_says_nothing_of_spread() -> None:
    assert spread([0.9]) is None
    assert percentile_chip([0.9]) is None


@pytest.mark.parametrize(("good", "n"), [(0, 10), (3, 10), (10, 10), (50, 80)])
def test_the_yield_has_the_clopper_pearson_interval(good: int, n: int) -> None:
    found = chip_yield([0.95] * good + [0.5] * (n - good), 0.9)
    exact = stats.binomtest(good, n).proportion_ci(method="exact")
    assert found.value == good / n
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_a_chip_at_the_bound_counts() -> None:
    assert chip_yield([0.9, 0.8], 0.9).value == 0.5


@pytest.mark.parametrize(
    ("share", "message"), [(0.0, "between 0 and 1, got 0.0"), (5.0, "between 0 and 1, got 5.0")]
)
def test_a_percentile_that_is_none_is_refused(share: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        percentile_chip([0.9, 0.8], share)

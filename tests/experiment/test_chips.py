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
    # Bonett (2006): trimming 1 / (2 sqrt(n - 4)) of each end takes one value of ten (25 % is 2.5,
    # so two) away; written out here a second time.
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 15.0]
    n, mean, middle = 10, 6.0, 5.5
    squares = sum((v - mean) ** 2 for v in values)
    kurtosis = n * sum((v - middle) ** 4 for v in values) / squares**2 * 11 / 9
    small = n / (n - 1.959964)
    error = small * ((kurtosis - (n - 3) / n) / (n - 1)) ** 0.5
    middle_log = float(np.log(small * squares / 9))
    found = spread(values)
    assert found is not None
    assert found.value == pytest.approx((squares / 9) ** 0.5)
    assert found.low == pytest.approx(np.exp((middle_log - 2.262157 * error) / 2), rel=1e-6)
    assert found.high == pytest.approx(np.exp((middle_log + 2.262157 * error) / 2), rel=1e-6)


@pytest.mark.parametrize("n", [10, 40])
def test_the_spread_covers(n: int) -> None:
    held = 0
    for row in draws(n)[:2000].tolist():
        found = spread(row)
        assert found is not None
        held += found.low <= 0.02 <= found.high
    # Student's quantile and the raised kurtosis err on the safe side: 0.99 and 0.96 are expected.
    assert 0.945 <= held / 2000


def test_few_chips_have_a_spread_without_an_interval() -> None:
    assert spread([0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96]) is None
    # Chips that agree say nothing of how much chips differ.
    assert spread([0.9] * 8) is None


def test_the_5th_percentile_covers() -> None:
    truth = 0.9 + 0.02 * float(stats.norm.ppf(0.05))
    held = 0
    for row in draws(200)[:1000].tolist():
        found = percentile_chip(row)
        assert found is not None
        assert found.method == "order statistics"
        assert found.bounds is not None
        held += found.bounds[0] <= truth <= found.bounds[1]
    # Order statistics are conservative; the standard error is 0.0069.
    assert 0.92 <= held / 1000 <= 0.99


@pytest.mark.parametrize(("n", "bounded"), [(71, False), (72, True)])
def test_a_percentile_of_few_chips_has_no_bounds(n: int, bounded: bool) -> None:
    found = percentile_chip(draws(n)[0].tolist())
    assert found is not None
    assert (found.bounds is not None) == bounded
    assert found.method == ("order statistics" if bounded else "normal chips")


def test_order_statistics_are_at_the_places_that_the_binomial_law_gives() -> None:
    for n in (72, 73, 100, 400):
        for share in (0.05, 0.1, 0.5):
            chips = np.arange(n) / n
            found = percentile_chip(chips.tolist(), share)
            assert found is not None
            below = int(stats.binom.ppf(0.025, n, share))
            above = int(stats.binom.isf(0.025, n, share)) + 1
            assert found.bounds == (chips[below - 1], chips[above - 1])


def test_order_statistics_need_no_normal_chips() -> None:
    rng = np.random.default_rng(6)
    truth = float(stats.expon.ppf(0.05))
    held = 0
    for row in rng.exponential(size=(1000, 200)).tolist():
        found = percentile_chip(row)
        assert found is not None
        assert found.bounds is not None
        held += found.bounds[0] <= truth <= found.bounds[1]
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

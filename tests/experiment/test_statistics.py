"""Intervals over chips: the formula, its coverage, and what is refused."""

import math

import numpy as np
import pytest
from scipy import stats

from analogsim.errors import InputError
from analogsim.experiment.statistics import (
    Interval,
    accuracy_by_chip,
    interval,
    paired_difference,
    summarise,
)
from tests.report.run_folder import make_trial


def test_a_worked_example() -> None:
    # Mean 3, std sqrt(2.5), t(0.975, 4) = 2.776445 from printed tables.
    got = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert got.n == 5
    assert got.mean == 3.0
    assert got.std == pytest.approx(math.sqrt(2.5), rel=1e-12)
    assert got.half_width == pytest.approx(2.776445 * math.sqrt(2.5 / 5), rel=1e-6)
    assert got.low == pytest.approx(3.0 - 1.963243, abs=1e-5)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_the_formula_is_scipy_s(n: int, level: float) -> None:
    values = np.random.default_rng(1).normal(0.9, 0.01, n)
    expected = stats.t.interval(level, n - 1, loc=values.mean(), scale=stats.sem(values))
    got = interval(values.tolist(), level)
    assert (got.low, got.high) == pytest.approx(expected, rel=1e-9)


def test_one_chip_has_no_interval() -> None:
    got = interval([0.9])
    assert got == Interval(mean=0.9, low=None, high=None, std=None, n=1)
    assert got.half_width is None


@pytest.mark.parametrize("value", [0.1, 1 / 3, 0.95, 1.0])
def test_equal_chips_have_a_spread_of_exactly_zero(value: float) -> None:
    got = interval([value] * 7)
    assert got == Interval(mean=value, low=value, high=value, std=0.0, n=7)


def test_bounds_are_not_clipped() -> None:
    got = interval([1.0, 1.0, 0.99])
    assert got.high is not None
    assert got.low is not None
    assert got.high > 1.0
    assert got.high - got.mean == pytest.approx(got.mean - got.low)


# 20,000 intervals a case. The standard error of a coverage of 0.95 is 0.0015, so the bounds 0.93
# and 0.97 lie 13 of them away (alpha far below 1e-4); z in place of t covers 0.878 with 5 chips.
N_COVERAGE = 20_000


def coverage(samples: np.ndarray, truth: float, quantile: float | None = None) -> float:
    """Share of the rows of `samples` whose interval holds `truth`.

    With a `quantile` the formula is evaluated with it, for the negative control; without, the
    width comes from `interval` itself, which is a constant multiple of the standard error.
    """
    n = samples.shape[1]
    if quantile is None:
        one = interval(samples[0].tolist())
        assert one.half_width is not None
        quantile = one.half_width / float(stats.sem(samples[0]))
    half = quantile * samples.std(axis=1, ddof=1) / math.sqrt(n)
    return float(np.mean(np.abs(samples.mean(axis=1) - truth) <= half))


@pytest.mark.parametrize("n_chips", [2, 3, 5, 10])
def test_95_percent_intervals_cover_95_percent(n_chips: int) -> None:
    samples = np.random.default_rng(20).normal(0.9, 0.02, (N_COVERAGE, n_chips))
    assert 0.93 <= coverage(samples, 0.9) <= 0.97


def test_the_function_itself_covers_on_accuracies() -> None:
    # 4,000 runs of 5 chips; each chip has its own error rate and counts images, as in a run.
    # Standard error 0.0034: the bounds lie 5.8 of them away, alpha 1e-8.
    rng = np.random.default_rng(21)
    rates = rng.normal(0.9, 0.02, (4000, 5))
    accuracies = rng.binomial(360, rates) / 360
    covered = 0
    for row in accuracies.tolist():
        got = interval(row)
        assert got.low is not None
        assert got.high is not None
        covered += got.low <= 0.9 <= got.high
    assert 0.93 <= covered / 4000 <= 0.97


def test_negative_controls_of_the_coverage() -> None:
    # Normal instead of t: too narrow with 5 chips. Binomial over all images: far too narrow,
    # because the images of a chip share its weights.
    rng = np.random.default_rng(22)
    samples = rng.normal(0.9, 0.02, (N_COVERAGE, 5))
    assert coverage(samples, 0.9, quantile=1.959964) < 0.90
    pooled = samples.mean(axis=1)
    half = 1.959964 * np.sqrt(pooled * (1 - pooled) / (5 * 2000))
    assert np.mean(np.abs(pooled - 0.9) <= half) < 0.60


@pytest.mark.parametrize(
    ("values", "level", "message"),
    [
        ([], 0.95, r"must be one or more, got 0"),
        ([0.9, math.nan], 0.95, r"must be finite, got nan"),
        ([math.inf], 0.95, r"must be finite, got inf"),
        ([0.9], 95.0, r"level must be between 0 and 1, got 95.0; give 0.95"),
    ],
    ids=["none", "nan", "inf", "level"],
)
def test_values_without_an_interval_are_refused(
    values: list[float], level: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        interval(values, level)


def test_a_paired_difference_is_the_interval_of_the_differences() -> None:
    a, b = {0: 0.90, 1: 0.80, 2: 0.70}, {2: 0.65, 0: 0.85, 1: 0.75}
    got = paired_difference(a, b)
    assert got.n == 3
    assert got.mean == pytest.approx(0.05)
    # Each chip differs by the same 0.05, however far the chips are apart.
    assert got.half_width == pytest.approx(0.0, abs=1e-12)


def test_other_chips_are_not_compared() -> None:
    with pytest.raises(InputError, match=r"same on both sides, got chip 3 on one only"):
        paired_difference({0: 0.9, 3: 0.9}, {0: 0.9})


def test_rows_are_grouped_ordered_and_counted() -> None:
    trials = [
        make_trial(preset="rram", t_s=86400.0, n_correct=180, n_nan=2),
        make_trial(preset="pcm", t_s=1.0, n_correct=342),
        make_trial(preset="rram", t_s=1.0, n_correct=360),
        make_trial(preset="pcm", t_s=1.0, chip=1, n_correct=306),
        make_trial(preset="rram", t_s=86400.0, chip=1, n_correct=180, n_nan=3),
        make_trial(preset="rram", t_s=1.0, compensation="none", n_correct=90),
    ]
    rows = summarise(trials)
    assert [(r.preset, r.compensation, r.t_s, r.n_chips, r.mean, r.n_nan) for r in rows] == [
        ("rram", "global", 1.0, 1, 1.0, 0),
        ("rram", "global", 86400.0, 2, 0.5, 5),
        ("rram", "none", 1.0, 1, 0.25, 0),
        ("pcm", "global", 1.0, 2, pytest.approx(0.9), 0),
    ]
    assert (rows[0].ci95, rows[0].std_chips) == (None, None)
    # Two chips at 0.95 and 0.85: t(0.975, 1) = 12.7062, standard error 0.05; no more than 100 %.
    assert rows[3].ci95 == pytest.approx([0.9 - 0.63531, 1.0], abs=1e-5)
    assert rows[3].std_chips == pytest.approx(0.1 / math.sqrt(2))
    assert rows[1].n_images == 360


def test_the_order_of_the_file_moves_no_number() -> None:
    trials = [make_trial(chip=chip, n_correct=300 + 7 * chip) for chip in range(5)]
    assert summarise(trials) == summarise(trials[::-1])


def test_a_chip_twice_in_a_row_is_refused() -> None:
    trials = [make_trial(chip=4), make_trial(chip=4)]
    message = r"\(preset pcm, t_s 1, bn digital, compensation global\) .* got chip 4 twice"
    with pytest.raises(InputError, match=message):
        summarise(trials)
    with pytest.raises(InputError, match=message):
        accuracy_by_chip(trials)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_images": 720, "n_correct": 700}, "same n_images for every chip, got 360 and 720"),
        ({"tile": "cpp"}, "same tile for every chip, got torch and cpp"),
        ({"periphery": "ideal"}, "same periphery for every chip, got standard and ideal"),
        ({"forward": "aihwkit"}, "same forward for every chip, got native and aihwkit"),
    ],
    ids=["images", "tile", "periphery", "forward"],
)
def test_chips_measured_differently_are_not_averaged(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        summarise([make_trial(), make_trial(chip=1, **change)])

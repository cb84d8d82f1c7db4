"""Means of normalised accuracy: exact values, and intervals that hold what they say."""

import math

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from analogsim.experiment.deal import pack
from analogsim.experiment.statistics import ACCURACY, bounded_interval, interval
from analogsim.scopes.units import Units, linearised, trainings, unpacked


def made(values, images=None, **changes) -> Units:  # type: ignore[no-untyped-def]
    fields = {"step": 0.01, "span": (0.0, 1.25)} | changes
    return Units(
        values=dict(enumerate(values)),
        images=None if images is None else dict(enumerate(images)),
        **fields,
    )


def test_answers_are_unpacked() -> None:
    bits = [True, False, True, True, False, False, False, True, True]
    assert unpacked(pack(bits), 9).tolist() == bits


def test_linearised_values_by_hand() -> None:
    digital, answers = np.array([1.0, 1, 1, 0]), np.array([1.0, 0, 0, 1])
    # Right 2 of 3: ratio 2/3, D = 3/4.
    expected = [(a - 2 / 3 * d) * 4 / 3 + 2 / 3 for a, d in zip(answers, digital, strict=True)]
    found = linearised(answers, digital)
    assert found.tolist() == pytest.approx(expected)
    assert found.mean() == pytest.approx(2 / 3)
    # A unit that answers as the digital network does has the ratio 1 on any images.
    assert linearised(digital, digital).tolist() == pytest.approx([1.0] * 4)


def test_equal_draws_have_the_width_of_what_was_not_seen() -> None:
    found = made([0.9] * 5).mean()
    assert found is not None
    assert found.half_width == pytest.approx(-math.log(0.025) * 0.01 / 5)


def test_differences_are_of_units_of_one_number() -> None:
    a = Units(values={0: 0.5, 2: 0.7}, images=None, step=0.02, span=(0.0, 1.25))
    found = a.less(made([0.9, 0.8, 0.6]))
    assert found.values == pytest.approx({0: -0.4, 2: 0.1})
    assert (found.step, found.span) == (0.02, (-1.25, 1.25))
    assert made([]).mean() is None


def test_images_of_another_number_give_no_interval_for_new_ones() -> None:
    a, b = made([0.5], [np.full(4, 0.5)]), made([0.5], [np.full(5, 0.5)])
    assert a.less(b).images is None
    assert trainings([a, b]).images is None


def test_a_training_is_the_mean_of_its_units() -> None:
    first = made([0.5, 0.7], [np.array([0.4, 0.6]), np.array([0.8, 0.6])])
    second = made([0.9], [np.array([1.0, 0.8])], span=(0.0, 1.5))
    found = trainings([first, second])
    assert found.values == pytest.approx({0: 0.6, 1: 0.9})
    assert found.images is not None
    assert found.images[0].tolist() == pytest.approx([0.6, 0.6])
    assert found.span == (0.0, 1.5)


@pytest.mark.parametrize("span", [ACCURACY, (0.0, 1.25), (-1.25, 1.25)])
@pytest.mark.parametrize("any_law", [False, True])
def test_new_images_are_never_surer(span, any_law) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(2)
    images = [(rng.random(200) < 0.9) * 1.0 for _ in range(5)]
    found = made([one.mean() for one in images], images, span=span, any_law=any_law).mean()
    assert found is not None
    assert found.new_images is not None
    assert found.new_images[0] <= found.low < found.high <= found.new_images[1]
    assert found.p_new_images >= found.p


def test_two_valued_draws_are_covered_where_student_s_t_does_not() -> None:
    """Draws that are NaN with probability q, exact sums over the binomial: no sampling."""
    for n in (5, 10):
        worst = {"any law": 1.0, "t": 1.0}
        for q in (0.1, 0.2, 0.3, 0.5, 0.7, 0.9):
            truth, held = q * 0.125 + (1 - q) * 0.97, {"any law": 0.0, "t": 0.0}
            for nan in range(n + 1):
                weight = float(binom.pmf(nan, n, q))
                values = [0.125] * nan + [0.97] * (n - nan)
                units = made(values, step=1e-3)
                for law, one in (
                    ("any law", made(values, any_law=True).mean()),
                    ("t", interval(values, step=1e-3, span=units.span)),
                ):
                    held[law] += weight * (one.low <= truth <= one.high)  # type: ignore[union-attr, operator]
            worst = {law: min(least, held[law]) for law, least in worst.items()}
        assert worst["any law"] >= 0.94
        assert worst["t"] < 0.85


def test_a_difference_of_which_one_arm_is_nan_joins_the_arms() -> None:
    nan, plain = made([0.1, 0.9, 0.9, 0.1, 0.9], any_law=True), made([0.97, 0.98, 0.97, 0.96, 0.97])
    found = nan.less(plain).mean()
    a, b = bounded_interval([0.1, 0.9, 0.9, 0.1, 0.9], 0, 1.25, 0.975), plain._these(0.975)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((a.low - b.high, a.high - b.low))
    # Both of any law: their difference is taken as a whole.
    both = nan.less(made(list(plain.values.values()), any_law=True)).mean()
    values = [x - y for x, y in zip(nan.values.values(), plain.values.values(), strict=True)]
    expected = bounded_interval(values, -1.25, 1.25)
    assert both is not None
    assert (both.low, both.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5, 0.7])
def test_p_of_a_joined_difference_agrees_with_its_interval(shift: float) -> None:
    plain = made([0.97 - shift, 0.98 - shift, 0.97 - shift, 0.96 - shift, 0.97 - shift])
    found = made([0.1, 0.1, 0.2, 0.1, 0.1], any_law=True).less(plain).mean()
    assert found is not None
    assert (found.p < 0.05) == (not found.low <= 0 <= found.high)


# Small beside what 300 images vary by.
_QUALITY = 0.03


def _world(rng: np.random.Generator, n_images: int, draws: int) -> tuple[Units, Units, float]:
    """Two networks' draws on sampled images; the last is the true difference of the ratios.

    An image has a margin, a digital network errs where it is negative, and a draw has a quality
    and noise of its own.
    """
    margin = rng.normal(1.5, 1.2, n_images)
    both = []
    for loss, clean in ((0.6, 0.0), (0.4, 0.15)):
        digital = (margin > clean) * 1.0
        found = [
            (margin - loss + rng.normal(0, _QUALITY) + rng.normal(0, 0.5, n_images) > 0) * 1.0
            for _ in range(draws)
        ]
        both.append(
            made(
                [one.mean() / digital.mean() for one in found],
                [linearised(one, digital) for one in found],
                step=1 / digital.sum(),
                span=(0.0, 1 / digital.mean()),
            )
        )
    return both[0], both[1], _truth()


def _truth() -> float:
    ratios = []
    for loss, clean in ((0.6, 0.0), (0.4, 0.15)):
        spread = math.sqrt(1.2**2 + _QUALITY**2 + 0.5**2)
        ratios.append(float(ndtr((1.5 - loss) / spread) / ndtr((1.5 - clean) / 1.2)))
    return ratios[0] - ratios[1]


def test_intervals_for_new_images_hold_the_ratio_s_truth() -> None:
    """1,000 worlds of 300 images and 10 draws; alpha = 1e-4.

    Coverage of 95 % is counted in at least 92.3 % of 1,000 with probability 1 - 1e-4; the
    smallest error seen is so one of about 5 points. The interval for these images alone holds
    the truth over all images in far fewer: the negative control.
    """
    rng = np.random.default_rng(11)
    new = these = 0
    for _ in range(1000):
        a, b, truth = _world(rng, 300, 10)
        found = a.less(b).mean()
        assert found is not None
        assert found.new_images is not None
        new += found.new_images[0] <= truth <= found.new_images[1]
        these += found.low <= truth <= found.high  # type: ignore[operator]
    assert new >= 923
    assert these < 900
    assert new <= 995

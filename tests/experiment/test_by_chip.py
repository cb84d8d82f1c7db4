"""Answers of chips added and subtracted before they are averaged, by hand."""

import math

import numpy as np
import pytest

from analogsim.errors import InputError
from analogsim.experiment.statistics import ACCURACY, DIFFERENCE, ByChip, clopper_pearson

N = 40
RIGHT, HALF = np.ones(N), np.repeat([1.0, 0.0], N // 2)


def by_chip(*units, **changes):
    return ByChip(values=dict(enumerate(units)), n_images=N, **changes)


def test_a_difference_is_image_by_image():
    found = by_chip(RIGHT, HALF) - by_chip(HALF, HALF)
    assert found.values[0].tolist() == (RIGHT - HALF).tolist()
    assert found.values[1].tolist() == [0.0] * N
    both = found + by_chip(HALF, RIGHT)
    assert [both.values[chip].tolist() for chip in (0, 1)] == [RIGHT.tolist(), RIGHT.tolist()]


def test_agreeing_chips_have_the_floor_of_the_answers():
    found = by_chip(HALF, HALF, HALF).mean(ACCURACY)
    assert found.mean == 0.5
    assert found.half_width == pytest.approx(math.log(40) / (3 * N))
    assert found.p is not None


def test_one_chip_has_no_interval():
    found = by_chip(HALF).mean(ACCURACY)
    assert (found.mean, found.low, found.high, found.p, found.new_images) == (0.5, *[None] * 4)


@pytest.mark.parametrize("chips", [1, 2, 5])
def test_where_nothing_is_random_images_alone_are_a_sample(chips):
    """The same for any number of chips: they are one. The exact interval of 20 right of 40."""
    found = by_chip(*[HALF] * chips, fixed=True).mean(ACCURACY)
    assert (found.low, found.mean, found.high, found.p, found.n) == (0.5, 0.5, 0.5, None, chips)
    assert found.new_images == pytest.approx(clopper_pearson(20, N), abs=0.02)


def test_fixed_beside_random_is_random():
    digital = ByChip.same(RIGHT, range(2), N)
    assert digital.fixed
    assert not (digital - by_chip(HALF, HALF)).fixed
    assert (digital - digital).fixed


def test_without_single_answers_means_are_left():
    """0.5 and 0.75 of 40 images each: t(97.5 %, 1) = 12.706, cut at 1."""
    old = by_chip(np.array([0.5]), np.array([0.25]))
    found = (ByChip.same(RIGHT, range(2), N) - old).mean(DIFFERENCE)
    assert found.mean == pytest.approx(0.625)
    assert found.low == pytest.approx(0.625 - 12.706204736 * 0.125)
    assert (found.high, found.new_images) == (1.0, None)


def test_pairs_need_the_same_chips():
    with pytest.raises(InputError, match="got chip 1 on one only"):
        _ = by_chip(HALF, HALF) - by_chip(HALF)

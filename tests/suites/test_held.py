"""Areas of held pairs by hand, and which of them a case holds."""

import numpy as np
import pytest

from analogsim.suites.held import held_share, holds, is_narrow, region


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ([], 0.0),
        ([((0.0, 1.0), (0.0, 1.0))], 1.0),
        # Above the diagonal as a whole: 0.3 * 0.4 of 1 / 2.
        ([((0.1, 0.4), (0.5, 0.9))], 0.24),
        # The same twice counts once; ends that touch hold no more.
        ([((0.1, 0.4), (0.5, 0.9))] * 2, 0.24),
        ([((0.1, 0.2), (0.5, 0.9)), ((0.2, 0.4), (0.5, 0.9))], 0.24),
        # Overlap 0.1 * 0.2.
        ([((0.1, 0.3), (0.5, 0.8)), ((0.2, 0.4), (0.6, 0.9))], 2 * (0.06 + 0.06 - 0.02)),
        # Half above the diagonal, and wholly below.
        ([((0.2, 0.6), (0.2, 0.6))], 0.16),
        ([((0.5, 0.9), (0.1, 0.4))], 0.0),
        # Ends beyond 0 and 1 are cut.
        ([((-1.0, 0.5), (0.5, 1.3))], 0.5),
    ],
)
def test_area_by_hand(regions, expected) -> None:  # type: ignore[no-untyped-def]
    assert held_share(regions, 0.0) == pytest.approx(expected, abs=1e-12)


def test_area_counts_from_chance_on() -> None:
    # Of (1 - 0.1)^2 / 2: 0.1 * 0.2 remains of 0.2 * 0.2.
    found = held_share([((0.0, 0.2), (0.5, 0.7))], 0.1)
    assert found == pytest.approx(0.02 / 0.405)
    assert held_share([((0.0, 1.0), (0.0, 1.0))], 1.0) == 0.0


def test_area_is_that_of_many_random_pairs() -> None:
    """n = 200,000 pairs, alpha = 1e-4: 3.9 standard errors, which sees an error of 0.5 points."""
    rng = np.random.default_rng(5)
    low = rng.uniform(0, 0.9, (12, 2))
    high = low + rng.uniform(0.02, 0.3, (12, 2))
    regions = [
        ((float(a), float(b)), (float(c), float(d)))
        for (a, c), (b, d) in zip(low, high, strict=True)
    ]
    pairs = np.sort(rng.uniform(0.1, 1, (200_000, 2)), axis=1)
    held = np.zeros(len(pairs), dtype=bool)
    for (left, right), (least, most) in regions:
        x, y = pairs.T
        held |= (left <= x) & (x <= right) & (least <= y) & (y <= most)
    share = held_share(regions, 0.1)
    assert abs(held.mean() - share) < 3.9 * (share * (1 - share) / len(pairs)) ** 0.5


def test_every_training_must_hold_the_pair() -> None:
    wide = (0.3, 0.5), (0.8, 1.0)
    assert region([wide]) == wide
    assert region([wide, ((0.2, 0.45), (0.85, 1.2))]) == ((0.3, 0.45), (0.85, 1.0))
    assert region([wide, ((0.6, 0.7), (0.8, 1.0))]) is None
    # A training of one draw has no interval, and holds nothing.
    assert region([wide, (None, (0.8, 1.0))]) is None
    assert holds(wide, 0.3, 1.0)
    assert not holds(wide, 0.29, 0.9)
    assert not holds(None, 0.3, 0.9)


def test_narrow_is_five_points_to_either_side() -> None:
    assert is_narrow((0.25, 0.34375))
    assert not is_narrow((0.25, 0.375))
    assert not is_narrow(None)

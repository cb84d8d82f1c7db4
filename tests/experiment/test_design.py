"""How many images a chip, how many chips, and when to stop."""

import math

import numpy as np
import pytest

from analogsim.experiment.statistics.components import Components, components, tabulate
from analogsim.experiment.statistics.crossed import crossed
from analogsim.experiment.statistics.design import (
    MIN_CHIPS,
    best_plan,
    hand_choices,
    next_chips,
    required_chips,
    variance,
)
from tests.experiment.worlds import World

KNOWN = Components(chip=1e-4, image=0.02, interaction=0.03)


def test_variance_loses_the_image_part_after_one_round() -> None:
    # 100 chips with 100 of 10,000 images each: all are used once.
    assert variance(KNOWN, 100, 100, 10_000) == pytest.approx(1e-4 / 100 + 0.03 / 10_000)
    half = 1e-4 / 50 + 0.03 / 5000 + 0.02 * (1 / 5000 - 1 / 10_000)
    assert variance(KNOWN, 50, 100, 10_000) == pytest.approx(half)


@pytest.mark.parametrize("half_width", [0.002, 0.005, 0.02])
def test_the_required_chips_are_the_fewest(half_width: float) -> None:
    from scipy.stats import t

    def width(chips: int) -> float:
        return float(t.ppf(0.975, chips - 1)) * math.sqrt(variance(KNOWN, chips, 100, 10_000))

    chips = required_chips(KNOWN, 100, 10_000, half_width)
    assert width(chips) <= half_width
    assert chips <= 2 or width(max(2, int(chips * 0.9) - 1)) > half_width


def test_hands_leave_each_chip_some_images() -> None:
    assert hand_choices(360) == (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
    assert hand_choices(10) == (1,)


def test_the_plan_is_near_the_formula() -> None:
    # No image effect: the textbook's optimum, up to the steps of the choices (half as many again).
    known = Components(chip=1e-4, image=0.0, interaction=0.05)
    plan = best_plan([known], 10_000, half_width=0.001, cost_ratio=20)
    # sqrt(within / chip * cost): Cochran, Sampling Techniques, section 10.6.
    best = math.sqrt(0.05 / 1e-4 * 20)
    assert best / 1.5 <= 10_000 / plan.hands <= best * 1.5


def test_the_plan_serves_the_worst_row() -> None:
    wide = Components(chip=1e-3, image=0.02, interaction=0.05)
    both = best_plan([KNOWN, wide], 10_000, half_width=0.005, cost_ratio=20)
    assert both == best_plan([wide], 10_000, half_width=0.005, cost_ratio=20)


def test_sampling_goes_on_until_every_row_is_narrow() -> None:
    assert next_chips(100, [0.001, 0.004], 0.005) == 100
    assert next_chips(100, [0.001, 0.006], 0.005) > 100
    # Not on fewer chips than the minimum, and never more than twice as many at once.
    assert next_chips(MIN_CHIPS - 1, [0.0], 0.005) > MIN_CHIPS - 1
    assert next_chips(10, [1.0], 0.005) == 20


def run(seed: int, *, chip: float, total: int, half_width: float, cost: float) -> tuple[bool, int]:
    """One adaptive run; whether its interval holds the truth, and what it evaluated."""
    world = World(total=total, chip=chip, loss=0.2, noise=0.35, seed=seed)
    shared = world.rng.permutation(total)[:128]
    pilot = [world.chip_on(shared) for _ in range(8)]
    digital = world.digital
    known = components([tabulate(pilot, total, digital)], total)
    plan = best_plan([known], total, half_width=half_width, cost_ratio=cost)
    chips = []
    wanted = max(MIN_CHIPS, math.ceil(0.8 * plan.chips))
    while True:
        while len(chips) < wanted:
            turn = len(chips) % plan.hands
            if turn == 0:
                order = world.rng.permutation(total)
            cut = slice(turn * total // plan.hands, (turn + 1) * total // plan.hands)
            chips.append(world.chip_on(order[cut]))
        found = crossed(chips, total, pilot=pilot, digital=digital, stopped=True)
        assert found.half_width is not None
        wanted = next_chips(len(chips), [found.half_width], half_width)
        if wanted == len(chips):
            break
    spent = sum(len(c.images) for c in (*chips, *pilot))
    assert found.half_width <= half_width
    return abs(found.mean - world.truth) <= found.half_width, spent


# 2,000 runs a case: bounds 4.1 standard errors from 0.95, as in test_crossed.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("chip", "total", "cost", "saving"),
    [(0.06, 10_000, 5.0, 10), (0.12, 10_000, 100.0, 20), (0.12, 2000, 5.0, 8)],
    ids=["one-point", "dear-chips", "small-set"],
)
def test_stopping_keeps_the_coverage(chip: float, total: int, cost: float, saving: float) -> None:
    runs = [run(s, chip=chip, total=total, half_width=0.005, cost=cost) for s in range(2000)]
    held = np.mean([one[0] for one in runs])
    assert 0.93 <= held <= 0.97
    # Against the whole set on each chip: (1.96 sd / half-width)^2 chips.
    world = World(total=total, chip=chip, loss=0.2, noise=0.35, seed=0)
    full = [world.chip_on(np.arange(total)).values.mean() for _ in range(200)]
    whole = (1.96 * np.std(full, ddof=1) / 0.005) ** 2 * total
    assert saving * np.mean([one[1] for one in runs]) < whole

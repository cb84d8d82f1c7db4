"""Chips x images: the moments against brute force and textbook, and the coverage."""

import functools
import itertools
import math

import numpy as np
import pytest
from scipy.stats import t

from analogsim.errors import InputError
from analogsim.experiment.statistics.components import Answers, components, tabulate
from analogsim.experiment.statistics.crossed import crossed
from analogsim.experiment.statistics.interval import ANY, interval
from tests.experiment.worlds import World


def some_chips(total: int = 12, sizes: tuple[int, ...] = (5, 7, 4, 12)) -> list[Answers]:
    rng = np.random.default_rng(3)
    return [
        Answers(images=rng.permutation(total)[:n], values=rng.integers(0, 2, n).astype(float))
        for n in sizes
    ]


def full_table(chips: int = 6, total: int = 40) -> np.ndarray:
    rng = np.random.default_rng(5)
    answers = 0.8 + 0.1 * rng.normal(size=(chips, 1)) + 0.2 * rng.normal(size=(1, total))
    return answers + 0.3 * rng.normal(size=(chips, total))


def as_answers(table: np.ndarray) -> list[Answers]:
    return [Answers(images=np.arange(table.shape[1]), values=row) for row in table]


def test_overlap_is_that_of_all_pairs() -> None:
    chips = some_chips()
    pairs = [
        len(np.intersect1d(a.images, b.images)) / (len(a.images) * len(b.images))
        for a, b in itertools.permutations(chips, 2)
    ]
    table = tabulate(chips, 12)
    assert table.overlap == pytest.approx(np.mean(pairs), rel=1e-12)
    assert table.per_image == pytest.approx(np.mean([1 / len(c.images) for c in chips]))


def test_chips_that_share_all_images_overlap_by_one_over_their_number() -> None:
    assert tabulate(as_answers(full_table()), 40).overlap == pytest.approx(1 / 40, rel=1e-12)


def test_chips_that_share_no_image_do_not_overlap() -> None:
    chips = [Answers(images=np.arange(4) + 4 * n, values=np.ones(4)) for n in range(3)]
    table = tabulate(chips, 12)
    assert table.overlap == 0.0
    assert table.shared_weight == 0.0


def test_the_components_of_a_full_table_are_those_of_the_textbook() -> None:
    # Two-way analysis of variance without replication, random effects: Searle, Casella and
    # McCulloch, Variance Components (1992), section 4.5.
    y = full_table()
    r, n = y.shape
    rows, columns, mean = y.mean(1), y.mean(0), y.mean()
    ms_chip = n * ((rows - mean) ** 2).sum() / (r - 1)
    ms_image = r * ((columns - mean) ** 2).sum() / (n - 1)
    rest = y - rows[:, None] - columns[None, :] + mean
    ms_rest = (rest**2).sum() / ((r - 1) * (n - 1))
    found = components([tabulate(as_answers(y), n)], n)
    assert found.image == pytest.approx((ms_image - ms_rest) / r, rel=1e-9)
    assert found.interaction == pytest.approx(ms_rest, rel=1e-9)
    assert found.chip == pytest.approx((ms_chip - ms_rest) / n, rel=1e-9)


def test_the_full_design_has_the_plain_interval() -> None:
    y = full_table()
    found, plain = crossed(as_answers(y), 40, span=ANY), interval(y.mean(1).tolist())
    assert (found.mean, found.low, found.high) == pytest.approx(
        (plain.mean, plain.low, plain.high), rel=1e-9
    )
    assert found.se is not None
    assert found.components is not None
    assert found.new_images is not None
    # New images: the image component over their number comes on top, with Satterthwaite's
    # degrees of freedom.
    chips, images = found.se**2, found.components.image / 40
    df = (chips + images) ** 2 / (chips**2 / 5 + images**2 / 39)
    half = (found.new_images[1] - found.new_images[0]) / 2
    assert half == pytest.approx(float(t.ppf(0.975, df)) * math.sqrt(chips + images), rel=1e-6)


def test_images_that_no_two_chips_share_give_the_nested_error() -> None:
    rng = np.random.default_rng(8)
    chips = [Answers(images=np.arange(6) + 6 * n, values=rng.random(6)) for n in range(5)]
    found = crossed(chips, 1000)
    means = [float(chip.values.mean()) for chip in chips]
    assert found.se == pytest.approx(np.std(means, ddof=1) / math.sqrt(5))


def test_a_chip_on_all_images_keeps_its_accuracy() -> None:
    digital = np.array([1.0] * 9 + [0.0] * 3)
    for chip, adjusted in zip(
        some_chips(), tabulate(some_chips(), 12, digital).adjusted, strict=True
    ):
        if len(chip.images) == 12:
            assert adjusted == chip.values.mean()


def test_answers_that_are_the_digital_ones_have_no_spread() -> None:
    # Each chip saw other images, and is adjusted to the accuracy of the whole set.
    digital = np.array([1.0] * 15 + [0.0] * 5)
    rng = np.random.default_rng(2)
    order = rng.permutation(20)
    chips = [
        Answers(images=order[5 * n : 5 * n + 5], values=digital[order[5 * n : 5 * n + 5]])
        for n in range(4)
    ]
    found = crossed(chips, 20, digital=digital)
    assert found.by_chip == pytest.approx([0.75] * 4)
    assert found.se == pytest.approx(0.0, abs=1e-12)


def test_one_chip_has_no_interval() -> None:
    found = crossed(some_chips()[:1], 12)
    assert (found.se, found.low, found.high, found.new_images) == (None, None, None, None)


@pytest.mark.parametrize(
    ("chips", "got"),
    [
        ([], "got none"),
        ([Answers(images=np.arange(0), values=np.zeros(0))], "got a chip that saw no image"),
    ],
    ids=["none", "empty"],
)
def test_nothing_to_estimate_is_refused(chips: list[Answers], got: str) -> None:
    with pytest.raises(InputError, match=rf"one or more chips and images, {got}; give some"):
        crossed(chips, 10)


def deal(world: World, chips: int, hands: int) -> list[Answers]:
    found: list[Answers] = []
    for n in range(chips):
        turn = n % hands
        if turn == 0:
            order = world.rng.permutation(world.total)
        cut = slice(turn * world.total // hands, (turn + 1) * world.total // hands)
        found.append(world.chip_on(order[cut]))
    return found


@functools.cache  # The negative control looks at the runs of a case again.
def coverage(runs: int, chips: int, hands: int, *, use_pilot: bool) -> tuple[float, float]:
    """Share of runs whose crossed interval holds the truth, and of those of s / sqrt(n)."""
    held = plain = 0
    for seed in range(runs):
        world = World(total=2000, chip=0.1, loss=0.2, noise=0.35, seed=seed)
        pilot = []
        if use_pilot:
            shared = world.rng.permutation(2000)[:128]
            pilot = [world.chip_on(shared) for _ in range(8)]
        found = crossed(deal(world, chips, hands), 2000, pilot=pilot, digital=world.digital)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= world.truth <= found.high
        raw = interval(list(found.by_chip))
        assert raw.low is not None
        assert raw.high is not None
        plain += raw.low <= world.truth <= raw.high
    return held / runs, plain / runs


# 2,000 runs a case: the standard error of a coverage of 0.95 is 0.0049, so the bounds 0.93 and
# 0.97 lie 4.1 of them away (alpha 5e-5).
@pytest.mark.slow
@pytest.mark.parametrize(
    ("chips", "hands", "use_pilot"),
    [(5, 1, False), (40, 40, True), (60, 40, True), (120, 40, False)],
    ids=["few-chips-full", "one-round", "round-and-a-half", "three-rounds-no-pilot"],
)
def test_the_95_percent_interval_covers_95_percent(chips: int, hands: int, use_pilot: bool) -> None:
    held, _ = coverage(2000, chips, hands, use_pilot=use_pilot)
    assert 0.93 <= held <= 0.97


@pytest.mark.slow
def test_negative_control_the_plain_interval_is_too_wide() -> None:
    # Images dealt out in turn cancel from the mean, which the plain interval does not know.
    _, plain = coverage(2000, 120, 40, use_pilot=False)
    assert plain > 0.97

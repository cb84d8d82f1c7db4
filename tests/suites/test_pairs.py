"""The paper's comparison by hand, and the sentences that are generated from it."""

import dataclasses
import math
from typing import Any

import pytest

from analogsim.scopes.result import NoiseResult
from analogsim.suites.entry import Arm, Entry
from analogsim.suites.held import holds, region
from analogsim.suites.pairs import pair_sheet, pairs_of
from analogsim.suites.published import PUBLISHED
from analogsim.suites.words import sentences
from tests.scopes.toy import answered, toy

T_1 = math.tan(math.pi * (0.975 - 0.5))


def arm(which: Arm, result: NoiseResult, seed: int | None = None) -> tuple[Entry, NoiseResult]:
    entry = Entry(
        label=f"{which}-{seed}", pair="P", arm=which, published="resnet44", training_seed=seed
    )
    return entry, result


def flat(*rights: int) -> NoiseResult:
    """A result with so many right images at both levels, a number a draw."""
    return toy({("weights", "std"): {0.05: rights, 0.2: rights}})


def test_with_one_training_the_draw_is_the_unit() -> None:
    (pair,) = pairs_of([arm("with", flat(40, 48)), arm("without", flat(64, 80))])
    assert (pair.n_trainings, pair.n_draws, pair.n_images) == (1, 2, 100)
    assert (pair.over, pair.published) == ("2 draws of one training", PUBLISHED["resnet44"])
    case = pair.cases[0]
    assert (case.scope, case.reference, case.grid) == ("weights", "std", "all")
    assert (case.with_bn.mean, case.without_bn.mean) == pytest.approx((0.55, 0.9))
    assert case.by_training == ()
    # Differences -0.3 and -0.4.
    assert case.difference.mean == pytest.approx(-0.35)
    assert case.difference.half_width == pytest.approx(T_1 * 0.1 / 2)


def test_with_several_trainings_the_training_is_the_unit() -> None:
    networks = [
        arm("with", flat(40, 48), 0),
        arm("with", flat(56, 64), 1),
        arm("without", flat(80, 80), 0),
        arm("without", flat(80, 72), 1),
        # No partner of this seed.
        arm("with", flat(0, 0), 2),
    ]
    (pair,) = pairs_of(networks)
    assert pair.over == "2 trainings, each the mean of 2 draws"
    difference = pair.cases[0].difference
    # Seed 0: 0.55 - 1; seed 1: 0.75 - 0.95.
    assert difference.mean == pytest.approx((-0.45 - 0.2) / 2)
    # 159 points to either side by Student, of the 125 that there are.
    assert (difference.low, difference.high) == (-1.25, 1.25)
    (first, _), (second, _) = pair.cases[0].by_training
    assert (first.mean, second.mean) == pytest.approx((0.55, 0.75))


def test_chance_is_the_mean_over_trainings() -> None:
    better = dataclasses.replace(flat(40, 48), clean_correct=100)
    networks = [
        arm("with", flat(40, 48), 0),
        arm("with", better, 1),
        arm("without", flat(80, 80), 0),
        arm("without", flat(80, 72), 1),
    ]
    (pair,) = pairs_of(networks)
    # One of ten classes, at clean accuracies of 0.8 and 1.
    assert pair.chance == pytest.approx((0.125 + 0.1) / 2)
    # 1.96 sqrt(0.1 0.9 / 100) is 0.0588.
    assert pair.chance_error == pytest.approx((0.0588 / 0.8 + 0.0588) / 2)


def test_a_pair_needs_both_arms() -> None:
    assert pairs_of([arm("with", flat(1, 2)), (Entry(label="x"), flat(3, 4))]) == []


def test_scopes_of_the_network_without_batchnorm_are_those_that_it_has() -> None:
    cells = {("biases", "std"): {0.05: [80, 72], 0.2: [80, 72]}}
    without = toy(cells, same={**toy().same, "variance": "biases"})
    with_bn = toy({("variance", "std"): {0.05: [8, 8], 0.2: [8, 8]}})
    (pair,) = pairs_of([arm("with", with_bn), arm("without", without)])
    assert pair.cases[0].without_bn.mean == pytest.approx(0.95)


def test_sentences_follow_the_rule() -> None:
    below = [arm("with", flat(8, 9)), arm("without", flat(79, 80))]
    (pair,) = pairs_of(below)
    first, second, _ = sentences(pair)
    assert "less of its accuracy than the one without in weights/std (all low high); " in first
    assert "more in no case; not told apart in no case." in first
    assert "Rule, at 95 % over 2 draws of one training and these 100 images alone: " in first
    assert "leaves 0 out; by chance 0.2 of 3 would be told apart. With Holm's" in first
    assert first.endswith("these remain: weights/std (all low high).) It is of one training: how "
                          "another would come out, it does not say.")  # fmt: skip
    assert second.startswith("P against the published 41.32 % of ResNet44 with BatchNorm: ")
    assert "ruled out, in no case; is lower in weights/std (all low high); " in second

    (pair,) = pairs_of([arm("with", flat(80, 80)), arm("without", flat(79, 80))])
    first, second, _ = sentences(pair)
    assert "without in no case; more in no case; not told apart in weights/std (all low" in first
    assert "ruled out, in weights/std (all low high); is lower in no case" in second

    (pair,) = pairs_of([arm("with", flat(0, 80)), arm("without", flat(79, 80))])
    assert (
        "the interval is too wide to say in weights/std (all low high). (Rule"
        in (sentences(pair)[1])
    )

    (pair,) = pairs_of([arm("with", flat(80, 80)), arm("without", flat(8, 9))])
    assert "more in weights/std (all low high); not told apart in no case" in sentences(pair)[0]


SMALL, NARROW = 8000, (3305, 3306, 3307, 3306)


def large(*rights: int, **changes: Any) -> NoiseResult:
    """As `flat`, of 10,000 images, of which 8,000 are right without noise."""
    numbers = {("weights", "std"): {0.05: rights, 0.2: rights}}
    return toy(numbers, n_images=10_000, clean_correct=SMALL, **changes)


def test_a_compatible_case_holds_both_values_narrowly() -> None:
    good = (7356, 7355, 7357, 7356)
    cases = {
        "compatible": [arm("with", large(*NARROW)), arm("without", large(*good))],
        # One arm alone is not enough.
        "neither": [arm("with", large(*NARROW)), arm("without", large(*NARROW))],
        "nor": [arm("with", large(*good)), arm("without", large(*good))],
        "wide": [arm("with", large(2000, 4600, 3300, 3300)), arm("without", large(*good))],
    }
    for name, networks in cases.items():
        (pair,) = pairs_of(networks)
        said = sentences(pair)[2]
        listed = "weights/std (all low high)"
        count = "3 of 3 cases are" if name == "compatible" else "0 of 3 cases are"
        assert said.startswith(
            "P against both published values of ResNet44 (41.32 % with, 91.95 % without "
            f"BatchNorm): {count} compatible with them: "
            f"{listed if name == 'compatible' else 'no case'}. An arbitrary pair of values would "
        )
        assert f"Too wide to say are {listed if name == 'wide' else 'no case'}; with" in said
        assert "uniform over 12.50 % (chance) <= with <= without <= 100 %.)" in said


def test_the_share_of_arbitrary_pairs_stands_beside_the_count() -> None:
    (pair,) = pairs_of(
        [arm("with", large(2000, 4600, 3300, 3300)), arm("without", large(7356, 7000, 7700, 7356))]
    )
    said = sentences(pair)[2]
    # All three grids have the same intervals: 26 points by 7, of 87.5 ^ 2 / 2.
    case = pair.cases[0]
    area = 1.0
    for one in (case.with_bn, case.without_bn):
        assert one.low is not None
        assert one.high is not None
        area *= min(one.high, 1) - max(one.low, 0.125)
    assert "one as often as 0 %. Too wide to say are weights/std (all low high); with " in said
    assert f"would find one as often as {100 * area / (0.875**2 / 2):.0f} %." in said


def test_each_training_must_hold_the_published_values() -> None:
    good = (7356, 7355, 7357, 7356)
    agree = [
        *(arm("with", large(*NARROW), seed) for seed in range(3)),
        *(arm("without", large(*good), seed) for seed in range(3)),
    ]
    (pair,) = pairs_of(agree)
    assert "3 of 3 cases are compatible" in sentences(pair)[2]
    assert (
        "the intervals hold both values, and so do those of each training, and"
        in (sentences(pair)[2])
    )
    # The mean over trainings holds them still, one training by itself does not.
    other = arm("with", large(*(n + 60 for n in NARROW)), 1)
    less = arm("with", large(*(n - 60 for n in NARROW)), 2)
    (pair,) = pairs_of([agree[0], other, less, *agree[3:]])
    case = pair.cases[0]
    assert case.narrow
    assert holds(region([(case.with_bn.best_bounds, case.without_bn.best_bounds)]), 0.4132, 0.9195)
    assert "0 of 3 cases are compatible" in sentences(pair)[2]


def test_a_published_value_that_is_chance_is_compared_with_our_chance() -> None:
    # Chance is 1,000 of 10,000 images, +- 1.96 * 30 of them; 8,000 are right without noise.
    near = (7503, 7504, 7505, 7504)
    every = "weights/std (all low high)"
    expected = {
        (1000, 1001, 1002, 1001, *near): (every, "no case", every),
        (1100, 1101, 1102, 1101, *near): ("no case", "no case", "no case"),
        (1000, 1001, 1002, 1001, *NARROW): (every, "no case", "no case"),
        (200, 2000, 1000, 1000, *near): ("no case", every, every),
    }
    for numbers, (narrow, wide, both) in expected.items():
        networks = [
            (dataclasses.replace(entry, published="vgg16"), result)
            for entry, result in (
                arm("with", large(*numbers[:4])),
                arm("without", large(*numbers[4:])),
            )
        ]
        (pair,) = pairs_of(networks)
        assert sentences(pair)[3] == (
            "P and chance: 10.75 % is what chance is at a clean accuracy of 93.0 %, here it is "
            f"12.50 %. The network with BatchNorm is compatible with chance in {narrow}; the "
            f"interval is too wide to say in {wide}. Of all these the network without is "
            f"compatible with 93.80 % in {both}. (Rule, at 95 % over 4 draws of one training and "
            "these 10000 images alone: the interval meets 11.77 to 13.23 %, what guessing gives "
            "on these images.)"
        )


def test_answers_make_the_sentences_speak_of_new_images() -> None:
    """Two images of 80 on these; another sample of 100 need not show it."""
    networks = [arm("with", flat(78, 78, 78)), arm("without", flat(80, 80, 80))]
    (pair,) = pairs_of([(entry, answered(result)) for entry, result in networks])
    assert pair.cases[0].difference.high is not None
    assert pair.cases[0].difference.high < 0
    first = sentences(pair)[0]
    assert "not told apart in weights/std (all low high)" in first
    assert "over 3 draws of one training and 100 images taken as a sample: " in first
    assert "[on new images]" in pair_sheet(pair).caption


def test_one_draw_tells_nothing_apart() -> None:
    (pair,) = pairs_of([arm("with", flat(8)), arm("without", flat(80))])
    first, second, _ = sentences(pair)
    assert "not told apart in weights/std (all low high)" in first
    assert "the interval is too wide to say in weights/std (all low high)" in second


def test_without_a_published_pair_nothing_is_compared() -> None:
    networks = [
        (dataclasses.replace(entry, published=None), result)
        for entry, result in (arm("with", flat(8, 9)), arm("without", flat(80, 79)))
    ]
    (pair,) = pairs_of(networks)
    assert len(sentences(pair)) == 1
    assert "published" not in pair_sheet(pair).text()


def test_the_table_has_the_published_numbers_on_top() -> None:
    (pair,) = pairs_of([arm("with", flat(40, 48)), arm("without", flat(64, 80))])
    lines = pair_sheet(pair).text().splitlines()
    assert lines[0].startswith("P: average normalised accuracy in % with and without BatchNorm")
    assert lines[2].split() == ["published", "ResNet44", "?", "?", "41.32", "91.95", "-50.63"]
    assert lines[3].split() == (
        "weights std all 55.00 (0.00 to 118.53) 90.00 (0.00 to 125.00) "
        "-35.00 (-98.53 to +28.53)".split()
    )
    assert lines[-1] == "Floor of chance with BatchNorm: 12.50 %"


def test_published_numbers_are_the_paper_s() -> None:
    found = {name: (one.with_bn, one.without_bn) for name, one in PUBLISHED.items()}
    assert found == {"resnet44": (0.4132, 0.9195), "vgg16": (0.1075, 0.9380)}
    clean = {name: one.clean_if_chance for name, one in PUBLISHED.items()}
    assert clean == {"resnet44": None, "vgg16": pytest.approx(0.1 / 0.1075, abs=5e-4)}

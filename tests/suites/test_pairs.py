"""The paper's comparison by hand, and the sentences that are generated from it."""

import dataclasses
import math

import pytest

from analogsim.scopes.result import NoiseResult
from analogsim.suites.entry import Arm, Entry
from analogsim.suites.pairs import pair_sheet, pairs_of, sentences
from analogsim.suites.published import PUBLISHED
from tests.scopes.toy import toy

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
    assert (pair.unit, pair.n, pair.published) == ("draws", 2, PUBLISHED["resnet44"])
    case = pair.cases[0]
    assert (case.name, case.with_bn.mean, case.without_bn.mean) == (
        "weights/std/all",
        pytest.approx(0.55),
        pytest.approx(0.9),
    )
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
    assert (pair.unit, pair.n) == ("training seeds", 2)
    difference = pair.cases[0].difference
    # Seed 0: 0.55 - 1; seed 1: 0.75 - 0.95.
    assert difference.mean == pytest.approx((-0.45 - 0.2) / 2)
    assert difference.half_width == pytest.approx(T_1 * 0.25 / 2)


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
    assert "over 2 draws excludes 0" in first
    assert second.startswith("P against the published 41.32 % of ResNet44 with BatchNorm: ")
    assert "ruled out, in no case; is as low or lower in weights/std (all low high); " in second

    (pair,) = pairs_of([arm("with", flat(80, 80)), arm("without", flat(79, 80))])
    first, second, _ = sentences(pair)
    assert "without in no case; more in no case; not told apart in weights/std (all low" in first
    assert "ruled out, in weights/std (all low high); is as low or lower in no case" in second

    (pair,) = pairs_of([arm("with", flat(0, 80)), arm("without", flat(79, 80))])
    assert "the interval holds it in weights/std (all low high). (Rule" in sentences(pair)[1]

    (pair,) = pairs_of([arm("with", flat(80, 80)), arm("without", flat(8, 9))])
    assert "more in weights/std (all low high); not told apart in no case" in sentences(pair)[0]


def test_both_published_values_must_lie_in_the_intervals() -> None:
    cases = {
        "all low high": [arm("with", flat(32, 34)), arm("without", flat(73, 74))],
        # One arm alone is not enough.
        "neither": [arm("with", flat(32, 34)), arm("without", flat(8, 9))],
        "nor": [arm("with", flat(79, 80)), arm("without", flat(73, 74))],
    }
    for grids, networks in cases.items():
        (pair,) = pairs_of(networks)
        listed = f"weights/std ({grids})" if grids == "all low high" else "no case"
        assert sentences(pair)[2] == (
            "P against both published values of ResNet44 (41.32 % with, 91.95 % without "
            f"BatchNorm): the intervals hold both in {listed}."
        )


def test_a_published_value_that_is_chance_is_compared_with_our_chance() -> None:
    # Chance is 10 of 100 images, +- 1.96 * 3 of them; 80 are right without noise.
    expected = {
        (10, 10, 75, 76): ("all low high", "all low high"),
        (15, 15, 75, 76): ("all low high", "all low high"),
        (16, 16, 75, 76): ("no case", "no case"),
        (10, 10, 8, 9): ("all low high", "no case"),
    }
    for (a, b, c, d), found in expected.items():
        networks = [
            (dataclasses.replace(entry, published="vgg16"), result)
            for entry, result in (arm("with", flat(a, b)), arm("without", flat(c, d)))
        ]
        (pair,) = pairs_of(networks)
        chance, both = (f"weights/std ({f})" if f != "no case" else f for f in found)
        assert sentences(pair)[3] == (
            "P and chance: 10.75 % is what chance is at a clean accuracy of 93.0 %, here it is "
            "12.50 %. The network with BatchNorm is not told apart from chance in "
            f"{chance}; of these the interval of the one without holds 93.80 % in {both}. "
            "(Rule: its 95 % interval meets 5.15 to 19.85 %, what guessing gives on these images.)"
        )


def test_one_draw_tells_nothing_apart() -> None:
    (pair,) = pairs_of([arm("with", flat(8)), arm("without", flat(80))])
    first, second, _ = sentences(pair)
    assert "not told apart in weights/std (all low high)" in first
    assert "the interval holds it in weights/std (all low high)" in second


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
        "weights std all 55.00 +- 63.53 90.00 +- 127.06 -35.00 +- 63.53".split()
    )
    assert lines[-1] == "Floor of chance with BatchNorm: 12.50 %"


def test_published_numbers_are_the_paper_s() -> None:
    found = {name: (one.with_bn, one.without_bn) for name, one in PUBLISHED.items()}
    assert found == {"resnet44": (0.4132, 0.9195), "vgg16": (0.1075, 0.9380)}
    clean = {name: one.clean_if_chance for name, one in PUBLISHED.items()}
    assert clean == {"resnet44": None, "vgg16": pytest.approx(0.1 / 0.1075, abs=5e-4)}

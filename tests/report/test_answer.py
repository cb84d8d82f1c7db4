"""The sentences that answer the question: numbers from the records, and nothing else."""

import random
from dataclasses import replace

import numpy as np
import pytest

from analogsim.experiment.deal import hand, pack
from analogsim.experiment.statistics import less_digital, over_images, summarise
from analogsim.experiment.trial import Trial
from analogsim.quantity import Quantity
from analogsim.report.answer import answer
from tests.report.run_folder import DAY, YEAR, make_header, make_trial

DIGITAL = make_header().digital
BASELINE = "The digital network is right on 97.50 % of 360 images."
RULE = (
    "Costs are points against the digital network, with global compensation; in brackets 95 % "
    "intervals over {} chips, for these images alone; verdicts by Holm's rule over {} comparisons."
)
WHOLE = {"order": "stored", "seed": 0, "round": 0, "start": 0, "count": 360, "total": 360}
RIGHT = [at % 40 != 0 for at in range(360)]


def of(preset: str, right: int, step: int = 1, **more: object) -> list[Trial]:
    """Three chips, each with `step` right answers more than the one before."""
    return [make_trial(chip=c, preset=preset, n_correct=right + step * c, **more) for c in range(3)]


def recorded(chip: int, wrong: set[int], **more: object) -> Trial:
    """A trial with its answers: the digital network's, but for these images."""
    bits = [right and at not in wrong for at, right in enumerate(RIGHT)]
    return make_trial(chip=chip, n_correct=sum(bits), correct=pack(bits), images=WHOLE, **more)


def test_one_curve_from_its_first_to_its_last_time() -> None:
    trials = [make_trial(chip=c, n_correct=342 + c) for c in range(2)]
    trials += [make_trial(chip=c, t_s=YEAR, n_correct=324 + c) for c in range(2)]
    # 12.7062 * 0.5/360 = 1.76 points of half-width. Both chips lose 18 images, 5 points exactly:
    # no flip of 720 answers was seen, so up to 3.69 of them.
    assert answer(trials, DIGITAL) == [
        BASELINE,
        "After 1 s pcm costs 2.36 points (0.60 to 4.13), after 1 y 7.36 points (5.60 to 9.13): "
        "5.00 points (4.49 to 5.51) more, told apart.",
        RULE.format(2, 3),
    ]


def test_one_chip_at_one_time() -> None:
    assert answer([make_trial()], DIGITAL) == [
        BASELINE,
        "After 1 s pcm costs 2.50 points.",
        "Costs are points against the digital network, with global compensation; one chip each, so "
        "no intervals and no verdicts.",
    ]


def test_a_cost_that_may_be_none_says_so() -> None:
    # 351 right in digital; 4.303 * 2/360 / sqrt(3) = 1.38 points either side.
    assert answer(of("pcm", 348, 2), DIGITAL)[1] == (
        "After 1 s pcm costs 0.28 points (-1.10 to 1.66: may be 0)."
    )


def test_every_preset_has_a_line_with_its_verdict_on_gaussian_noise() -> None:
    noise = "gaussian?eta=0.05"
    trials = [*of("pcm", 340), *of("rram", 320), *of(noise, 319)]
    assert answer(trials, DIGITAL) == [
        BASELINE,
        "After 1 s pcm costs 2.78 points (2.09 to 3.47); plain Gaussian noise (gaussian?eta=0.05) "
        "costs 5.83 points (5.49 to 6.17) more, told apart.",
        "After 1 s rram costs 8.33 points (7.64 to 9.02); plain Gaussian noise (gaussian?eta=0.05) "
        "costs 0.28 points (-0.06 to 0.62) more, not told apart.",
        "After 1 s gaussian?eta=0.05 costs 8.61 points (7.92 to 9.30).",
        "rram costs 5.56 points (5.21 to 5.90) more than pcm, told apart.",
        RULE.format(3, 6),
    ]


def test_verdicts_allow_for_each_other() -> None:
    # Differences of 9, 8 and 7 images: p = 0.005, which Holm keeps among few and not among many.
    pair = [*of("pcm", 330, 2), *of("rram", 321, 3)]
    assert answer(pair, DIGITAL)[3].endswith("more than pcm, told apart.")
    uncertain = [t for at in range(12) for t in of(f"gaussian?eta=0.{at + 1}", 330, 12 + at)]
    assert answer([*pair, *uncertain], DIGITAL)[-2].endswith("more than pcm, not told apart.")


def test_the_noise_under_the_same_treatment_is_the_one_beside_it() -> None:
    trials = [
        one
        for kind, right in (("none", 180), ("global", 340))
        for one in (*of("pcm", right, compensation=kind), *of("gaussian", 330, compensation=kind))
    ]
    line = answer(trials, DIGITAL)[1]
    assert line.startswith(
        "After 1 s pcm costs 47.22 points (46.53 to 47.91) with no compensation (plain Gaussian "
        "noise (gaussian) costs 41.67 points (41.33 to 42.01) less, told apart), 2.78 points (2.09 "
        "to 3.47) with global compensation (plain Gaussian noise (gaussian) costs 2.78 points"
    )


def test_matched_noise_is_named_and_has_no_line_of_its_own() -> None:
    control = of("gaussian-matched(pcm)", 346, 0, compensation="none")
    said = answer([*of("pcm", 340, 0), *control], DIGITAL, remarks={("pcm", 1.0): "So it is."})
    assert said[1] == (
        "After 1 s pcm costs 3.06 points (2.71 to 3.40); Gaussian noise of the same weight error "
        "costs 1.67 points (1.33 to 2.01) less, told apart. So it is."
    )
    assert len(said) == 3


def test_curves_of_one_preset_are_compared() -> None:
    trials = [
        make_trial(chip=c, t_s=t_s, compensation=kind, n_correct=right + 9 * c)
        for t_s in (1.0, DAY)
        for kind, right in (("none", 180), ("global", 324))
        for c in range(2)
    ]
    said = answer(trials, DIGITAL)
    assert said[1].startswith("After 1 s pcm (no compensation) costs 46.25 points (30.37 to 62.13")
    assert said[2].startswith("After 1 s pcm (global compensation) costs 6.25 points (-9.63 to")
    assert said[3] == (
        "pcm (no compensation) costs 40.00 points (39.49 to 40.51) more than pcm (global "
        "compensation), told apart."
    )


def test_of_several_pairs_those_that_differ_are_named() -> None:
    trials = [*of("pcm", 340), *of("rram", 300), *of("other", 340)]
    assert answer(trials, DIGITAL)[4] == (
        "Of these 3 pairs all but 1 are told apart: pcm from other."
    )
    assert answer([*trials, *of("worse", 250)], DIGITAL)[5].startswith("Of these 6 pairs all but 1")
    same = [*of("a", 340), *of("b", 340), *of("c", 340)]
    assert answer(same, DIGITAL)[4] == "None of these 3 pairs are told apart."
    far = [*of("a", 340), *of("b", 320), *of("c", 300)]
    assert answer(far, DIGITAL)[4] == "All of these 3 pairs are told apart."


def test_of_many_curves_the_extremes_are_said() -> None:
    kinds = {"none": 250, "global": 341, "exact": 335, "column": 336, "gain": 334}
    trials = [t for kind, right in kinds.items() for t in of("pcm", right, compensation=kind)]
    said = answer(trials, DIGITAL)
    assert said[1] == (
        "After 1 s pcm costs least and most of 5 curves: 2.50 points (1.81 to 3.19) with global "
        "compensation, 27.78 points (27.09 to 28.47) with no compensation."
    )
    assert said[2].endswith(
        "more than pcm (global compensation), the extremes of 5 curves, told apart."
    )


def test_presets_without_a_common_time_speak_at_their_own() -> None:
    trials = [*of("pcm", 300, t_s=YEAR), *of("rram", 342, t_s=DAY)]
    said = answer(trials, DIGITAL)
    assert [text.split(" costs ")[0] for text in said[1:-1]] == ["After 1 y pcm", "After 1 d rram"]


def test_nan_outputs_are_counted() -> None:
    trials = [make_trial(n_nan=7), make_trial(chip=1, n_nan=5)]
    assert answer(trials, DIGITAL)[-1] == "12 of 720 outputs were NaN; they count as class 0."


def test_chips_that_only_one_time_has_are_not_paired() -> None:
    # A run that was broken off: chip 1 has not reached the last time.
    trials = [make_trial(), make_trial(chip=1, n_correct=350), make_trial(t_s=DAY, n_correct=324)]
    said = answer(trials, DIGITAL)
    assert said[1].endswith("after 1 d 7.50 points.")
    assert "over 1 to 2 chips" in said[2]


def test_a_loss_is_a_cost_and_a_falling_one_is_not() -> None:
    loss = Quantity(name="cross-entropy", unit="nats", better="lower", least=0.0)
    trials = [
        make_trial(chip=c, n_correct=None, accuracy=0.5 + c / 100, preset=preset)
        for preset in ("pcm",)
        for c in range(3)
    ]
    said = answer(trials, {**DIGITAL, "accuracy": 0.3, "n_correct": None}, None, loss)
    assert said[0] == "The digital network has cross-entropy 0.3 nats on 360 images."
    assert said[1] == "After 1 s pcm costs 0.21 nats (0.185 to 0.235)."
    assert said[2].startswith("Costs are nats of cross-entropy against the digital network")


def test_with_answers_costs_are_paired_with_the_digital_network_for_new_images() -> None:
    draw = random.Random(3)
    wrong = [set(draw.sample(range(1, 360), 30 + 5 * c)) for c in range(4)]
    trials = [recorded(c, one) for c, one in enumerate(wrong)]
    found = less_digital(trials, DIGITAL["accuracy"], pack(RIGHT))
    values = [[int(at in one and right) * -1.0 for at, right in enumerate(RIGHT)] for one in wrong]
    assert found == over_images([np.array(one) for one in values], (-1.0, 1.0))
    (row,) = summarise(trials, pack(RIGHT))
    assert found.mean == pytest.approx(row.mean - DIGITAL["accuracy"], abs=1e-12)
    assert row.ci95_new_images is not None
    # What the digital network gets wrong, too, is no uncertainty of the cost.
    assert found.new_images is not None
    assert found.new_images[1] - found.new_images[0] < np.diff(row.ci95_new_images)[0]
    said = answer(trials, DIGITAL, pack(RIGHT))
    low, high = found.new_images
    assert f"({-100 * high:.2f} to {-100 * low:.2f})" in said[1]
    assert "for new images like these" in said[2]
    # One trial of before answers were recorded: then all are for these images.
    old = [replace(trials[0], correct=None, images=None), *trials[1:]]
    assert "for these images alone" in answer(old, DIGITAL, pack(RIGHT))[2]


def test_where_images_are_dealt_out_a_cost_is_that_of_the_mean() -> None:
    draw = random.Random(5)
    trials = []
    for chip in range(4):
        images = hand(0, chip, 4, 360)
        bits = [draw.random() < 0.9 for _ in range(images["count"])]
        trials.append(
            make_trial(
                chip=chip, n_images=90, n_correct=sum(bits), images=images, correct=pack(bits)
            )
        )
    (row,) = summarise(trials, pack(RIGHT))
    found = less_digital(trials, DIGITAL["accuracy"], pack(RIGHT))
    assert found.mean == pytest.approx(row.mean - DIGITAL["accuracy"], abs=1e-12)
    assert row.ci95 is not None
    # The same numbers less a constant.
    assert found.low == pytest.approx(row.ci95[0] - DIGITAL["accuracy"], abs=1e-9)

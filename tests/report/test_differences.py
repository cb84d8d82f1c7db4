"""Paired differences over time and between curves."""

import math

import pytest

from analogsim.experiment.deal import hand, pack
from analogsim.experiment.statistics import paired_trials
from analogsim.report.differences import differences
from tests.report.run_folder import DAY, make_trial


def dealt(chip: int, bits: list[bool], t_s: float) -> object:
    images = hand(0, chip, 4, 360)
    assert images["count"] == len(bits)
    return make_trial(
        chip=chip, t_s=t_s, n_images=90, n_correct=sum(bits), images=images, correct=pack(bits)
    )


def test_each_time_against_the_first_and_each_curve_against_the_first() -> None:
    trials = [
        make_trial(preset=p, t_s=t_s, chip=c, n_correct=340 + c - late - worse)
        for p, worse in (("pcm", 0), ("rram", 5))
        for t_s, late in ((1.0, 0), (DAY, 10))
        for c in range(3)
    ]
    found = differences(trials, None)
    shown = [(d["a"]["preset"], d["a"]["t_s"], d["b"]["preset"], d["b"]["t_s"]) for d in found]
    assert shown == [
        ("pcm", DAY, "pcm", 1.0),
        ("rram", DAY, "rram", 1.0),
        ("rram", 1.0, "pcm", 1.0),
        ("rram", DAY, "pcm", DAY),
    ]
    # What the chips have in common cancels: what is left is a flip that was not seen.
    assert [d["mean"] for d in found] == pytest.approx([-10 / 360] * 2 + [-5 / 360] * 2)
    least = -math.log(0.025) / (3 * 360)
    assert all(d["ci95"] == pytest.approx([d["mean"] - least, d["mean"] + least]) for d in found)
    assert all(d["told_apart"] for d in found)
    assert [d["n_chips"] for d in found] == [3] * 4


def test_treatments_of_batchnorm_are_compared_at_the_same_compensation() -> None:
    trials = [
        make_trial(bn=bn, compensation=kind, chip=c, n_correct=300 + c + more)
        for bn, kind, more in (
            *(("digital", "none", 0), ("digital", "global", 20)),
            *(("recalibrate", "none", 30), ("recalibrate", "global", 36)),
            *(("fold", "exact", 1),),
        )
        for c in range(3)
    ]
    found = differences(trials, None)
    sides = [tuple((d[k]["bn"], d[k]["compensation"]) for k in ("a", "b")) for d in found]  # type: ignore[literal-required]
    assert sides == [
        (("digital", "global"), ("digital", "none")),
        (("recalibrate", "none"), ("digital", "none")),
        (("recalibrate", "global"), ("digital", "global")),
        # There is no digital one with exact compensation: the first curve.
        (("fold", "exact"), ("digital", "none")),
    ]
    assert [360 * d["mean"] for d in found] == pytest.approx([20, 30, 16, 1])


def test_dealt_images_are_compared_answer_by_answer() -> None:
    # Chips differ a lot from each other, but each loses the same share over time.
    first, last = [], []
    for chip in range(4):
        bits = [n % (2 + chip) > 0 for n in range(90)]
        worse = [bit and n % 10 > 0 for n, bit in enumerate(bits)]
        first.append(dealt(chip, bits, 1.0))
        last.append(dealt(chip, worse, DAY))
    change = paired_trials(last, first)  # type: ignore[arg-type]
    assert change is not None
    assert change.mean == pytest.approx(
        sum(a.accuracy - b.accuracy for a, b in zip(last, first, strict=True)) / 4  # type: ignore[attr-defined]
    )
    assert change.half_width is not None
    assert change.half_width < 0.1


def test_chips_on_other_images_are_no_pair() -> None:
    a = dealt(0, [True] * 90, 1.0)
    b = make_trial(chip=0, t_s=DAY)
    assert paired_trials([a], [b]) is None  # type: ignore[list-item]

"""Losses, intervals and interactions, by hand on a toy set of accuracies and of answers."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from analogsim.attribution.effects import losses, row_of, summed, sure
from analogsim.attribution.treatment import Contrast, Treatment
from analogsim.errors import InputError
from analogsim.experiment.statistics import ANY, ByChip
from tests.attribution.small import accuracies_only

# Student's t, 97.5 %, 2 degrees of freedom.
T_2 = 4.302652729696142


def treatment(name, *, fixed=False):
    return Treatment(condition=SimpleNamespace(preset=name), same_for_every_chip=fixed)


TOY = {
    None: ({0: 0.90, 1: 0.90, 2: 0.90}, True),
    "full": ({0: 0.80, 1: 0.82, 2: 0.84}, False),
    "without": ({0: 0.85, 1: 0.85, 2: 0.88}, False),
    "steps": ({0: 0.89, 1: 0.89, 2: 0.89}, True),
    "ranges": ({0: 0.895, 1: 0.895, 2: 0.895}, True),
}


def accuracies(one):
    by_chip, fixed = TOY[None if one is None else one.name]
    return dataclasses.replace(accuracies_only(by_chip), fixed=fixed)


def contrast(better, worse, mode="without", why=""):
    return Contrast(
        kind="source", name="x", title="the x", mode=mode, better=better, worse=worse, why=why
    )


def test_interval_by_hand():
    """Gains 0.05, 0.03, 0.04: mean 0.04, standard deviation 0.01."""
    row = row_of(contrast(treatment("without"), treatment("full")), accuracies, 1.0)
    half = T_2 * 0.01 / 3**0.5
    assert row["loss"] == pytest.approx(0.04)
    assert row["low"] == pytest.approx(0.04 - half)
    assert row["high"] == pytest.approx(0.04 + half)
    assert (row["n_chips"], row["n_images"], row["same_for_every_chip"]) == (3, 1000, False)
    assert (row["kind"], row["name"], row["mode"], row["t_s"]) == ("source", "x", "without", 1.0)


def test_alone_is_counted_from_the_digital_network_or_the_base():
    full = losses(contrast(None, treatment("full"), "alone"), accuracies)
    assert [full.values[chip][0] for chip in range(3)] == pytest.approx([0.10, 0.08, 0.06])
    steps = contrast(treatment("ranges", fixed=True), treatment("steps", fixed=True), "alone")
    row = row_of(steps, accuracies, 1.0)
    assert row["same_for_every_chip"] is True
    assert row["low"] == row["loss"] == row["high"] == pytest.approx(0.005)


def test_what_is_not_measured_has_no_number():
    row = row_of(contrast(None, None, why="it cannot be"), accuracies, 1.0)
    assert (row["loss"], row["low"], row["high"], row["n_chips"]) == (None, None, None, 0)
    assert row["why"] == "it cannot be"
    assert row["same_for_every_chip"] is False


def test_one_chip_has_no_interval():
    row = row_of(
        contrast(treatment("without"), treatment("full")),
        lambda one: accuracies_only({0: TOY[one.name][0][0]}),
        1.0,
    )
    assert row["loss"] == pytest.approx(0.05)
    assert (row["low"], row["high"], row["p"], row["new_images"]) == (None,) * 4


def test_interaction_by_hand():
    """Whole 0.10, 0.08, 0.06; parts together 0.05, 0.05, 0.05: what is left is paired."""
    whole = accuracies_only({0: 0.10, 1: 0.08, 2: 0.06})
    parts = [accuracies_only({0: 0.02, 1: 0.03, 2: 0.01}),
             accuracies_only({0: 0.03, 1: 0.02, 2: 0.04})]  # fmt: skip
    total = summed(parts)
    assert [one[0] for one in total.values.values()] == pytest.approx([0.05, 0.05, 0.05])
    assert total.mean(ANY).mean == pytest.approx(0.05)
    rest = (whole - total).mean(ANY)
    assert rest.mean == pytest.approx(0.03)
    assert rest.std == pytest.approx(0.02)
    assert rest.half_width == pytest.approx(T_2 * 0.02 / 3**0.5)


def test_pairs_need_the_same_chips():
    def some(one):
        return accuracies_only({0: 0.5}) if one is None else accuracies(one)

    with pytest.raises(InputError, match="got chip 1 on one only"):
        losses(contrast(None, treatment("full")), some)


def test_answers_give_an_interval_for_images_like_these():
    """Chips that agree on every image: no spread of chips, and still no certainty."""
    better, worse = np.ones(20), np.ones(20)
    worse[:2] = 0.0

    def known(one):
        return ByChip(values=dict.fromkeys(range(3), better if one.name == "a" else worse),
                      n_images=20)  # fmt: skip

    row = row_of(contrast(treatment("a"), treatment("b")), known, 1.0)
    assert row["loss"] == pytest.approx(0.1)
    # What 60 answers do not show at 95 %: ln(40) / 60 either side.
    assert row["high"] - row["loss"] == pytest.approx(np.log(40) / 60)
    assert row["low"] == pytest.approx(0.1 - np.log(40) / 60)
    # Two of 20 images differ: other images may give as well none.
    assert row["new_images"][0] < 0 < row["low"]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([(0.02, 0.01, 0.03, 0.02, False)], [True]),
        # Each by itself at 5 %, but not both: Holm needs 0.025 for the first of two.
        ([(0.02, 0.01, 0.03, 0.03, False), (0.02, 0.01, 0.03, 0.04, False)], [False, False]),
        ([(0.02, 0.01, 0.03, 0.01, False), (0.02, 0.01, 0.03, 0.04, False)], [True, True]),
        ([(0.02, None, None, None, False)], [False]),
        # Nothing random: no comparison, so that it takes nothing from the other.
        ([(0.02, 0.02, 0.02, None, True), (0.02, 0.01, 0.03, 0.04, False)], [True, True]),
        ([(0.0, 0.0, 0.0, None, True)], [False]),
    ],
    ids=["one", "two by chance", "two", "one chip", "fixed beside", "fixed zero"],
)
def test_what_is_called_a_cost_survives_its_list(losses, expected):
    row = row_of(contrast(treatment("without"), treatment("full")), accuracies, 1.0)
    rows = [
        row | {"loss": loss, "low": low, "high": high, "p": p, "same_for_every_chip": fixed}
        for loss, low, high, p, fixed in losses
    ]
    assert sure(rows) == expected

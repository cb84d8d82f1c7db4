"""Losses, intervals and interactions, by hand on a toy set of accuracies."""

import pytest

from analogsim.attribution.effects import apart, interaction, losses, row_of, summed
from analogsim.attribution.treatment import Contrast, Treatment
from analogsim.errors import InputError

# Student's t, 97.5 %, 2 degrees of freedom.
T_2 = 4.302652729696142


def treatment(name, *, fixed=False):
    return Treatment(name=name, analog=None, device=None, same_for_every_chip=fixed)


TOY = {
    None: {0: 0.90, 1: 0.90, 2: 0.90},
    "full": {0: 0.80, 1: 0.82, 2: 0.84},
    "without": {0: 0.85, 1: 0.85, 2: 0.88},
    "steps": {0: 0.89, 1: 0.89, 2: 0.89},
    "ranges": {0: 0.895, 1: 0.895, 2: 0.895},
}


def accuracies(one):
    return TOY[None if one is None else one.name]


def contrast(better, worse, mode="without", why=""):
    return Contrast(
        kind="source", name="x", title="the x", mode=mode, better=better, worse=worse, why=why
    )


def test_interval_by_hand():
    """Gains 0.05, 0.03, 0.04: mean 0.04, standard deviation 0.01."""
    row = row_of(contrast(treatment("without"), treatment("full")), accuracies, 1.0, 100)
    half = T_2 * 0.01 / 3**0.5
    assert row["loss"] == pytest.approx(0.04)
    assert row["low"] == pytest.approx(0.04 - half)
    assert row["high"] == pytest.approx(0.04 + half)
    assert (row["n_chips"], row["n_images"], row["same_for_every_chip"]) == (3, 100, False)
    assert (row["kind"], row["name"], row["mode"], row["t_s"]) == ("source", "x", "without", 1.0)


def test_alone_is_counted_from_the_digital_network_or_the_base():
    full = losses(contrast(None, treatment("full"), "alone"), accuracies)
    assert full == pytest.approx({0: 0.10, 1: 0.08, 2: 0.06})
    steps = contrast(treatment("ranges", fixed=True), treatment("steps", fixed=True), "alone")
    row = row_of(steps, accuracies, 1.0, 100)
    assert row["same_for_every_chip"] is True
    assert row["low"] == row["loss"] == row["high"] == pytest.approx(0.005)


def test_what_is_not_measured_has_no_number():
    row = row_of(contrast(None, None, why="it cannot be"), accuracies, 1.0, 100)
    assert (row["loss"], row["low"], row["high"], row["n_chips"]) == (None, None, None, 0)
    assert row["why"] == "it cannot be"
    assert row["same_for_every_chip"] is False


def test_one_chip_has_no_interval():
    row = row_of(
        contrast(treatment("without"), treatment("full")),
        lambda one: {0: accuracies(one)[0]},
        1.0,
        100,
    )
    assert row["loss"] == pytest.approx(0.05)
    assert (row["low"], row["high"]) == (None, None)


def test_interaction_by_hand():
    """Whole 0.10, 0.08, 0.06; parts together 0.05, 0.05, 0.05: what is left is paired."""
    whole = {0: 0.10, 1: 0.08, 2: 0.06}
    parts = [{0: 0.02, 1: 0.03, 2: 0.01}, {0: 0.03, 1: 0.02, 2: 0.04}]
    assert summed(parts) == pytest.approx({0: 0.05, 1: 0.05, 2: 0.05})
    total, rest = interaction(whole, parts)
    assert total.mean == pytest.approx(0.05)
    assert total.std == pytest.approx(0.0, abs=1e-12)
    assert rest.mean == pytest.approx(0.03)
    assert rest.std == pytest.approx(0.02)
    assert rest.half_width == pytest.approx(T_2 * 0.02 / 3**0.5)


def test_pairs_need_the_same_chips():
    def some(one):
        return {0: 0.5} if one is None else accuracies(one)

    with pytest.raises(InputError, match="got chip 1 on one only"):
        losses(contrast(None, treatment("full")), some)


@pytest.mark.parametrize(
    ("mean", "low", "high", "fixed", "expected"),
    [
        (0.02, 0.01, 0.03, False, True),
        (0.02, -0.01, 0.05, False, False),
        (0.02, 0.02, 0.02, False, False),  # chips that agree by chance
        (0.02, 0.02, 0.02, True, True),
        (0.0, 0.0, 0.0, True, False),
        (0.02, None, None, False, False),
    ],
)
def test_told_apart(mean, low, high, fixed, expected):
    assert apart(mean, low, high, fixed=fixed) is expected

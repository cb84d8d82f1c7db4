"""Which layers are suggested, by hand."""

import dataclasses

import pytest

from analogsim.attribution.ask import Ask, Screening
from analogsim.attribution.screening import pick
from analogsim.attribution.suggestion import Goal, choose
from analogsim.errors import InputError
from tests.attribution.small import accuracies_only

WHOLE = accuracies_only({0: 0.119, 1: 0.121})  # 0.12
MEANS = {"a": 0.02, "b": 0.05, "c": -0.01, "d": 0.02}
GAINS = {
    "a": accuracies_only({0: 0.01, 1: 0.03}),
    "b": accuracies_only({0: 0.05, 1: 0.05}),
    "c": accuracies_only({0: -0.02, 1: 0.0}),
    "d": accuracies_only({0: 0.02, 1: 0.02}),  # after a
}


@pytest.mark.parametrize(
    ("recover", "names", "reached"),
    [
        (0.3, ("b",), True),  # wanted 0.036
        (5 / 12, ("b",), True),  # wanted 0.05: exactly b's
        (0.5, ("b", "a"), True),  # wanted 0.06
        (0.7, ("b", "a", "d"), True),  # wanted 0.084
        (1.0, ("b", "a", "d"), False),  # wanted 0.12, and all gains are 0.09
    ],
)
def test_fewest_layers_that_recover(recover, names, reached):
    choice = choose(Goal(recover=recover), WHOLE, GAINS)
    assert (choice.names, choice.reached) == (names, reached)
    assert choice.predicted.mean == pytest.approx(sum(MEANS[n] for n in names))


def test_predicted_interval_is_of_the_sums_chip_by_chip():
    choice = choose(Goal(recover=None, top=2), WHOLE, GAINS)
    assert choice.names == ("b", "a")
    # Sums 0.06 and 0.08; t(97.5 %, 1) = 12.706, standard error 0.01.
    assert choice.predicted.mean == pytest.approx(0.07)
    assert choice.predicted.half_width == pytest.approx(12.706204736 * 0.01)


@pytest.mark.parametrize(("top", "count", "reached"), [(1, 1, True), (3, 3, True), (4, 3, False)])
def test_top_takes_only_layers_that_gain(top, count, reached):
    choice = choose(Goal(recover=None, top=top), WHOLE, GAINS)
    assert (len(choice.names), choice.reached) == (count, reached)


@pytest.mark.parametrize(
    ("whole", "gains", "why"),
    [
        (accuracies_only({0: 0.0, 1: -0.01}), GAINS, "have no loss of accuracy on average"),
        (
            accuracies_only({0: 0.01, 1: 0.30}),
            GAINS,
            "not distinguishable from 0 with 2 chips on these 1000 images",
        ),
        # Two chips that agree on 20 images: ln(40) / 40 = 0.092 may be missing.
        (accuracies_only({0: 0.05, 1: 0.05}, 20), GAINS, "not distinguishable from 0"),
        (WHOLE, {"c": GAINS["c"]}, "no single layer gains"),
    ],
)
def test_nothing_to_suggest(whole, gains, why):
    assert why in choose(Goal(), whole, gains)


def test_chips_without_noise_may_agree():
    whole = dataclasses.replace(accuracies_only({0: 0.05, 1: 0.05}, 20), fixed=True)
    assert choose(Goal(), whole, GAINS).names == ("b",)


def test_one_chip_may_suggest():
    gains = {"a": accuracies_only({0: 0.06})}
    assert choose(Goal(), accuracies_only({0: 0.1}), gains).names == ("a",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"recover": 0.5, "top": 2}, "got recover 0.5 and top 2"),
        ({"recover": None, "top": None}, "got recover None and top None"),
        ({"recover": 0.0}, "above 0 and at most 1, got 0"),
        ({"recover": 1.5}, "above 0 and at most 1, got 1.5"),
        ({"recover": None, "top": 0}, "at least 1, got 0"),
    ],
    ids=str,
)
def test_goals_that_cannot_be(values, message):
    with pytest.raises(InputError, match=message):
        Goal(**values)


def test_goal_in_words():
    assert str(Goal(recover=0.25)) == "the fewest layers that recover 25 % of the loss"
    assert str(Goal(recover=None, top=1)) == "the 1 costliest layer"


def test_layers_by_pattern():
    names = ["conv1", "layer1.0.conv1", "layer1.0.conv2", "linear"]
    assert Ask().choose_layers(names) == tuple(names)
    ask = Ask(layers=("linear", "layer1.*"))
    assert ask.choose_layers(names) == ("layer1.0.conv1", "layer1.0.conv2", "linear")
    with pytest.raises(InputError, match="got 'linaer'; nearest: linear"):
        Ask(layers=("linaer",)).choose_layers(names)
    with pytest.raises(InputError, match="got 'zzz'; layers: conv1, layer1"):
        Ask(layers=("zzz",)).choose_layers(names)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ask(part="all"), "part must be one of both, sources, layers, got 'all'"),
        (lambda: Screening(images=0), "screening images must be at least 1, got 0"),
        (lambda: Screening(images=5, chips=0), "screening chips must be at least 1, got 0"),
        (lambda: Screening(images=5, refined=0), "refined layers must be at least 1, got 0"),
    ],
    ids=["part", "images", "chips", "refined"],
)
def test_asks_that_cannot_be(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_screening_picks_by_both_ways_of_looking():
    losses = {("a", "alone"): 0.05, ("a", "without"): 0.0, ("b", "alone"): 0.03,
              ("b", "without"): 0.03, ("c", "alone"): 0.01, ("c", "without"): None}  # fmt: skip
    rows = [{"name": name, "mode": mode, "loss": loss} for (name, mode), loss in losses.items()]
    assert pick(rows, ["a", "b", "c"], 1) == ("b",)
    assert pick(rows, ["c", "b", "a"], 2) == ("b", "a")
    assert pick(rows, ["a", "b", "c"], 9) == ("a", "b", "c")

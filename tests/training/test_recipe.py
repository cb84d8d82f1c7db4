"""The recipe: its schedule, its rules, and what both arms of a comparison share."""

import math
from dataclasses import replace

import pytest

from analogsim.errors import InputError
from analogsim.training.recipe import Recipe, default_recipe


def test_rate_rises_to_the_peak_and_falls_to_zero():
    recipe = Recipe(learning_rate=0.4, warmup=0.25)
    rates = [recipe.rate(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.4 / 26)
    assert rates[25] == 0.4 == max(rates)
    # Half of the way down after half of the 75 falling steps.
    assert recipe.rate(25 + 75 // 2, 100) == pytest.approx(
        0.2 * (1 + math.cos(math.pi * 37 / 75)), rel=1e-12
    )
    assert 0 < rates[99] < 0.4 * 1e-3
    assert rates[:26] == sorted(rates[:26])
    assert rates[25:] == sorted(rates[25:], reverse=True)


def test_without_warmup_the_first_step_has_the_peak():
    assert Recipe(learning_rate=0.3, warmup=0).rate(0, 10) == 0.3


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("epochs", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("crop", -1, "at least 0"),
        ("seed", -3, "at least 0"),
        ("learning_rate", 0.0, r"above 0 and at most 1e\+30"),
        ("learning_rate", math.inf, r"above 0 and at most 1e\+30"),
        ("weight_decay", -0.5, r"at least 0 and at most 1e\+30"),
        ("clip_norm", math.nan, r"at least 0 and at most 1e\+30"),
        ("warmup", 1.0, r"in \[0, 1\)"),
        ("momentum", 1.5, r"in \[0, 1\)"),
        ("label_smoothing", -0.1, r"in \[0, 1\)"),
        ("ema_decay", 1.0, r"in \[0, 1\)"),
        ("precision", "fp8", "one of bf16, fp32"),
    ],
)
def test_wrong_numbers_are_refused(field, value, rule):
    with pytest.raises(InputError, match=f"^recipe {field} must be {rule}, got '?{value}'?; mend"):
        replace(Recipe(), **{field: value})


def test_all_problems_are_said_at_once():
    with pytest.raises(InputError, match=r"epochs .* got 0; momentum .* got 2; mend these$"):
        Recipe(epochs=0, momentum=2)


@pytest.mark.parametrize("data", ["cifar10", "digits"])
def test_both_arms_share_all_but_rate_and_clipping(data):
    normed = default_recipe("zoo:resnet20", data)
    bare = default_recipe("zoo:resnet20?classes=10&norm=none", data)
    assert bare == replace(normed, learning_rate=normed.learning_rate / 2, clip_norm=2.0)
    assert normed == default_recipe("zoo:resnet20?norm=batch", data)


@pytest.mark.parametrize(
    ("options", "bare"),
    [
        ("norm=l1", False),
        ("norm=topk", False),
        ("norm=group", False),
        ("stages=3", False),
        ("stages=2", True),
        ("norm=l1&stages=1", True),
        ("stages=0", True),
    ],
)
def test_a_stage_without_norm_decides_the_rate(options, bare):
    recipe = default_recipe(f"zoo:resnet20?{options}", "cifar10")
    expected = "zoo:resnet20?norm=none" if bare else "zoo:resnet20"
    assert recipe == default_recipe(expected, "cifar10")


def test_digits_are_not_mirrored():
    recipe = default_recipe("zoo:digits_cnn", "digits")
    assert (recipe.flip, recipe.crop) == (False, 1)

"""Specs in text: names, options, hints."""

import pytest

from analogsim.errors import InputError
from analogsim.inputs.spec import did_you_mean, few, split_options, whole_number


def test_options_are_split() -> None:
    assert split_options(
        "resnet20?norm=none&classes=5", where="m", allowed=("norm", "classes")
    ) == ("resnet20", {"norm": "none", "classes": "5"})


def test_a_name_alone_has_no_options() -> None:
    assert split_options("resnet20", where="m", allowed=("norm",)) == ("resnet20", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("net?nrom=none", r"model 'x' option must be one of classes, norm, got 'nrom'; did you "),
        ("net?norm", r"model 'x' option must have a value, got 'norm'; write norm=VALUE"),
        ("net?norm=", r"model 'x' option must have a value, got 'norm='; write norm=VALUE"),
        ("net?norm=a&norm=b", r"option norm must be given once, got 'a' and 'b'; drop one"),
    ],
    ids=["unknown", "no equals sign", "no value", "twice"],
)
def test_wrong_options_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_options(text, where="model 'x'", allowed=("norm", "classes"))


@pytest.mark.parametrize("text", ["0", "11", "-3", "2.5", "ten", "", "²", "9" * 30])
def test_a_count_outside_its_range_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=rf"n must be a whole number from 1 to 10, got '{text}'"):
        whole_number(text, where="n", minimum=1, maximum=10)


def test_a_count_is_read() -> None:
    assert whole_number("10", where="n", minimum=1, maximum=10) == 10


def test_hint_names_the_nearest_and_only_a_near_one() -> None:
    assert did_you_mean("restnet20", ["resnet20", "vgg16"]) == "; did you mean 'resnet20'?"
    assert did_you_mean("zzz", ["resnet20", "vgg16"]) == ""


def test_few_counts_the_rest() -> None:
    assert few(["a", "b", "c"]) == "a, b, c"
    assert few(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"

"""Axes of a sweep: what stands on a command line, as values and as points."""

import pytest

from analogsim.errors import InputError
from analogsim.experiment.axes import (
    MOST_POINTS,
    axes_of,
    parse_values,
    place_of,
    point_text,
    points_of,
    read_axes,
    value_text,
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("4..8", (4, 5, 6, 7, 8)), ("4..9:2", (4, 6, 8)), ("-1..1", (-1, 0, 1)),
        ("128, 256,512", (128, 256, 512)), ("2..3,8", (2, 3, 8)),
        ("0..0.3:0.1", (0.0, 0.1, 0.2, 0.3)), ("1e-3", (0.001,)), ("true,false", (True, False)),
        ("column,tile", ("column", "tile")),
    ],
)  # fmt: skip
def test_values_are_ranges_lists_and_words(text: str, values: tuple[object, ...]) -> None:
    found = parse_values(text, where="--set x")
    assert found == values
    assert [type(one) for one in found] == [type(one) for one in values]


@pytest.mark.parametrize(
    ("texts", "axes"),
    [
        (["adc_bits=4..5,6"], {"adc_bits": (4, 5, 6)}),
        (["adc_bits=4,max_input_size=128,512"], {"adc_bits": (4,), "max_input_size": (128, 512)}),
        (
            ["adc_bits=4, pcm.read_scale = 0", "adc_bits=6"],
            {"adc_bits": (4, 6), "pcm.read_scale": (0,)},
        ),
        (
            ["adc_bits=4,faults=on=1%,off=2%;none"],
            {"adc_bits": (4,), "faults": ("faults?on=0.01&off=0.02", "faults")},
        ),
    ],
)
def test_settings_are_parted_by_commas_and_repetition(texts, axes) -> None:
    assert read_axes(texts) == axes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "--set must be NAME=VALUES, got 'x'"),
        ("=4", "got '=4'"),
        ("x=", "must be values separated by commas, got ''"),
        ("x=4,,5", "got '4,,5'"),
        ("x=8..4", "must be a range that goes up by a step above 0, got '8..4'"),
        ("x=4..8:0", "got '4..8:0'"),
        ("x=a..b", "must have numbers on both sides of .., got 'a..b'"),
        ("x=0..0.5", "must have a step where numbers are not whole, got '0..0.5'"),
        ("x=0..nan", "goes up by a step above 0, got '0..nan'"),
        ("x=0..1e9", f"at most {MOST_POINTS} points, got {MOST_POINTS + 1}"),
        ("x=inf", "x must be finite, got inf"),
        ("x=4,4.0", "must name each value once, got '4' twice"),
    ],
)
def test_what_is_no_axis_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_axes([text])
    assert said in str(error.value)


def test_an_axis_that_stands_twice_joins() -> None:
    assert read_axes(["a=4..5", "b=1", "a=8"]) == {"a": (4, 5, 8), "b": (1,)}
    with pytest.raises(InputError, match="--set a must name each value once, got '5' twice"):
        read_axes(["a=4..5", "a=5"])


def test_points_are_all_combinations_and_give_their_axes_back() -> None:
    axes = {"bits": (4, 5), "noise": (0.0, 0.1)}
    points = points_of(axes)
    assert [point_text(point) for point in points] == [
        "bits 4, noise 0", "bits 4, noise 0.1", "bits 5, noise 0", "bits 5, noise 0.1",
    ]  # fmt: skip
    assert axes_of(points) == axes
    assert points_of({}) == ()
    with pytest.raises(InputError, match=f"at most {MOST_POINTS} points, got 289"):
        points_of({"a": tuple(range(17)), "b": tuple(range(17))})


def test_the_place_of_a_point_is_the_same_in_any_order_of_axes() -> None:
    assert place_of({"b": 1, "a": 2}) == place_of({"a": 2, "b": 1}) == (("a", 2), ("b", 1))
    assert place_of(None) == place_of({}) == ()


def test_values_are_written_so_that_they_can_be_read() -> None:
    for value in (True, 4, 0.1, 1e-9, 1 / 3, "tile"):
        assert parse_values(value_text(value), where="") == (value,)


@pytest.mark.parametrize("text", ["1e999999999..1e999999999", "0..1:1e-999999999", "1..2:1e-400"])
def test_numbers_that_cannot_be_counted_with_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="goes up by a step above 0"):
        parse_values(text, where="--set x")


def test_very_many_values_are_refused_one_by_one() -> None:
    with pytest.raises(InputError, match=f"at most {MOST_POINTS} points, got"):
        parse_values(",".join(["1..200"] * 100_000), where="--set x")

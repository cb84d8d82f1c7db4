"""Durations as people write them: exact seconds, and what the messages say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analogsim.durations import SECONDS_PER_UNIT, parse_duration, parse_times
from analogsim.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0), ("60", 60.0), ("0", 0.0), ("1m", 60.0), ("1min", 60.0), ("1h", 3600.0),
        ("2.5h", 9000.0), (".5s", 0.5), ("1d", 86400.0), ("30d", 2592000.0), ("1mo", 2592000.0),
        ("1y", 31536000.0), ("1e6", 1e6), ("1e-2s", 0.01), (" 2 d ", 172800.0),
    ],
)  # fmt: skip
def test_durations_are_exact(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(0, 10**9), st.sampled_from(sorted(SECONDS_PER_UNIT)))
def test_number_times_unit(number: int, unit: str) -> None:
    assert parse_duration(f"{number}{unit}") == number * SECONDS_PER_UNIT[unit]


@pytest.mark.parametrize("text", ["", "-1s", "soon", "nan", "inf", "1h30", "1,5h", "h", "1 2s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"must be a number of at least 0") as caught:
        parse_duration(text)
    assert f"got {text!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "unit", "hint"),
    [
        ("3days", "days", "3d"),
        ("1year", "year", "1y"),
        ("1Y", "Y", "1y"),
        ("2hourz", "hourz", "2h"),
        ("1e3mont", "mont", "1e3mo"),
    ],
)
def test_unknown_unit_suggests_the_nearest(text: str, unit: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"got {unit!r} in {text!r}; did you mean {hint}\\?"):
        parse_duration(text)


def test_duration_too_long_for_a_float_is_refused() -> None:
    with pytest.raises(InputError, match=r"--at must be at most 1e\+18 s .*, got '1e400y'"):
        parse_duration("1e400y", where="--at")


def test_times_keep_their_order() -> None:
    assert parse_times("1d, 1s,1h") == (86400.0, 1.0, 3600.0)


@pytest.mark.parametrize("text", ["", "1s,,1h", "1s,", " "])
def test_empty_times_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"--times must be a comma-separated list.*got {text!r}"):
        parse_times(text)


def test_same_time_twice_is_refused_however_it_is_written() -> None:
    with pytest.raises(InputError, match="got '1min' after '60', which is the same 60 s"):
        parse_times("1s,60,1min")


def test_a_bad_entry_names_the_option() -> None:
    with pytest.raises(InputError, match=r"--at must be a number .* got 'x'"):
        parse_times("1s,x", where="--at")

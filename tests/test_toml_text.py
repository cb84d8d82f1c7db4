"""Settings as TOML: what comes back is what went in, without null."""

import tomllib

import pytest

from analogsim.toml_text import toml_text


@pytest.mark.parametrize(
    "values",
    [
        {"a": 1, "b": 2.5, "c": "x", "d": True, "e": [1.0, 2.0], "f": []},
        {"quote": 'say "hi"\n\\', "del": "\x7f", "accent": "\u00e9", "a key": 1, "": 2},
        {"top": 1, "table": {"x": [True, False]}, "empty": {}},
        {"list": [{"a": 1, "b": {"c": "d"}}, {}], "big": 1e300, "small": 1e-300},
    ],
    ids=["plain", "text", "tables", "nested"],
)
def test_round_trip(values: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(values)) == values


def test_null_is_left_out() -> None:
    values = {"a": None, "b": {"c": None, "d": 1}, "e": [None, 1]}
    assert tomllib.loads(toml_text(values)) == {"b": {"d": 1}, "e": [1]}


def test_single_values_come_before_tables() -> None:
    assert toml_text({"t": {"x": 1}, "a": 2}) == "a = 2\n\n[t]\nx = 1\n"

"""The table `[sweep]` of a spec: its axes, and what the schema cannot say of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from analogsim.errors import AnalogsimError, InputError, shown
from analogsim.experiment.axes import Value, check_values, points_of, values_of
from analogsim.spec.check import Problem

_VALUE: list[dict[str, Any]] = [
    {"type": "string", "minLength": 1},
    {"type": "number"},
    {"type": "boolean"},
]
SWEEP_VALUES: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "anyOf": [
            *_VALUE,
            {"type": "array", "minItems": 1, "items": {"anyOf": _VALUE}},
            {"type": "object"},
        ],
        "description": 'values such as "4..8" or [128, 512]',
    },
}
OWN_KEYS = ("bn", "compensation")
"""Axes of every study, with an option and a key of their own."""


def sweep_problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    """What the schema, which has found `[sweep]` good, cannot say of it."""
    axes = {}
    flat = _flat(content["sweep"])
    if not flat:
        yield Problem(key="sweep", text="must have a setting with its values, got an empty table")
    for name, values in flat.items():
        if name in OWN_KEYS:
            text = f"must be a list of its own, got it in [sweep]; write {name} = [...] above"
            yield Problem(key=f"sweep.{name}", text=text)
            continue
        try:
            axes[name] = _values(name, values)
        except AnalogsimError as error:
            yield Problem(key=f"sweep.{name}", text=str(error))
    try:
        points_of(axes)
    except InputError as error:
        yield Problem(key="sweep", text=str(error))


def axes_from_toml(table: Mapping[str, Any]) -> dict[str, tuple[Value, ...]]:
    """The axes of a `[sweep]` without problems."""
    return {name: _values(name, values) for name, values in _flat(table).items()}


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """TOML takes the unquoted key `pcm.drift_scale` as a table in a table."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _values(name: str, given: Any) -> tuple[Value, ...]:
    where = f"sweep {name}"
    listed = given if isinstance(given, list) else [given]
    found: tuple[Value, ...] = ()
    for one in listed:
        if not isinstance(one, bool | int | float | str):
            raise InputError(f"{where} must be plain values, got {shown(one)}; write numbers")
        found += values_of(name, one, where=where) if isinstance(one, str) else (one,)
    check_values(found, where=where)
    return found

"""A periphery as text: a name, single fields set in it, or a file.

A text is `NAME` or `NAME?field=value&field=value`, as for devices: `standard?adc_bits=4`. NAME may
be a `.toml` file.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analogsim import bounded
from analogsim.crossbar.adc.file import inl_of, read_inl
from analogsim.crossbar.mapping.periphery import OF_CONVERTERS, PERIPHERIES, STANDARD, Periphery
from analogsim.errors import InputError, plain, shown

FIELDS = tuple(f.name for f in dataclasses.fields(Periphery) if f.name != "name")
UNUSED_IF_IDEAL = (*FIELDS[1 : FIELDS.index("ir_drop") + 1], *OF_CONVERTERS)
"""Fields that an ideal periphery does not use."""
# A table of numbers is no short text.
_IN_TEXT = tuple(name for name in FIELDS if name != "adc_inl")


def from_dict(values: dict[str, Any], *, where: str) -> Periphery:
    """A periphery from plain values; fields that are left out are those of `standard`.

    Raises:
        InputError: an unknown field or a value of the wrong type or range.
    """
    fields = {f.name: f for f in dataclasses.fields(Periphery)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise InputError(
            f"{where}: periphery fields must be among {', '.join(fields)}, got "
            f"{', '.join(map(plain, unknown))}; remove or rename them"
        )
    if "adc_inl" in values:
        values = {**values, "adc_inl": inl_of(values["adc_inl"], where=f"{where}: adc_inl")}
    for name, value in values.items():
        default = getattr(STANDARD, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        good = number if isinstance(default, float) else isinstance(value, type(default))
        if not good or (isinstance(default, int) and isinstance(value, bool) and name != "perfect"):
            raise InputError(
                f"{where}: {name} must be a {type(default).__name__}, got {shown(value)}; mend it"
            )
    return dataclasses.replace(STANDARD, **values)


def parse(text: str) -> Periphery:
    """A name in `PERIPHERIES` or the path of a TOML file, with single fields set behind a `?`.

    Keys of the file are Periphery's fields. Its name is the text, with fields that differ from
    what stands before the `?` in the order of Periphery: spellings of one periphery are one.

    Raises:
        InputError: neither a known name nor a readable TOML file with known fields; a field that
            there is not, twice, without effect, or with a value that it cannot have.
    """
    head, _, query = text.partition("?")
    base = _named(head)
    return _with_fields(base, query, text) if "?" in text else base


def fields_in_name(name: str) -> frozenset[str]:
    """The fields that the name of a periphery sets."""
    return frozenset(item.partition("=")[0] for item in name.partition("?")[2].split("&"))


def _with_fields(base: Periphery, query: str, text: str) -> Periphery:
    values: dict[str, Any] = {}
    for item in query.split("&"):
        field, _, value = item.partition("=")
        if field not in _IN_TEXT:
            raise InputError(
                f"periphery {shown(text)} field must be one of {', '.join(_IN_TEXT)}, got "
                f"{shown(field)}; write for example '{base.name}?adc_bits=6'"
            )
        if field in values:
            raise InputError(
                f"periphery {shown(text)} must set each field once, got {field} twice; leave one "
                "out"
            )
        values[field] = _read(field, value)
    fields = {field: getattr(base, field) for field in ("name", *FIELDS)}
    made = from_dict({**fields, **values}, where=f"periphery {shown(text)}")
    unused = [field for field in values if made.perfect and field in UNUSED_IF_IDEAL]
    if unused:
        raise InputError(
            f"periphery {shown(text)} must set what it uses, got {', '.join(unused)} of an ideal "
            "one, which has no converters, bounds or noise; begin with standard"
        )
    given = "&".join(_set(base, made))
    return dataclasses.replace(made, name=f"{base.name}?{given}" if given else base.name)


def _set(base: Periphery, made: Periphery) -> Iterator[str]:
    for field in FIELDS:
        value = getattr(made, field)
        if value != getattr(base, field):
            yield f"{field}={str(value).lower() if isinstance(value, bool) else value}"


def _read(field: str, text: str) -> Any:
    """A value of the field's type; text that is none is left for the check of types."""
    default = getattr(STANDARD, field)
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text, text)
    try:
        return type(default)(text)
    except ValueError:
        return text


def _named(text: str) -> Periphery:
    if text in PERIPHERIES:
        return PERIPHERIES[text]
    path = Path(text)
    if path.suffix != ".toml":
        raise InputError(
            f"periphery must be {', '.join(PERIPHERIES)} or a .toml file, got {text!r}; "
            "choose one of these"
        )
    try:
        values = bounded.parse_toml(bounded.read_text(path))
    except OSError as err:
        raise InputError(
            f"periphery file {path} must be readable, got '{err.strerror}'; check the path"
        ) from err
    except ValueError as err:
        raise InputError(f"periphery file {path} must be TOML, got '{err}'; mend the file") from err
    table = values.pop("adc_table", None)
    if table is not None:
        if not isinstance(table, str) or "adc_inl" in values:
            raise InputError(
                f"periphery file {path}: adc_table must be a file's name, without adc_inl, "
                f"got {shown(table)}; mend it"
            )
        values["adc_inl"] = read_inl(path.parent / table)
    return from_dict({"name": path.stem, **values}, where=f"periphery file {path}")

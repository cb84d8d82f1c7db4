"""The short text form of a device or an effect: `NAME?option=value&option=value`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from device_models.constants import options_of
from device_models.errors import DeviceError

Made = TypeVar("Made")


def made(kind: Any, make: Callable[..., Made], query: str, spec: str, *, what: str) -> Made:
    """What `make` gives for the options of `query`, as the fields of `kind` type them.

    Args:
        kind: a dataclass with an `info`.
        make: takes options by name.
        query: what stands behind the `?`.
        spec: the whole text, for messages.
        what: what `kind` is: `preset` or `effect`.

    Raises `DeviceError`, with every problem.
    """
    name = kind.info.name
    values: dict[str, Any] = {}
    problems: list[str] = []
    for item in query.split("&") if query else []:
        option, equals, text = item.partition("=")
        try:
            if option in values:
                raise DeviceError(
                    f"{what} {name!r} option {option!r} must be given once, got {spec!r}; "
                    "keep one of its values"
                )
            values[option] = _read(kind, option, text if equals else None, what)
        except DeviceError as problem:
            problems.append(str(problem))
    try:
        result = make(**values)
    except DeviceError as problem:
        problems.append(str(problem))
    if problems:
        raise DeviceError("\n".join(problems))
    return result


def spec_of(value: Any) -> str:
    """Return the shortest spec that `made` turns into an equal value."""
    given, constants = [], options_of(value)
    for field in fields(value):
        own = getattr(value, field.name)
        if field.name in constants and own is not None:
            # 40 and 40.0 are one device, with one name.
            own = float(own)
        if own != field.default:
            given.append(f"{field.name}={str(own).lower() if isinstance(own, bool) else own}")
    name: str = value.info.name
    return name + ("?" + "&".join(given) if given else "")


def _read(kind: Any, option: str, text: str | None, what: str) -> Any:
    """Turn the text of one option into the type of its field."""
    name = kind.info.name
    options = [field.name for field in fields(kind)]
    if option not in options:
        raise DeviceError(
            f"{what} {name!r} option must be one of {', '.join(options)}, got {option!r}; "
            + (_meant(option, options) or f"write for example '{name}?{options[0]}=0.5'")
        )
    hint = get_type_hints(kind)[option]
    if type(None) in get_args(hint):
        # None is the device without it, which is had by leaving it out.
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is Literal:
        values = {str(value): value for value in get_args(hint)}
        rule = " or ".join(values)
    elif hint is str and text is not None:
        return text
    elif hint is bool:
        values = {"true": True, "false": False}
        rule = "true or false"
    else:
        values = {}
        rule = "text" if hint is str else "a whole number" if hint is int else "a number"
    if text in values:
        return values[text]
    if not values and text is not None and hint is not str:
        try:
            return int(text) if hint is int else float(text)
        except ValueError:
            pass
    raise DeviceError(
        f"{what} {name!r} {option} must be {rule}, got {text!r}; "
        f"write for example '{name}?{option}={next(iter(values), '128' if hint is int else '0.5')}'"
    )


def _meant(option: str, options: list[str]) -> str:
    """A known option like this one: with its unit, or spelt otherwise; else empty."""
    lower = option.lower()
    units = [one for one in options if one.removesuffix("_us").removesuffix("_s") == lower]
    near = units or get_close_matches(lower, options, n=1, cutoff=0.7)
    return f"did you mean {near[0]!r}?" if near else ""

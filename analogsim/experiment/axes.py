"""Axes of a sweep: what a setting is to be, as text, as values, and as the points they span."""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from analogsim.errors import InputError, shown
from device_models.effects.shorthand import NONE, SHORTHANDS, spec_of_shorthand

Value = bool | int | float | str
Axes = Mapping[str, tuple[Value, ...]]
"""The values of each setting, in the order in which they were asked for."""
Point = Mapping[str, Value]
"""A value for each axis; empty where nothing is swept."""
Place = tuple[tuple[str, Value], ...]
"""A point as part of a key: the same whatever the order of its axes."""

MOST_POINTS = 256
"""Each has chips of its own; a run of more is a mistake or several runs."""

WITHIN = 0.005
"""The difference of accuracies that a sweep's answer takes as none: half a point."""

_MOST_DIGITS = 18
_RANGE = re.compile(r"(?P<low>.+?)\.\.(?P<high>[^:]+)(:(?P<step>.+))?")
_NEXT = re.compile(r",\s*(?=[A-Za-z_][\w.-]*\s*=)")
_WORDS: dict[str, bool] = {"true": True, "false": False}


def place_of(point: Point | None) -> Place:
    """The point as part of a key."""
    return tuple(sorted((point or {}).items()))


def value_text(value: Value) -> str:
    """A value as people write it: `true`, `4`, `0.02`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def shown_text(value: Value) -> str:
    """As `value_text`, but effects as they are written in short: `on=0.01,off=0.01`, or `none`."""
    text = value_text(value)
    name, _, options = text.partition("?")
    if name not in {short.effect for short in SHORTHANDS.values()}:
        return text
    return options.replace("&", ",") or NONE


def point_text(point: Point | None) -> str:
    """A point in words: `adc_bits 4, max_input_size 128`; empty without a sweep."""
    return ", ".join(f"{axis} {shown_text(value)}" for axis, value in (point or {}).items())


def read_axes(texts: Sequence[str], *, where: str = "--set") -> dict[str, tuple[Value, ...]]:
    """Axes of texts such as `adc_bits=4..10` or `adc_bits=4,6,max_input_size=128`.

    Values of a name that stands twice join. An effect in short ends its text: its own options
    have commas, too.

    Raises:
        InputError: a text without a name or values, values that are none, or one twice.
        DeviceError: an effect in short that there is not.
    """
    found: dict[str, tuple[Value, ...]] = {}
    for text in itertools.chain.from_iterable(map(_settings, texts)):
        name, equals, values = text.partition("=")
        name = name.strip()
        if not (name and equals):
            raise InputError(
                f"{where} must be NAME=VALUES, got {shown(text)}; write for example adc_bits=4..8"
            )
        found[name] = (*found.get(name, ()), *values_of(name, values, where=f"{where} {name}"))
    for name, known in found.items():
        check_values(known, where=f"{where} {name}")
    return found


def _settings(text: str) -> Iterator[str]:
    """The settings of a text, which a comma and a name part: one `NAME=VALUES` each."""
    while (after := _NEXT.search(text)) and text.partition("=")[0].strip() not in SHORTHANDS:
        yield text[: after.start()]
        text = text[after.end() :]
    yield text


def values_of(name: str, text: str, *, where: str) -> tuple[Value, ...]:
    """The values of an axis: as `parse_values`, or effects in short with semicolons between.

    Where no effect names an option (`wires=0.1ohm,1ohm`) commas part them, too.

    Raises:
        InputError: as `parse_values`.
        DeviceError: an effect that there is not.
    """
    if name in SHORTHANDS:
        parts = text.split("," if "=" not in text and ";" not in text else ";")
        return tuple(spec_of_shorthand(name, one) for one in parts)
    return parse_values(text, where=where)


def parse_values(text: str, *, where: str) -> tuple[Value, ...]:
    """`4..10`, `0..0.1:0.02`, `128,256,512`, or several of these with commas between.

    A range ends at or before its last number; whole numbers need no step.

    Raises:
        InputError: an entry is empty, or a range is none.
    """
    found: list[Value] = []
    for part in (one.strip() for one in text.split(",")):
        if not part:
            raise InputError(
                f"{where} must be values separated by commas, got {shown(text)}; write for "
                "example 4..8 or 128,256,512"
            )
        match = _RANGE.fullmatch(part)
        found += [_value(part)] if match is None else _range(match, part, where)
        _check_count(len(found), where)
    return tuple(found)


def check_values(values: Sequence[Value], *, where: str) -> None:
    """Raises InputError for no value, one that is not finite, one twice, or too many."""
    if not values:
        raise InputError(f"{where} must have a value, got none; give some, for example 4..8")
    _check_count(len(values), where)
    texts = [value_text(value) for value in values]
    for at, (value, text) in enumerate(zip(values, texts, strict=True)):
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{where} must be finite, got {text}; leave it out")
        if values.index(value) < at:
            raise InputError(
                f"{where} must name each value once, got {shown(text)} twice; leave one out"
            )


def points_of(axes: Axes, *, where: str = "sweep") -> tuple[dict[str, Value], ...]:
    """Every combination of the axes' values, the last axis fastest; none without axes.

    Raises:
        InputError: there are more than `MOST_POINTS`.
    """
    if not axes:
        return ()
    _check_count(math.prod(map(len, axes.values())), where)
    return tuple(
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    )


def axes_of(points: Iterable[Point]) -> dict[str, tuple[Value, ...]]:
    """The axes that points stand on, their values in the order of first use."""
    found: dict[str, dict[Value, None]] = {}
    for point in points:
        for axis, value in point.items():
            found.setdefault(axis, {})[value] = None
    return {axis: tuple(values) for axis, values in found.items()}


def _check_count(count: int, where: str) -> None:
    if count > MOST_POINTS:
        raise InputError(
            f"{where} must have at most {MOST_POINTS} points, got {count}; take fewer values, or "
            "several runs"
        )


def _value(text: str) -> Value:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _range(match: re.Match[str], text: str, where: str) -> list[Value]:
    try:
        low, high = Decimal(match["low"]), Decimal(match["high"])
        step = Decimal(match["step"] or "1")
    except InvalidOperation:
        raise InputError(
            f"{where} must have numbers on both sides of .., got {shown(text)}; write for example "
            "4..8 or 0..0.1:0.02"
        ) from None
    numbers = (low, high, step)
    if not all(one.is_finite() and _plain(one) for one in numbers) or step <= 0 or high < low:
        raise InputError(
            f"{where} must be a range that goes up by a step above 0, got {shown(text)}; write "
            "for example 4..8 or 0..0.1:0.02"
        )
    whole = all(one == one.to_integral_value() for one in numbers)
    if match["step"] is None and not whole:
        raise InputError(
            f"{where} must have a step where numbers are not whole, got {shown(text)}; write for "
            f"example {match['low']}..{match['high']}:0.02"
        )
    # Divided before it is counted: 1..1e9 is refused, and makes no list.
    count = int(min((high - low) / step, Decimal(MOST_POINTS))) + 1
    _check_count(count, where)
    exact = [low + n * step for n in range(count)]
    return [int(one) if whole else float(one) for one in exact]


def _plain(number: Decimal) -> bool:
    """Whether it can be counted with: 1e999999 has too many digits to be written out."""
    return abs(number.adjusted()) <= _MOST_DIGITS

"""Durations as people write them: `1s`, `2.5h`, `30d`, `1y`. Seconds everywhere else."""

import difflib
import re

from analogsim.errors import InputError

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S

# A month is 30 days and a year 365 days, as in the drift literature's axis labels.
SECONDS_PER_UNIT = {
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": _HOUR_S,
    "d": _DAY_S,
    "mo": 30 * _DAY_S,
    "y": 365 * _DAY_S,
}
_LONGEST_S = 1e18
# What people write instead, for the hint.
_SPELLINGS = {
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "minute": "min",
    "minutes": "min",
    "hr": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "month": "mo",
    "months": "mo",
    "mon": "mo",
    "yr": "y",
    "year": "y",
    "years": "y",
}
_DURATION = re.compile(r"([0-9]*\.?[0-9]+|[0-9]+\.)(e[+-]?[0-9]+)?\s*([a-zA-Z]*)", re.IGNORECASE)


def parse_duration(text: str, *, where: str = "time") -> float:
    """Seconds of a duration such as `60`, `1min`, `2.5h`, `30d`, `1mo` (30 d) or `1y` (365 d).

    A bare number is in seconds. `where` names the option in the message. Raises `InputError`.
    """
    stripped = text.strip()
    match = _DURATION.fullmatch(stripped)
    if match is None:
        raise InputError(
            f"{where} must be a number of at least 0 with a unit ({', '.join(SECONDS_PER_UNIT)}), "
            f"got {text!r}; write for example 1s, 2.5h, 30d or 1y"
        )
    number, exponent, unit = match.groups(default="")
    seconds = SECONDS_PER_UNIT.get(unit or "s")
    if seconds is None:
        raise InputError(
            f"{where} unit must be one of {', '.join(SECONDS_PER_UNIT)}, got {unit!r} in "
            f"{text!r}; did you mean {number}{exponent}{_nearest_unit(unit)}?"
        )
    value_s = float(number + exponent) * seconds
    if value_s > _LONGEST_S:
        raise InputError(
            f"{where} must be at most {_LONGEST_S:g} s (twice the age of the universe), got "
            f"{text!r}; give a shorter time"
        )
    return value_s


def parse_times(text: str, *, where: str = "--times") -> tuple[float, ...]:
    """Seconds of a comma-separated list such as `1s,1h,1d`, in the order given.

    Raises `InputError` for an empty list or entry, and for the same time given twice.
    """
    written: dict[float, str] = {}
    for part in text.split(","):
        if not part.strip():
            raise InputError(
                f"{where} must be a comma-separated list of times, got {text!r}; "
                "write for example 1s,1h,1d"
            )
        value_s = parse_duration(part, where=where)
        if value_s in written:
            raise InputError(
                f"{where} must name each time once, got {part.strip()!r} after "
                f"{written[value_s]!r}, which is the same {value_s:g} s; leave one out"
            )
        written[value_s] = part.strip()
    return tuple(written)


def _nearest_unit(unit: str) -> str:
    lower = unit.lower()
    if lower in SECONDS_PER_UNIT:
        return lower
    if lower in _SPELLINGS:
        return _SPELLINGS[lower]
    near = difflib.get_close_matches(lower, [*SECONDS_PER_UNIT, *_SPELLINGS], n=1)
    return _SPELLINGS.get(near[0], near[0]) if near else "s"


def seconds(time: float | str, *, where: str = "time") -> float:
    """A time in seconds, which may be written as `parse_duration` reads it. Raises InputError."""
    return parse_duration(time, where=where) if isinstance(time, str) else float(time)

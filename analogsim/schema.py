"""Strict JSON, and the check of a JSON value against the type hints of what should be in it.

Records outlive the program that wrote them, and people edit them. So a value read back is
checked field by field, and every problem is said at once.
"""

import json
import math
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from analogsim.errors import shown

_RULES: dict[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    NoneType: "null",
}

_MOST_NAMED = 20


def dumps(value: object, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """JSON text without NaN or Infinity: those are not JSON, and other readers refuse them."""
    return json.dumps(value, allow_nan=False, indent=indent, sort_keys=sort_keys)


def loads(text: str) -> Any:
    """Parse strict JSON: no NaN, no number that a float cannot hold, no key twice.

    Raises ValueError (JSONDecodeError is one).
    """
    try:
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_once,
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value


def _whole(text: str) -> int:
    value = int(text)
    # Every whole number may be used as a float somewhere, and 1e400 is refused too.
    if abs(value) > sys.float_info.max:
        raise ValueError(f"{text[:40]}... is too large a number")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Python would take the last of two; a file with two was damaged or mended by hand."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        # The first that stands for the second time; counting each would take for ever.
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {shown(twice)} stands twice")
    return found


@lru_cache(maxsize=64)
def _hints_of(kind: Any) -> Mapping[str, Any]:
    # Looked up once: every trial holds such an object.
    return get_type_hints(kind)


def problems(value: object, hint: Any, where: str) -> Iterator[str]:
    """What keeps `value` from being a `hint`, a sentence each; nothing if it is one.

    `hint` is Any, None, str, bool, int, float, Literal, a union, list[...], dict[str, ...] or a
    TypedDict. A whole number is a float; a truth value is not a number.
    """
    if hint is Any or _is_one_of(value, _plain(hint)):
        return
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        objects = [arg for arg in args if is_typeddict(arg)]
        if isinstance(value, dict) and len(objects) == 1:
            yield from problems(value, objects[0], where)
        elif not any(fits(value, arg) for arg in args):
            rules = " or ".join(
                "an object" if is_typeddict(arg) else _RULES.get(arg, str(arg)) for arg in args
            )
            yield f"{where} must be {rules}, got {shown(value)}"
    elif origin is Literal:
        if value not in args:
            yield f"{where} must be one of {', '.join(map(str, args))}, got {shown(value)}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{where} must be a list, got {shown(value)}"
        else:
            # Long lists are of numbers: of those only the wrong ones cost a sentence.
            plain = _plain(args[0])
            for index, item in enumerate(value):
                if not _is_one_of(item, plain):
                    yield from problems(item, args[0], f"{where}[{index}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{where} must be an object, got {shown(value)}"
        else:
            for key, item in value.items():
                yield from problems(item, args[1], f"{where}[{key!r}]")
    elif is_typeddict(hint):
        if not isinstance(value, dict):
            yield f"{where} must be an object, got {shown(value)}"
        else:
            optional = hint.__optional_keys__
            yield from field_problems(value, _hints_of(hint), f"{where} ", optional=optional)
    else:
        yield f"{where} must be {_RULES[hint]}, got {shown(value)}"


def field_problems(
    fields: Mapping[str, object],
    hints: Mapping[str, Any],
    where: str = "",
    *,
    optional: Collection[str] = (),
) -> Iterator[str]:
    """Missing, unknown and wrong fields of an object, a sentence each."""
    missing = [name for name in hints if name not in fields and name not in optional]
    unknown = [name for name in fields if name not in hints]
    if missing:
        yield f"{where}must have the fields {', '.join(missing)}, which are missing"
    if unknown:
        more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
        named = ", ".join(map(shown, unknown[:_MOST_NAMED]))
        yield f"{where}must have no other fields, got {named}{more}"
    for name, hint in hints.items():
        if name in fields:
            yield from problems(fields[name], hint, f"{where}{name}")


def fits(value: object, hint: Any) -> bool:
    """Whether `value` has no problem."""
    return next(problems(value, hint, ""), None) is None


@lru_cache(maxsize=256)
def _plain(hint: Any) -> frozenset[Any]:
    """The plain types of a hint that is one, or a union of some; others are left out."""
    parts = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    return frozenset(_RULES).intersection(parts)


def _is_one_of(value: object, plain: frozenset[Any]) -> bool:
    kind = type(value)
    if kind is float or (kind is int and int not in plain):
        return float in plain and math.isfinite(value)  # type: ignore[arg-type]
    return kind in plain

"""Check a TOML document against the JSON Schema of specs (`spec_schema`), in our words.

Of JSON Schema this knows what that one uses.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from analogsim.errors import shown

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
_KNOWN = {
    *("$schema", "title", "description", "type", "properties", "required", "items", "enum"),
    *("additionalProperties", "anyOf", "oneOf", "minItems", "uniqueItems", "minLength", "pattern"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("$comment", "allOf", "if", "then", "else", "const", "minProperties"),
}

MOST_ITEMS = 10_000
"""So many entries a list may have; each is checked, and may be computed on."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with one key; `key` is dotted, with places in lists."""

    key: str
    text: str


def find_problems(value: Any, schema: dict[str, Any], key: str = "") -> Iterator[Problem]:
    """Every problem of a value; nothing if the schema takes it."""
    assert schema.keys() <= _KNOWN, f"the check does not know {schema.keys() - _KNOWN}"
    if isinstance(value, list) and len(value) > MOST_ITEMS:
        yield Problem(key=key, text=f"must have at most {MOST_ITEMS} entries, got {len(value)}")
        return
    if not _fits_itself(value, schema):
        rule = schema.get("description", "as the schema says")
        yield Problem(key=key or "spec", text=f"must be {rule}, got {shown(value)}")
        return
    if isinstance(value, dict):
        yield from _table_problems(value, schema, key)
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from find_problems(item, schema.get("items", {}), f"{key}[{place}]")


def _table_problems(value: dict[str, Any], schema: dict[str, Any], key: str) -> Iterator[Problem]:
    known = schema.get("properties", {})
    prefix = f"{key}." if key else ""
    for name in schema.get("required", ()):
        if name not in value:
            rule = known[name]["description"]
            yield Problem(key=f"{prefix}{name}", text=f"must be {rule}, got none")
    for name, item in value.items():
        others = schema.get("additionalProperties", {})
        if name in known or others is not False:
            yield from find_problems(item, known.get(name, others), f"{prefix}{name}")
        else:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield Problem(
                key=f"{prefix}{name}",
                text=f"must be one of {', '.join(known)}, got {shown(name)}{hint}",
            )
    for rule in schema.get("allOf", ()):
        branch = "then" if _is_case(value, rule["if"]) else "else"
        yield from _branch_problems(value, rule.get(branch, {}), known, prefix)


def _branch_problems(
    value: dict[str, Any], branch: dict[str, Any], known: dict[str, Any], prefix: str
) -> Iterator[Problem]:
    """Keys that a kind of spec must have, and those that it has no use for."""
    for name in branch.get("required", ()):
        if name not in value:
            yield Problem(
                key=f"{prefix}{name}", text=f"must be {known[name]['description']}, got none"
            )
    for name in branch.get("properties", ()):
        if name in value:
            why = f", {known[name]['$comment']}" if "$comment" in known[name] else ""
            yield Problem(
                key=f"{prefix}{name}",
                text=f"must be left out of {branch['description']}{why}, got {shown(value[name])}",
            )


def _is_case(value: dict[str, Any], case: dict[str, Any]) -> bool:
    """Whether a table is what the `if` of a rule speaks of: keys that it has, and constants."""
    asked = case.get("properties", {})
    return all(name in value for name in case["required"]) and all(
        value[name] == one["const"] for name, one in asked.items()
    )


def _fits_itself(value: Any, schema: dict[str, Any]) -> bool:
    """Whether the value fits, what it holds left aside."""
    kind = schema.get("type")
    if kind is not None and not _is(value, kind):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "anyOf" in schema and not any(_fits_itself(value, one) for one in schema["anyOf"]):
        return False
    if "oneOf" in schema:
        held = sum(all(name in value for name in one["required"]) for one in schema["oneOf"])
        if held != 1:
            return False
    if isinstance(value, str):
        pattern = schema.get("pattern")
        fits = pattern is None or re.search(pattern, value) is not None
        return fits and len(value) >= schema.get("minLength", 0)
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            return False
        return not schema.get("uniqueItems", False) or _is_once(value)
    if isinstance(value, dict):
        return len(value) >= int(schema.get("minProperties", 0))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _in_range(value, schema)
    return True


def _is_once(value: list[Any]) -> bool:
    """Whether no item stands twice. Tables and lists, which have no hash, are compared by text."""
    keys = [repr(one) if isinstance(one, dict | list) else one for one in value]
    return len(set(keys)) == len(keys)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        # JSON Schema's integer is a number without a fraction; ours is too, so that both agree.
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


def _in_range(value: float, schema: dict[str, Any]) -> bool:
    return bool(
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )

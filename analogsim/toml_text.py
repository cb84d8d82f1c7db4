"""Settings as TOML. What is None is left out: TOML has no word for it."""

import json
import re
from collections.abc import Mapping
from typing import Any


def toml_text(values: Mapping[str, Any]) -> str:
    """Plain values as TOML: single values first, then a table for each object."""
    plain = {k: v for k, v in values.items() if not isinstance(v, Mapping)}
    tables = {k: v for k, v in values.items() if isinstance(v, Mapping)}
    blocks = [_lines(plain)] if plain else []
    blocks += [f"[{_key(name)}]\n{_lines(table)}".rstrip() for name, table in tables.items()]
    return "\n\n".join(blocks) + "\n"


def toml_value(value: Any) -> str:
    """Text, numbers, truth values, and lists, tuples and objects of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A JSON string is a TOML basic string, once DEL is escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value if item is not None)}]"
    if isinstance(value, Mapping):
        inside = ", ".join(_pairs(value))
        return f"{{ {inside} }}" if inside else "{}"
    return repr(value)


def _lines(values: Mapping[str, Any]) -> str:
    return "\n".join(_pairs(values))


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{_key(k)} = {toml_value(v)}" for k, v in values.items() if v is not None]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)

"""The keys of a spec as Markdown, from the JSON Schema that checks it."""

from collections.abc import Iterator
from dataclasses import MISSING
from typing import Any

from markdown import code, escape, table

from analogsim.spec.table import KEYS, spec_schema
from analogsim.toml_text import toml_value


def spec_keys() -> list[str]:
    """One table for the top of a spec, one for each table inside it, and the kinds of spec."""
    schema = spec_schema()
    return [*_table(schema, ""), *_kinds(schema)]


def _table(schema: dict[str, Any], name: str) -> list[str]:
    required = schema.get("required", [])
    rows, below = [], []
    for key, value in schema["properties"].items():
        must = "yes" if key in required else ""
        rows.append((code(key), must, escape(value.get("description", "")), _default(name, key)))
        inner = value.get("items", value)
        if "properties" in inner:
            mark = f"[[{name}{key}]]" if value.get("type") == "array" else f"[{name}{key}]"
            below += ["", f"In the table {code(mark)}:", *_table(inner, f"{name}{key}.")]
    return [*table(("key", "required", "value", "default"), rows), *below]


def _default(table: str, key: str) -> str:
    """A key's default, where it has one and the table is not of a network of its own."""
    row = KEYS.get(key)
    if row is None or row.required or row.default in (None, "", ()) or table == "networks.":
        return ""
    return "" if row.default is MISSING else code(toml_value(row.default))


def _kinds(schema: dict[str, Any]) -> Iterator[str]:
    """What the schema asks of some specs only."""
    for rule in schema.get("allOf", ()):
        for case in (rule.get("then"), rule.get("else")):
            if not case or "description" not in case:
                continue
            refused = [key for key, value in case.get("properties", {}).items() if value is False]
            parts = []
            if needed := case.get("required"):
                parts.append(f"must have {', '.join(map(code, needed))}")
            if refused:
                parts.append(f"cannot have {', '.join(map(code, refused))}")
            yield ""
            yield f"- {escape(case['description'])}: {'; '.join(parts)}."

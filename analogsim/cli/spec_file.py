"""Read and write a spec as TOML; every problem of a file at once, with its line."""

import json
import math
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from analogsim.cli.spec import DESIGN_KEYS, Spec, spec_from_toml, times_of
from analogsim.cli.spec_check import Problem, find_problems, spec_schema
from analogsim.errors import AnalogsimError, InputError
from device_models.registry import parse as parse_device

__all__ = ["read_spec", "spec_as_toml"]

_KEY = re.compile(r"""^\s*(?:"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<bare>[\w-]+))\s*[=.]""")
_TABLE = re.compile(r"^\s*\[\s*(?P<name>[\w-]+)\s*\]")


def read_spec(path: Path) -> Spec:
    """Read a spec file; `-` is stdin.

    Raises:
        InputError: the file cannot be read, is no TOML, or has problems: all are named.
    """
    name = "stdin" if str(path) == "-" else str(path)
    try:
        text = sys.stdin.read() if name == "stdin" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"spec {name} must be a readable TOML file, got '{reason}'; check the path"
        ) from error
    return parse_spec(text, name)


def parse_spec(text: str, name: str) -> Spec:
    """A spec of a TOML text; `name` is for the errors, which are those of `read_spec`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"spec {name} must be TOML, got '{error}'; mend the line") from error
    found = [*find_problems(content, spec_schema()), *_infinite(content)]
    broken = {problem.key.split("[")[0] for problem in found}
    if not broken & {"presets", "times", "spec"}:
        found += _device_problems(content)
    if found:
        lines = "".join(f"\n  {_place(text, p.key)}{p.key} {p.text}" for p in found)
        raise InputError(f"spec {name} must follow the schema, got problems:{lines}\nmend these")
    return spec_from_toml(content)


def spec_as_toml(spec: Spec) -> str:
    """The spec as TOML, without what is left at its default."""
    top: list[str] = []
    design: list[str] = []
    for one in fields(Spec):
        value = getattr(spec, one.name)
        required = one.default is MISSING
        if value is None or (not required and value == one.default):
            continue
        line = f"{one.name} = {_toml(value)}"
        (design if one.name in DESIGN_KEYS else top).append(line)
    return "\n".join([*top, "", "[design]", *design, ""])


def _device_problems(content: dict[str, Any]) -> Iterator[Problem]:
    """Devices that there are not, and times that they are not valid at."""
    try:
        times = times_of(content)
    except InputError as error:
        yield Problem(key="times", text=str(error))
        return
    if len(set(times)) < len(times):
        yield Problem(key="times", text=f"must name each time once, got {content['times']}")
    for place, preset in enumerate(content["presets"]):
        try:
            device = parse_device(preset)
            for t_s in times:
                device.check_time(t_s)
        except AnalogsimError as error:
            yield Problem(key=f"presets[{place}]", text=f"{preset!r}: {error}")


def _infinite(content: dict[str, Any]) -> Iterator[Problem]:
    """TOML has nan and inf, which JSON and its schemas do not know."""
    for key, value in content.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from (Problem(key=f"{key}.{p.key}", text=p.text) for p in _infinite(item))
            elif isinstance(item, float) and not math.isfinite(item):
                yield Problem(key=key, text=f"must be finite, got {item}")


def _place(text: str, key: str) -> str:
    """`line N: ` of the line where a key stands; empty if it stands nowhere."""
    parts = key.split("[")[0].split(".")
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _TABLE.match(line):
            table = match["name"]
            if parts == [table]:
                return f"line {number}: "
        elif match := _KEY.match(line):
            name = match["double"] or match["single"] or match["bare"]
            if [*([table] if table else []), name] == parts:
                return f"line {number}: "
    return ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A JSON string is a TOML basic string, once DEL is escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)

"""Read and write a spec as TOML; every problem of a file at once, with its line."""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from analogsim import bounded
from analogsim.errors import AnalogsimError, InputError
from analogsim.spec.attribution import attribution_problems
from analogsim.spec.check import Problem, find_problems
from analogsim.spec.device import beside, device_of
from analogsim.spec.noise import NoiseSpec, etas_of
from analogsim.spec.study import ATTRIBUTION, DESIGN_KEYS, Spec, set_keys, times_of
from analogsim.spec.suite import (
    Suite,
    one_from_toml,
    suite_as_toml,
    suite_from_toml,
    suite_problems,
)
from analogsim.spec.sweep import sweep_problems
from analogsim.spec.table import EFFECTS, KINDS, NETWORKS, spec_schema
from analogsim.spec.values import (
    control_problems,
    first_chip_problems,
    share_problems,
    value_problems,
    whole_numbers,
)
from analogsim.toml_text import toml_text
from device_models.effects.registry import parse_effect
from device_models.effects.shorthand import SHORTHANDS, spec_of_shorthand

_KEY = re.compile(r"""^\s*(?:"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<bare>[\w-]+))\s*[=.]""")
_TABLE = re.compile(r"^\s*\[\s*(?P<name>[\w-]+)\s*\]")
_ENTRY = re.compile(r"^\s*\[\[\s*(?P<name>[\w-]+)\s*\]\]")

# Whoever has more sees the rest when these are mended.
_MOST_PROBLEMS = 100
_LONGEST_KEY = 200

_OF_CHIPS = {"presets", "bn", "compensation", "design"}
AnySpec = Spec | NoiseSpec | Suite


def read_spec(path: Path) -> AnySpec:
    """Read a spec file; `-` is stdin, whose folder is the working folder.

    Raises:
        InputError: the file cannot be read, is no TOML, or has problems: all are named.
    """
    name = "stdin" if str(path) == "-" else str(path)
    try:
        # One character more than is taken, so that a stream without an end is seen as too long.
        most = bounded.TOML + 1
        text = sys.stdin.read(most) if name == "stdin" else bounded.read_text(path, 4 * most)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"spec {name} must be a readable TOML file, got '{reason}'; check the path"
        ) from error
    return parse_spec(text, name, Path() if name == "stdin" else path.parent)


def parse_spec(text: str, name: str, folder: Path = Path()) -> AnySpec:
    """A spec of a TOML text; `name` is for the errors, which are those of `read_spec`.

    Weights of `[[networks]]` and files of presets are relative to `folder`.
    """
    try:
        content = bounded.parse_toml(text)
    except ValueError as error:
        raise InputError(f"spec {name} must be TOML, got '{error}'; mend the line") from error
    return spec_of_content(content, f"spec {name}", folder, text)


def spec_of_content(
    content: dict[str, Any], what: str, folder: Path = Path(), text: str = ""
) -> AnySpec:
    """A spec of a document as TOML reads it; `what` begins the errors, `text` gives their lines.

    Raises:
        InputError: it has problems: all are named.
    """
    found = [*islice(find_problems(content, spec_schema()), _MOST_PROBLEMS)]
    found += islice(value_problems(content), _MOST_PROBLEMS)
    if len(found) >= _MOST_PROBLEMS:
        raise InputError(_all_said(found, text, what))
    broken = {problem.key.split("[")[0].split(".")[0] for problem in found}
    if not broken & {"yield_above", "recover", "design", "spec"}:
        found += share_problems(content, spec_schema())
    if "presets" in content and not broken & {"presets", "times", "spec"}:
        found += _device_problems(content, folder)
    if EFFECTS in content and EFFECTS not in broken:
        found += _effect_problems(content)
    if not broken & {EFFECTS, *SHORTHANDS, "spec"}:
        content, problems = _written_out(content)
        found += problems
    if NETWORKS in content and not broken & {NETWORKS, "design", "spec"}:
        found += suite_problems(content, folder)
    if "design" in content and not broken & {"design", "spec"}:
        found += first_chip_problems(content)
    if "gaussian" in content and not broken & {*_OF_CHIPS, "gaussian", "spec"}:
        found += control_problems(content)
    if "sweep" in content and not broken & {"sweep", "spec"}:
        found += sweep_problems(content)
    if content.get("kind") == ATTRIBUTION and not broken & {*_OF_CHIPS, "recover", "top", "spec"}:
        found += attribution_problems(content)
    if "etas" in content and not broken & {"etas", "spec"}:
        found += _eta_problems(content)
    if found:
        raise InputError(_all_said(found, text, what))
    content = whole_numbers(content, spec_schema())
    if NETWORKS in content:
        return suite_from_toml(content, folder)
    return one_from_toml(content, folder)


def _all_said(found: Sequence[Problem], text: str, what: str) -> str:
    said = found[:_MOST_PROBLEMS]
    places = _places(text)
    lines = "".join(f"\n  {places.of(p.key)}{p.key[:_LONGEST_KEY]} {p.text}" for p in said)
    more = "\n  and more" if len(found) >= _MOST_PROBLEMS else ""
    return f"{what} must follow the schema, got problems:{lines}{more}\nmend these"


def as_toml(spec: AnySpec) -> str:
    """A spec of any kind as TOML, without what is left at its default."""
    if isinstance(spec, Suite):
        return suite_as_toml(spec)
    keys = set_keys(spec)
    design = {key: keys.pop(key) for key in DESIGN_KEYS if key in keys}
    sweep = keys.pop("sweep", None) or None
    kind = next((name for name, one in KINDS.items() if type(spec) is one), None)
    return toml_text({"kind": kind, **keys, "design": design or None, "sweep": sweep})


def _device_problems(content: dict[str, Any], folder: Path) -> Iterator[Problem]:
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
            device = device_of(*beside([preset], folder))
            for t_s in times:
                device.check_time(t_s)
        except AnalogsimError as error:
            yield Problem(key=f"presets[{place}]", text=f"{preset!r}: {error}")


def _effect_problems(content: dict[str, Any]) -> Iterator[Problem]:
    """Effects that there are not."""
    for place, effect in enumerate(content["effects"]):
        try:
            parse_effect(effect)
        except AnalogsimError as error:
            yield Problem(key=f"effects[{place}]", text=f"{effect!r}: {error}")


def _written_out(content: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The document with shorthands as effects, behind the others; and what is wrong with them."""
    effects, problems = list(content.get(EFFECTS, [])), []
    for name in SHORTHANDS:
        if name in content:
            try:
                effects.append(spec_of_shorthand(name, content[name]))
            except AnalogsimError as error:
                problems.append(Problem(key=name, text=f"{content[name]!r}: {error}"))
    if not content.keys() & SHORTHANDS.keys():
        return content, problems
    rest = {key: value for key, value in content.items() if key not in SHORTHANDS}
    return rest | {EFFECTS: effects}, problems


def _eta_problems(content: dict[str, Any]) -> Iterator[Problem]:
    """Levels that are one number in two spellings, or none at all."""
    etas = etas_of(content)
    if len(set(etas)) < len(etas) or min(etas) <= 0:
        text = f"must name levels above 0, each once, got {content['etas']}"
        yield Problem(key="etas", text=text)


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Line numbers: where each key stands first, and where each `[[entry]]` begins."""

    lines: dict[str, int]
    heads: dict[str, int]

    def of(self, key: str) -> str:
        """`line N: ` of the line where a key stands; empty if it stands nowhere."""
        # A place in a list is on the line of its key, but for a list of tables.
        wanted = {key, re.sub(r"(\[\d+\])+$", "", key)}
        found = [self.lines[one] for one in wanted if one in self.lines]
        # What an entry lacks is said at its head.
        parent = key.rpartition(".")[0]
        found = found or [self.heads[one] for one in (parent,) if one in self.heads]
        return f"line {min(found)}: " if found else ""


def _places(text: str) -> _Places:
    table = ""
    lines: dict[str, int] = {}
    heads: dict[str, int] = {}
    entries: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _ENTRY.match(line):
            here = table = f"{match['name']}[{entries[match['name']]}]"
            entries[match["name"]] += 1
            heads[here] = number
        elif match := _TABLE.match(line):
            here = table = match["name"]
        elif match := _KEY.match(line):
            name = match["double"] or match["single"] or match["bare"]
            here = f"{table}.{name}" if table else name
        else:
            continue
        lines.setdefault(here, number)
    return _Places(lines=lines, heads=heads)

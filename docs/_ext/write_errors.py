"""Every error message of the library and what to do, read from the source."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markdown import code, escape, table

ROOT = Path(__file__).parents[2]
ERRORS = ("InputError", "OutputError", "DeviceError", "WorkerError")

# The first that a module's name begins with.
AREAS = (
    ("analogsim.inputs.weight", "Weights"),
    ("analogsim.inputs.state", "Weights"),
    ("analogsim.inputs.archive", "Weights and images"),
    ("analogsim.inputs.models", "Networks"),
    ("analogsim.inputs.zoo", "Networks"),
    ("analogsim.inputs.norms", "Networks"),
    ("analogsim.inputs.user_file", "Your own Python file"),
    ("analogsim.inputs", "Images"),
    ("device_models", "Devices"),
    ("analogsim.batchnorm", "BatchNorm"),
    ("analogsim.gaussian", "Gaussian noise"),
    ("analogsim.scopes", "Gaussian noise"),
    ("analogsim.crossbar", "Conversion, chips and their folders"),
    ("analogsim.experiment", "Runs and their folders"),
    ("analogsim.suites", "Runs of several networks"),
    ("analogsim.report", "Reports and figures"),
    ("analogsim.findings", "Reports and figures"),
    ("analogsim.export", "Export for energy and area"),
    ("analogsim.training", "Training"),
    ("analogsim.equivalent", "Comparison with Gaussian noise"),
    ("analogsim.attribution", "Attribution"),
    ("analogsim.cli", "Options and specs"),
    ("analogsim", "The library"),
)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One error: what it says, and what to do (its last part); `…` stands for what is put in."""

    module: str
    line: int
    says: str
    todo: str


@lru_cache(maxsize=1)
def library() -> tuple[tuple[str, ast.Module], ...]:
    """Every module of the library, by name."""
    paths = [path for one in ("analogsim", "device_models") for path in (ROOT / one).rglob("*.py")]
    return tuple(
        (
            ".".join(path.relative_to(ROOT).with_suffix("").parts),
            ast.parse(path.read_text(encoding="utf-8")),
        )
        for path in sorted(paths)
    )


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Where an error is made with a message; `raise error` and such hand on one made before."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ERRORS and len(node.args) == 1:
                yield node


@lru_cache(maxsize=1)
def messages() -> list[Message]:
    """All of them, in the order of the modules."""
    found = []
    made = {module: _returned(tree) for module, tree in library()}
    for module, tree in library():
        returned = _imported(tree, made) | made[module]
        inside = set()
        for call in calls(tree):
            inside |= {id(node) for node in ast.walk(call)}
            for text in _texts(call.args[0], returned):
                found.append(_split(module, call.lineno, text))
        # Problems that are said together, a line each, are made apart from the error.
        for text in _apart(tree, inside):
            found.append(_split(module, 0, text))
    return found


def errors() -> list[str]:
    """The messages as Markdown, by area."""
    areas: dict[str, dict[str, str]] = {}
    for message in messages():
        area = next(title for start, title in AREAS if message.module.startswith(start))
        areas.setdefault(area, {}).setdefault(message.says, message.todo)
    lines = []
    for area in dict.fromkeys(title for _, title in AREAS):
        rows = [
            (code(says.replace("`", "'")), escape(todo[:1].upper() + todo[1:]))
            for says, todo in sorted(areas.get(area, {}).items())
        ]
        lines += [f"## {area}", *table(("it says", "what to do"), rows)] if rows else []
    return lines


def _split(module: str, line: int, text: str) -> Message:
    # What stands after the line end is what to do, as in "got problems: ... mend these".
    text = " ".join(text.replace("\nmend", "; mend").split())
    text = re.sub("…+", "…", text)
    says, _, todo = text.rpartition("; ")
    if not says:
        says, todo = todo, ""
    # A hint that is made elsewhere is no text to show.
    todo = todo if re.search(r"\w", todo) else "mend what it names"
    return Message(module=module, line=line, says=says, todo=todo)


def _apart(tree: ast.Module, inside: set[int]) -> Iterator[str]:
    """Texts `... must ..., got ...` that stand outside an error's call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in inside:
            (text,) = _texts(node, {})
            if " must " in text and ", got " in text:
                yield " ".join(text.split())


def _returned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What functions of the module return, and what names in it are set to: messages made apart."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    found.setdefault(node.name, []).append(inner.value)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _imported(
    tree: ast.Module, made: dict[str, dict[str, list[ast.expr]]]
) -> dict[str, list[ast.expr]]:
    """What functions and names from other modules of the library return and are."""
    return {
        one.asname or one.name: made[node.module][one.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in made
        for one in node.names
        if one.name in made[node.module]
    }


def _texts(node: ast.expr, returned: dict[str, list[ast.expr]]) -> list[str]:
    """The texts that an expression may be; none if it is no text that stands in the source."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        texts = [""]
        for part in node.values:
            said = _part(part, returned)
            texts = [text + one for text in texts for one in said]
        return texts
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _texts(node.left, returned), _texts(node.right, returned)
        return [a + b for a in left or ["…"] for b in right or ["…"]]
    if isinstance(node, ast.IfExp):
        return _texts(node.body, returned) + _texts(node.orelse, returned)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        made = returned.get(node.func.id, [])
        return [text for value in made for text in _texts(value, {})]
    if isinstance(node, ast.Name):
        return [text for value in returned.get(node.id, []) for text in _texts(value, {})]
    return []


def _part(part: ast.expr, returned: dict[str, list[ast.expr]]) -> list[str]:
    if isinstance(part, ast.Constant):
        return [str(part.value)]
    assert isinstance(part, ast.FormattedValue)
    # A constant of the module, such as what mends a file, is part of the sentence.
    if isinstance(part.value, ast.Name) and part.value.id.isupper():
        texts = [text for value in returned.get(part.value.id, []) for text in _texts(value, {})]
        return texts[:1] or ["…"]
    return ["…"]
    return ["…"]

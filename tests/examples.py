"""The examples of README and docs, as steps that can be run where they stand.

A Markdown page marks what it wants: a fence ```bash or ```python is run by the tests, ```{run} is
run when the docs are built (its output is shown there), ```{file} NAME is a file that the reader
makes, and ```{code-block} is shown only. All steps of a page share one folder, in order.

`apart` runs steps in a process that is forked from this one, which has imported torch and the rest.
"""

import contextlib
import importlib
import io
import multiprocessing
import os
import re
import runpy
import shlex
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from analogsim.cli import main
from tests import charts

Kind = Literal["file", "run", "bash", "python", "shown"]

# `{code-block} bash` is a directive with an argument; "```bash" is plain Markdown.
_FENCE = re.compile(
    r"^(?P<fence>`{3,})(?P<name>\{?[\w-]+\}?)[ ]*(?P<argument>[^\n]*)\n(?P<body>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_KINDS: dict[str, Kind] = {
    "{file}": "file",
    "{run}": "run",
    "bash": "bash",
    "python": "python",
    "{code-block}": "shown",
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One example: `name` is the file's name or the language, `line` where it begins."""

    kind: Kind
    name: str
    text: str
    line: int


def steps(page: str) -> list[Step]:
    """The examples of a Markdown page, in order."""
    return [
        Step(
            kind=_KINDS[match["name"]],
            name=match["argument"].strip(),
            text=_without_options(match["body"]),
            line=page.count("\n", 0, match.start()) + 1,
        )
        for match in _FENCE.finditer(page)
        if match["name"] in _KINDS
    ]


def _without_options(body: str) -> str:
    """A directive's body without its `:option: value` lines."""
    lines = body.splitlines(keepends=True)
    while lines and re.match(r":[\w-]+:", lines[0]):
        lines.pop(0)
    return "".join(lines).lstrip("\n")


def commands(text: str) -> list[list[str]]:
    """The shell commands of a text, in words; a backslash joins lines, comments are dropped."""
    joined = text.replace("\\\n", "").splitlines()
    return [words for line in joined if (words := shlex.split(line, comments=True))]


def indented_commands(page: str) -> list[list[str]]:
    """The README's commands: lines that are indented by four spaces and call `analogsim`."""
    found = re.findall(r"^    (analogsim .*)$", page.replace("\\\n", ""), flags=re.MULTILINE)
    return commands("\n".join(found))


def run_command(words: Sequence[str]) -> None:
    """Run one command in this process, in the working folder.

    Raises:
        AssertionError: a command that the docs may not run, or one that fails.
    """
    program, *arguments = words
    if program == "analogsim":
        # A run's record holds the command as it was typed.
        with _arguments([program, *arguments]):
            code = main.run(arguments)
        assert code == 0, f"{shlex.join(words)} ended with exit code {code}"
        return
    assert program == "python", f"docs run only analogsim and python, got {program!r}"
    code = _run_script(arguments)
    assert not code, f"{shlex.join(words)} ended with exit code {code}"


def _run_script(arguments: list[str]) -> object:
    """Run `python ARGUMENTS` here; the exit code."""
    try:
        with _arguments(arguments):
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        return end.code
    return None


@contextlib.contextmanager
def _arguments(words: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = words
    try:
        yield
    finally:
        sys.argv = before


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Modules of `folder` can be imported meanwhile, as by a script there, and are forgotten."""
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if file and folder in Path(file).parents:
                del sys.modules[name]


def perform(wanted: Sequence[Step]) -> Iterator[str]:
    """Run steps in the working folder; give what each printed on stdout. Shown ones do nothing."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for step in wanted:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), _importable(Path.cwd()):
            if step.kind == "file":
                Path(step.name).write_text(step.text, encoding="utf-8")
            elif step.kind == "python":
                exec(compile(step.text, f"example at line {step.line}", "exec"), names)
            elif step.kind != "shown":
                for words in commands(step.text):
                    run_command(words)
        yield printed.getvalue()


def apart(wanted: Sequence[Step], folder: Path, level: charts.Level) -> list[str]:
    """What steps print that are run in `folder`, whose charts are drawn so far.

    Raises:
        RuntimeError: one of them fails; it says what stood on stderr.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryFile() as errors:
        process = context.Process(
            target=_perform_there, args=(wanted, folder, level, theirs, errors.fileno())
        )
        process.start()
        theirs.close()
        try:
            printed: list[str] = ours.recv()
        except EOFError:
            process.join()
            errors.seek(0)
            raise RuntimeError(errors.read().decode(errors="replace")) from None
        process.join()
    return printed


def _perform_there(
    wanted: Sequence[Step], folder: Path, level: charts.Level, pipe: Connection, errors: int
) -> None:
    os.dup2(errors, 2)
    sys.stderr = open(2, "w", closefd=False)
    os.chdir(folder)
    charts.draw(level)
    try:
        pipe.send(list(perform(wanted)))
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()

"""The examples of README and docs, as steps that can be run where they stand.

A Markdown page marks what it wants: a fence ```bash or ```python is run by the tests, ```{run} is
run when the docs are built (its output is shown there), ```{file} NAME is a file that the reader
makes, and ```{code-block} is shown only. All steps of a page share one folder, in order.

`python -m tests.examples FOLDER` reads steps as JSON on stdin, runs them in FOLDER, and writes
what each printed as JSON on stdout.
"""

import contextlib
import importlib
import io
import json
import os
import re
import runpy
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

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
        from analogsim.cli.main import run  # here, for pages that need no torch

        code = run(arguments)
        assert code == 0, f"{shlex.join(words)} ended with exit code {code}"
        return
    assert program == "python", f"docs run only analogsim and python, got {program!r}"
    code = _run_script(arguments)
    assert not code, f"{shlex.join(words)} ended with exit code {code}"


def _run_script(arguments: list[str]) -> object:
    """Run `python ARGUMENTS` here; the exit code."""
    before = sys.argv
    sys.argv = arguments
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = before
    return None


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


def main() -> None:
    """Run the steps on stdin in the folder that the first argument names."""
    os.chdir(sys.argv[1])
    wanted = [Step(**step) for step in json.load(sys.stdin)]
    sys.stdout.write(json.dumps(list(perform(wanted))))


def as_json(wanted: Sequence[Step]) -> str:
    """Steps in the form that `main` reads."""
    return json.dumps([asdict(step) for step in wanted])


if __name__ == "__main__":
    main()

"""Lines for the terminal that hold text from a file or folder, which may be a stranger's.

`-q` and `-v` decide how much of them is said; they lie in the context of the command.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import click

from analogsim.cli.shared import all_of
from analogsim.errors import (
    AccuracyWarning,
    CalibrationWarning,
    CoverageWarning,
    FoldingWarning,
    InputError,
    ResumeWarning,
)
from analogsim.printable import printable
from analogsim.schema import dumps

_WARNINGS = (
    *(AccuracyWarning, CalibrationWarning, CoverageWarning, FoldingWarning),
    ResumeWarning,
)

_LEVEL = "analogsim.cli.say"


def _remember(ctx: click.Context, param: click.Parameter, given: bool) -> None:
    if not given:
        return
    if ctx.meta.setdefault(_LEVEL, param.name) != param.name:
        raise InputError("--quiet and --verbose must not stand together, got both; leave one out")


voice_options = all_of(
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="No progress and no notes on stderr; warnings and errors stay.",
    ),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="On stderr: what is read from where, which layer lies on which arrays, a line for "
        "every trial or step, times and versions.",
    ),
)
"""`--quiet` and `--verbose`; see `quiet` and `verbose`."""


def quiet() -> bool:
    """Whether the command is asked for neither progress nor notes."""
    return _level() == "quiet"


def verbose() -> bool:
    """Whether the command is asked for more."""
    return _level() == "verbose"


def _level() -> object:
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_LEVEL)


def say(text: str, *, end: str = "\n") -> None:
    """Print on stdout."""
    click.echo(printable(text) + end, nl=False)


def say_json(kind: str, content: Mapping[str, Any]) -> None:
    """Print a stable document of a kind on stdout."""
    document = {"format": f"analogsim-{kind}", "version": 1, **content}
    click.echo(dumps(document, indent=2))


def tell(text: str) -> None:
    """A note on stderr, but for `--quiet`."""
    if not quiet():
        click.echo(printable(text), err=True)


def detail(text: str) -> None:
    """A line on stderr for `--verbose` alone."""
    if verbose():
        click.echo(printable(text), err=True)


def warn(text: str) -> None:
    """One warning on stderr."""
    click.echo(printable(f"warning: {text}"), err=True)


class plain_warnings(warnings.catch_warnings):  # noqa: N801 - used as a statement
    """Print our warnings as one line each, without Python's file and line."""

    def __enter__(self) -> None:
        super().__enter__()
        for kind in _WARNINGS:
            warnings.simplefilter("always", kind)
        warnings.showwarning = lambda message, *_args, **_kwargs: warn(str(message))

"""Lines for the terminal that hold text from a file or folder, which may be a stranger's.

`-q` and `-v` decide how much of them is said; they lie in the context of the command.
"""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import click

from analogsim.errors import (
    AccuracyWarning,
    CalibrationWarning,
    CoverageWarning,
    FoldingWarning,
    InputError,
    ResumeWarning,
)
from analogsim.printable import printable

Command = TypeVar("Command", bound=Callable[..., Any])

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


def voice_options(command: Command) -> Command:
    """`--quiet` and `--verbose`; see `quiet` and `verbose`."""
    for option in (
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            expose_value=False,
            callback=_remember,
            help="On stderr: what is read from where, which layer lies on which arrays, a line for "
            "every trial or step, times and versions.",
        ),
        click.option(
            "-q",
            "--quiet",
            is_flag=True,
            expose_value=False,
            callback=_remember,
            help="No progress and no notes on stderr; warnings and errors stay.",
        ),
    ):
        command = option(command)
    return command


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

"""Lines for the terminal that hold text from a file or folder, which may be a stranger's."""

import warnings

import click

from analogsim.errors import (
    AccuracyWarning,
    CalibrationWarning,
    CoverageWarning,
    FoldingWarning,
    ResumeWarning,
)
from analogsim.printable import printable

_WARNINGS = (
    *(AccuracyWarning, CalibrationWarning, CoverageWarning, FoldingWarning),
    ResumeWarning,
)


def say(text: str, *, end: str = "\n") -> None:
    """Print on stdout."""
    click.echo(printable(text) + end, nl=False)


def tell(text: str) -> None:
    """Print on stderr."""
    click.echo(printable(text), err=True)


def warn(text: str) -> None:
    """One warning on stderr."""
    tell(f"warning: {text}")


class plain_warnings(warnings.catch_warnings):  # noqa: N801 - used as a statement
    """Print our warnings as one line each, without Python's file and line."""

    def __enter__(self) -> None:
        super().__enter__()
        for kind in _WARNINGS:
            warnings.simplefilter("always", kind)
        warnings.showwarning = lambda message, *_args, **_kwargs: warn(str(message))

"""Lines for the terminal that hold text from a file or folder, which may be a stranger's."""

import click

from analogsim.printable import printable


def say(text: str, *, end: str = "\n") -> None:
    """Print on stdout."""
    click.echo(printable(text) + end, nl=False)


def tell(text: str) -> None:
    """Print on stderr."""
    click.echo(printable(text), err=True)


def warn(text: str) -> None:
    """One warning on stderr."""
    tell(f"warning: {text}")

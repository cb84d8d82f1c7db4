"""Colour for the eyes of a person at a terminal; plain text for everybody else.

The text itself brings none: it may be a stranger's, and what steers a terminal is written out.
"""

import os
import re
import sys
from typing import TextIO

import click

from analogsim.printable import printable

# Accuracy points against the digital network from which on a loss is yellow, and then red.
_NOTICED, _LARGE = 1.0, 5.0
# The columns before the accuracy are a name each.
_HEADER = re.compile(r"\S+ .*\baccuracy  .*points")
_WORDS = {"problem": "red", "warning": "yellow", "ok": "green"}


def wanted(stream: TextIO | None = None) -> bool:
    """Whether to colour what goes to a stream (stdout).

    Not in a pipe or file, not where NO_COLOR is set (no-color.org), not on a dumb terminal.
    """
    stream = sys.stdout if stream is None else stream
    return (
        stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
    )


def result_table(text: str) -> str:
    """The table of accuracies: its header bold, losses in the column of points coloured.

    Without the colours the text is what it was.
    """
    text = printable(text)
    lines = text.split("\n")
    at = next((i for i, line in enumerate(lines) if _HEADER.match(line)), None)
    if at is None or not wanted():
        return text
    end = lines[at].find("points") + len("points")
    table = [_loss(line, end) if line else line for line in lines[at + 1 :]]
    return "\n".join([*lines[:at], click.style(lines[at], bold=True), *table])


def layer_table(text: str) -> str:
    """The table of a conversion: its header bold, what stays digital faint."""
    text = printable(text)
    if not wanted():
        return text
    first, *rest = text.split("\n")
    at = first.find("where")
    table = [
        click.style(line, dim=True) if line[at:].startswith("digital") else line for line in rest
    ]
    return "\n".join([click.style(first, bold=True), *table])


def findings(text: str) -> str:
    """The doctor's lines: the word at the start coloured."""
    if not wanted():
        return text
    return re.sub(
        rf"^({'|'.join(_WORDS)})\b",
        lambda found: click.style(found[1], fg=_WORDS[found[1]], bold=found[1] != "ok"),
        text,
        flags=re.MULTILINE,
    )


def error(text: str) -> str:
    """`error:` in red, if stderr is a terminal."""
    word = "error:"
    if wanted(sys.stderr):
        word = click.style(word, fg="red", bold=True)
    return f"{word} {printable(text)}"


def _loss(line: str, end: int) -> str:
    """A row with the number that ends in column `end` coloured."""
    found = re.search(r"[+-]?\d+\.\d+$", line[:end])
    # The digital network's row ends before that column.
    if found is None or len(line) < end:
        return line
    loss = -float(found[0])
    colour = "red" if loss >= _LARGE else "yellow" if loss >= _NOTICED else "green"
    return line[: found.start()] + click.style(found[0], fg=colour) + line[end:]

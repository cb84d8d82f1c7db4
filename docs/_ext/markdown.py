"""Plain text as Markdown: nothing in it is markup unless we say so."""

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]<>|$#{}])")


def escape(text: str) -> str:
    """Text that shows as it is."""
    return _SPECIAL.sub(r"\\\1", text)


def plain(text: str) -> str:
    """A docstring as Markdown: its `code` stays code, everything else is text."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [escape(part) for part in parts[::2]]
    return "".join(parts)


def code(text: str) -> str:
    """Code in a line or in a table's cell."""
    return "`" + text.replace("|", r"\|") + "`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; cells are Markdown."""
    return [
        "",
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]

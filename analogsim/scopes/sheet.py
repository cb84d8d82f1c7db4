"""A table as a value, and its two forms: text for a terminal, HTML for a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from analogsim.experiment.statistics import Interval

_GAP = "  "


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A caption, a line of names and rows of text; `notes` stand below.

    The first `words` columns are words, to the left; the others are numbers.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Columns of a fixed width."""
        rows = [self.head, *self.rows]
        widths = [max(len(row[at]) for row in rows) for at in range(len(self.head))]
        lines = [self.caption]
        for row in rows:
            padded = [
                cell.ljust(width) if at < self.words else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(_GAP.join(padded).rstrip())
        return "\n".join([*lines, *self.notes])

    def html(self) -> str:
        """A table that scrolls by itself; everything is escaped."""
        head = "".join(self._cell("th", at, text) for at, text in enumerate(self.head))
        body = "".join(
            f"<tr>{''.join(self._cell('td', at, text) for at, text in enumerate(row))}</tr>\n"
            for row in self.rows
        )
        notes = "".join(f'<p class="soft">{escape(note)}</p>' for note in self.notes)
        return (
            f'<div class="scroll" role="region" aria-label="{escape(self.caption)}" tabindex="0">'
            f"<table><caption>{escape(self.caption)}</caption>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>{notes}\n"
        )

    def _cell(self, tag: str, at: int, text: str) -> str:
        scope = ' scope="col"' if tag == "th" else ""
        number = "" if at < self.words else ' class="number"'
        return f"<{tag}{scope}{number}>{escape(text)}</{tag}>"


def cell(found: Interval | None, *, signed: bool = False) -> str:
    """A mean and its half-width in per cent (or points, signed)."""
    if found is None:
        return "-"
    half = found.half_width
    mean = 100 * found.mean
    text = f"{mean:+.2f}" if signed else f"{mean:.2f}"
    return text if half is None else f"{text} +- {100 * half:.2f}"


def per_cent(etas: Sequence[float]) -> str:
    """Levels in per cent, separated by commas."""
    return ", ".join(f"{100 * eta:g}" for eta in etas)

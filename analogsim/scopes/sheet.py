"""A table as a value, and its two forms: text for a terminal, HTML for a page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from analogsim.experiment.statistics import Interval, Sampled

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
    """A mean and its intervals in per cent (or points, signed): `brackets` says which is which.

    Bounds, not a half-width: an interval that ends at 0 or at 100 % is not symmetric.
    """
    if found is None:
        return "-"
    sign = "+" if signed else ""
    text = f"{100 * found.mean:{sign}.2f}"
    if found.low is not None and found.high is not None:
        text += f" ({_bounds(found.low, found.high, sign)})"
    new = found.new_images if isinstance(found, Sampled) else None
    return text if new is None else f"{text} [{_bounds(*new, sign)}]"


def _bounds(low: float, high: float, sign: str) -> str:
    return f"{100 * low:{sign}.2f} to {100 * high:{sign}.2f}"


def brackets(over: str, shown: Iterable[Interval | None]) -> str:
    """What stands in the brackets of cells that show these means."""
    said = f"(95 % interval over {over}, on these images)"
    new = any(isinstance(one, Sampled) and one.new_images is not None for one in shown)
    return f"{said} [on new images]" if new else said


def per_cent(etas: Sequence[float]) -> str:
    """Levels in per cent, separated by commas."""
    return ", ".join(f"{100 * eta:g}" for eta in etas)

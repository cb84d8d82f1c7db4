"""A table as a value: columns, and cells with a text for people and a value to sort by."""

from collections.abc import Sequence
from dataclasses import dataclass

DASH = "\u2013"
_GAP = "  "


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading; numbers stand on the right."""

    name: str
    number: bool = True


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a cell shows; `value` is what it is sorted by, None the text, "" always last."""

    text: str
    value: str | float | None = None
    style: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; the first cell of each row heads it, and `notes` stand below."""

    label: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """For a terminal: columns of a fixed width."""
        lines = [[column.name for column in self.columns]]
        lines += [[cell.text for cell in row] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = [
            _GAP.join(
                text.rjust(width) if column.number else text.ljust(width)
                for text, width, column in zip(line, widths, self.columns, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.caption, *shown, *self.notes])


def plain_table(
    *,
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    words: int = 1,
    notes: Sequence[str] = (),
) -> Table:
    """A table of texts, of which the first `words` columns are words and the others numbers.

    Numbers are sorted by what they begin with: `97.2 (96.1 to 98.3)` by 97.2.
    """
    return Table(
        label=caption,
        caption=caption,
        columns=tuple(Column(name=name, number=at >= words) for at, name in enumerate(head)),
        rows=tuple(
            tuple(
                Cell(text=text) if at < words else number(text, _first(text))
                for at, text in enumerate(row)
            )
            for row in rows
        ),
        notes=tuple(notes),
    )


def number(text: str | None, value: str | float = "", style: str = "") -> Cell:
    """A cell on the right; no text is a dash, which is sorted last."""
    return Cell(text=DASH if text is None else text, value=value, style=f"number {style}".strip())


def _first(text: str) -> str | float:
    try:
        return float(text.split()[0])
    except (ValueError, IndexError):
        return ""

"""A chart as a value: what it is called, what it says in words, its data, and how to draw it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analogsim.report.csv_file import Cell, csv_lines
from analogsim.report.look import Look, settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One figure of the report.

    `name` is the stem of its files, `words` its alt text (what it shows, with the numbers),
    `header` and `rows` its data; `draw` makes it anew for any width, under the settings of a look.
    """

    name: str
    title: str
    caption: str
    words: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    draw: Callable[[Look], "Figure"]

    def figure(self, look: Look) -> "Figure":
        """The chart in a look."""
        import matplotlib as mpl  # here for the start-up time

        with mpl.rc_context(settings(look)):
            return self.draw(look)

    def csv(self) -> str:
        """The data as CSV (RFC 4180) with a line of names; what is not known is empty."""
        return csv_lines(self.header, self.rows)

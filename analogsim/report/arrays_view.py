"""The crossbar: a picture of its arrays, and what it is and models in one table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analogsim.experiment.header import ArraysEntry, CrossbarEntry
from analogsim.report.cells import Cell, Column, Table
from analogsim.report.chart import Chart
from analogsim.report.labels import percent
from analogsim.report.look import COLOURS, GREY, Look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_DRAWN = 60
_HIGH = 1.3
"""Inches of the tallest array."""
_NAME = 16
"""Letters of a layer's name."""


def crossbar_table(crossbar: CrossbarEntry) -> Table:
    """A line for each part of the crossbar, and for each thing that is not modelled."""
    return Table(
        label="Crossbar table",
        caption="What the network lies on, and what of it is modelled",
        columns=(Column(name="Part", number=False), Column(name="What it is", number=False)),
        rows=tuple(
            (Cell(text=part), Cell(text=text, style="why")) for part, text in crossbar["lines"]
        ),
    )


def arrays_chart(crossbar: CrossbarEntry | None) -> Chart | None:
    """Every kind of array at one scale, its filled part shaded; None where there is none."""
    if crossbar is None or not crossbar["arrays"]:
        return None
    arrays = crossbar["arrays"]
    more = len(arrays) - _MOST_DRAWN
    cut = f" The first {_MOST_DRAWN} of {len(arrays)}; the data have all." * (more > 0)
    return Chart(
        name="arrays",
        title="Arrays",
        caption="The arrays of each layer at one scale, rows (inputs) downwards: outlines are "
        f"arrays, shaded is what holds weights. Below: how many there are.{cut}",
        words=f"Arrays. {' '.join(map(_words, arrays[:_MOST_DRAWN]))}",
        header=("layer", "count", "rows", "columns", "filled_rows", "filled_columns", "filled"),
        rows=tuple(
            (one["layer"], one["count"], one["rows"], one["columns"], one["filled_rows"],
             one["filled_columns"], filled(one))
            for one in arrays
        ),
        draw=lambda look: _draw(arrays[:_MOST_DRAWN], look),
    )  # fmt: skip


def filled(one: ArraysEntry) -> float:
    """The share of an array's places that hold a weight."""
    return one["held"] / (one["rows"] * one["columns"])


def _words(one: ArraysEntry) -> str:
    return (
        f"{one['layer']}: {one['count']} of {one['rows']} by {one['columns']}, "
        f"{percent(filled(one))} % filled."
    )


def _draw(arrays: Sequence[ArraysEntry], look: Look) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    strips, inch = _strips(arrays, look)
    # Names stand on end above the arrays, counts below.
    above, below = _NAME * 0.6 * look.font_pt / 72, 1.5 * look.font_pt / 72
    high = inch * max(one["rows"] for one in arrays)
    figure = Figure(figsize=(look.width_in, len(strips) * (above + high + below)))
    axes = figure.add_axes((0, 0, 1, 1))
    for number, strip in enumerate(strips):
        top = number * (above + high + below) + above
        for one, left in strip:
            held, whole = (
                (inch * one[f"{what}columns"], inch * one[f"{what}rows"])  # type: ignore[literal-required]
                for what in ("filled_", "")
            )
            middle = left + whole[0] / 2
            axes.add_patch(Rectangle((left, top), *held, color=COLOURS[0], alpha=0.6))
            axes.add_patch(
                Rectangle((left, top), *whole, fill=False, edgecolor=GREY, linewidth=0.8)
            )
            axes.text(middle, top - 0.04, _short(one["layer"]), rotation=90,
                      ha="center", va="bottom")  # fmt: skip
            axes.text(middle, top + high + 0.04, str(one["count"]), ha="center", va="top")
    axes.set(xlim=(0, look.width_in), ylim=(len(strips) * (above + high + below), 0))
    axes.set_axis_off()
    return figure


def _strips(
    arrays: Sequence[ArraysEntry], look: Look
) -> tuple[list[list[tuple[ArraysEntry, float]]], float]:
    """The arrays with where they begin, in inches, strip by strip; inches of a cell."""
    least = 1.6 * look.font_pt / 72
    widest, tallest = (max(one[side] for one in arrays) for side in ("columns", "rows"))
    inch = min(_HIGH / tallest, (look.width_in - 2 * least) / widest)
    strips: list[list[tuple[ArraysEntry, float]]] = [[]]
    at = least
    for one in arrays:
        wide = inch * one["columns"]
        # A name needs its line also where the array is narrow.
        room = max(wide, least)
        if strips[-1] and at + room > look.width_in:
            strips.append([])
            at = least
        strips[-1].append((one, at + (room - wide) / 2))
        at += room + 0.3 * least
    return strips, inch


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"\u2026{name[1 - _NAME :]}"

"""Curves in panels side by side under one legend: equal names look the same in all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analogsim.experiment.statistics import Interval
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.chart import Chart
from analogsim.report.csv_file import Cell
from analogsim.report.labels import format_duration, with_bounds
from analogsim.report.look import COLOURS, GREY, MARKERS, PAGE, Look, new_figure
from analogsim.report.series import mark
from analogsim.report.time_axis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_HIGHEST_IN = 9.2


@dataclass(frozen=True, kw_only=True)
class Line:
    """A named curve of means with their bounds, None where there are none."""

    name: str
    xs: tuple[float, ...]
    means: tuple[float, ...]
    bounds: tuple[tuple[float, float] | None, ...]


def line(name: str, found: Sequence[tuple[float, Interval | None]]) -> Line:
    """The curve of intervals; those that are None left out."""
    known = [(x, one) for x, one in found if one is not None]
    return Line(
        name=name,
        xs=tuple(x for x, _ in known),
        means=tuple(one.mean for _, one in known),
        bounds=tuple(one.bounds for _, one in known),
    )


ROWS = ("panel", "line", "x", "mean", "low", "high")


def rows_of(panels: Mapping[str, Sequence[Line]]) -> tuple[tuple[Cell, ...], ...]:
    """The data of the curves under the names of `ROWS`; fractions."""
    return tuple(
        (title, one.name, x, mean, *(bounds or (None, None)))
        for title, lines in panels.items()
        for one in lines
        for x, mean, bounds in zip(one.xs, one.means, one.bounds, strict=True)
    )


def words_of(panels: Mapping[str, Sequence[Line]], quantity: Quantity = ACCURACY) -> str:
    """Where each curve begins and ends, for who does not see it."""
    return " ".join(
        f"{title}, {one.name}: {quantity.with_unit(one.means[0])} at {one.xs[0]:g}, "
        f"{quantity.with_unit(one.means[-1])} at {one.xs[-1]:g}."
        for title, lines in panels.items()
        for one in lines
        if one.xs
    )


def networks_chart(
    panels: Mapping[str, Sequence[Line]],
    over: str,
    *,
    says: str,
    y: str,
    x: str | None = None,
    quantity: Quantity = ACCURACY,
) -> Chart:
    """A line a network, as `draw_lines`; `over` is what intervals are over, `says` a heading."""
    return Chart(
        name="suite",
        title="Networks side by side",
        caption=f"A line a network; bands are 95 % intervals over {over}, on these images.",
        words=f"{says}. {words_of(panels, quantity)}",
        header=ROWS,
        rows=rows_of(panels),
        draw=lambda look: draw_lines(panels, look, x=x, y=y, quantity=quantity),
    )


def draw_lines(
    panels: Mapping[str, Sequence[Line]],
    look: Look = PAGE,
    *,
    y: str,
    x: str | None = None,
    quantity: Quantity = ACCURACY,
) -> "Figure":
    """A panel for each title; `x` and `y` name the axes. Means are drawn in the quantity's unit.

    The x values are fractions too, or seconds where `x` is None.
    """
    # Imported here for the start-up time of commands that draw nothing.
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(one.name for lines in panels.values() for one in lines))
    beside = 4 if look.width_in > PAGE.width_in else 2
    across = 1 if look.width_in < PAGE.width_in and len(panels) < 3 else min(len(panels), beside)
    down = -(-len(panels) // across)
    longest = max((len(name) for name in names), default=1)
    columns = max(1, min(3, int(look.width_in / look.words_in(longest + 6))))
    legend = 0.2 * -(-len(names) // columns) + 0.4
    # No higher than the text of a journal's page.
    height = min(2.4 * down + legend, _HIGHEST_IN)
    axis = TimeAxis.of(at for lines in panels.values() for one in lines for at in one.xs)
    figure = new_figure(look, height)
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axes, (title, lines) in zip(grid.flat, panels.items(), strict=False):
        for one in lines:
            xs = [axis.x[at] if x is None else 100 * at for at in one.xs]
            texts = [_hover(one, at, x, quantity) for at in one.xs]
            _draw(axes, one, xs, names.index(one.name), texts, quantity.scale)
        axes.set_title(look.fold(title, 0.9 / across), loc="left")
        axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)
        if x is None:
            axis.finish(axes, look, columns=across)
            axes.set_xlabel("")
    for axes in grid.flat[max(len(panels) - across, 0) : len(panels)]:
        axes.set_xlabel("time (log scale)" if x is None else x)
    figure.supylabel(y, fontsize=look.font_pt)
    # Bands may be wide without end; the means decide what is shown.
    scale = quantity.scale
    shown = [scale * mean for lines in panels.values() for one in lines for mean in one.means]
    low, high = min(shown, default=0), max(shown, default=100)
    room = 0.1 * (high - low) + (1 if quantity.is_share else 0.02 * abs(high))
    grid[0, 0].set_ylim(low - room, high + room)
    for at in range(len(panels), grid.size):
        grid.flat[at].remove()
        # The one above it is the lowest of its column then.
        grid.flat[at - across].tick_params(labelbottom=True)
    handles = [
        Line2D([], [], color=_colour(at), marker=_marker(at), label=name)
        for at, name in enumerate(names)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)
    return figure


def _hover(one: Line, at: float, x: str | None, quantity: Quantity) -> str:
    """What a marker says under the pointer."""
    place = one.xs.index(at)
    where = format_duration(at) if x is None else f"{100 * at:g} %"
    text = f"{one.name}, {where}: {quantity.with_unit(one.means[place])}"
    return with_bounds(text, one.bounds[place], quantity.text)


def _draw(
    axes: "Axes", one: Line, xs: Sequence[float], at: int, texts: Sequence[str], scale: int
) -> None:
    means = [scale * mean for mean in one.means]
    drawn = axes.plot(xs, means, color=_colour(at), marker=_marker(at), markersize=4, linewidth=1.4)
    mark(drawn[0], one.name, texts)
    known = [(x, pair) for x, pair in zip(xs, one.bounds, strict=True) if pair is not None]
    band = axes.fill_between(
        [x for x, _ in known],
        [scale * low for _, (low, _) in known],
        [scale * high for _, (_, high) in known],
        color=_colour(at),
        alpha=0.15,
        linewidth=0,
    )
    mark(band, one.name)


def _colour(at: int) -> str:
    return COLOURS[at % len(COLOURS)]


def _marker(at: int) -> str:
    return MARKERS[at % len(MARKERS)]

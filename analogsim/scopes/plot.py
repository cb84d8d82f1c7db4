"""Curves of normalised accuracy over eta: a panel a reference, a line and a band a scope."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analogsim.report.look import quiet
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.summary import computed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2328"
# Okabe and Ito's colours, the pale yellow left out.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5d3a9b", "#777777")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "d")
_RC: Any = {
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "analogsim",
}
Line = tuple[str, Sequence[float], Sequence[float], Sequence[tuple[float, float] | None]]
"""Name, x, mean and bounds; fractions."""


def noise_figure(result: NoiseResult) -> "Figure":
    """The figure of one network."""
    panels: dict[str, list[Line]] = {
        f"sigma = eta * {reference}(tensor)": [] for reference in result.references
    }
    for scope, reference in computed(result):
        found = [(eta, result.curve(scope, reference, eta)) for eta in result.etas]
        points = [(eta, one) for eta, one in found if one is not None]
        bounds = [
            None if one.low is None or one.high is None else (one.low, one.high)
            for _, one in points
        ]
        line = (scope, [eta for eta, _ in points], [one.mean for _, one in points], bounds)
        panels[f"sigma = eta * {reference}(tensor)"].append(line)
    return lines_figure(panels, x="eta (%)", y="normalised accuracy (%)", factor=100)


def lines_figure(
    panels: dict[str, list[Line]], *, x: str, y: str, factor: float = 1, log: bool = False
) -> "Figure":
    """Panels side by side under one legend; equal names look the same in all of them.

    `factor` multiplies the x values.
    """
    # Imported here for the start-up time of commands that draw nothing.
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(line[0] for lines in panels.values() for line in lines))
    across = min(len(panels), 2)
    down = -(-len(panels) // across)
    with mpl.rc_context(_RC):
        rows = -(-len(names) // 3)
        figure = Figure(figsize=(4.2 * across + 0.4, 3.0 * down + 0.25 * rows + 0.4),
                        layout="constrained")  # fmt: skip
        grid = figure.subplots(down, across, squeeze=False, sharey=True)
        for axes, (title, lines) in zip(grid.flat, panels.items(), strict=False):
            for line in lines:
                _draw(axes, line, names.index(line[0]), factor)
            axes.set_title(title, loc="left")
            axes.set_xlabel(x)
            axes.set_ylabel(y)
            axes.grid(axis="y", linewidth=0.4, alpha=0.5)
            if log:
                axes.set_xscale("log")
        # Bands may be wide without end; the means decide what is shown.
        shown = [100 * mean for lines in panels.values() for line in lines for mean in line[2]]
        low, high = min(shown, default=0), max(shown, default=100)
        grid[0, 0].set_ylim(low - 0.1 * (high - low) - 1, high + 0.1 * (high - low) + 1)
        for axes in grid.flat[len(panels) :]:
            axes.remove()
        handles = [
            Line2D([], [], color=_colour(at), marker=_marker(at), label=name)
            for at, name in enumerate(names)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw(axes: "Axes", line: Line, at: int, factor: float) -> None:
    _, xs, means, bounds = line
    xs = [factor * value for value in xs]
    axes.plot(xs, [100 * mean for mean in means], color=_colour(at), marker=_marker(at),
              markersize=4, linewidth=1.4)  # fmt: skip
    known = [(value, pair) for value, pair in zip(xs, bounds, strict=True) if pair is not None]
    axes.fill_between(
        [value for value, _ in known],
        [100 * pair[0] for _, pair in known],
        [100 * pair[1] for _, pair in known],
        color=_colour(at),
        alpha=0.15,
        linewidth=0,
    )


def _colour(at: int) -> str:
    return COLOURS[at % len(COLOURS)]


def _marker(at: int) -> str:
    return MARKERS[at // len(COLOURS) + at % len(MARKERS) - len(MARKERS)]


def png(figure: "Figure") -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    target = io.BytesIO()
    with quiet():
        figure.savefig(target, format="png", dpi=160, metadata={"Software": None})
    return target.getvalue()

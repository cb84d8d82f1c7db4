"""Losses as bars with intervals: sources on the left, layers on the right."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analogsim.attribution.result import Attribution, Row
from analogsim.attribution.words import chips
from analogsim.report.labels import format_duration
from analogsim.report.look import COLOURS, GREY, INK, TWO_COLUMNS, Look, settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The hatch differs too, for a grey print.
_STYLES = {"alone": (COLOURS[0], ""), "without": (COLOURS[1], "///")}
_LABELS = {"alone": "alone: everything else off", "without": "gain without it"}
# More bars than this are unreadable: the costliest are drawn, the table has all.
MOST_ROWS = 30
_BAR_IN = 0.3


def draw_attribution(result: Attribution, look: Look = TWO_COLUMNS) -> "Figure":
    """A panel of sources and one of layers for the last time; losses in points."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    t_s = result["whole"][-1]["t_s"]
    rows = [row for row in result["rows"] if row["t_s"] == t_s and row["loss"] is not None]
    panels = [
        (kind, some)
        for kind in ("source", "layer")
        if (some := [row for row in rows if row["kind"] == kind])
    ]
    most = max((len(_names(some)) for _, some in panels), default=1)
    with mpl.rc_context(settings(look) | {"hatch.linewidth": 0.6}):
        figure = Figure(figsize=(look.width_in, 1.6 + _BAR_IN * most), layout="constrained")
        grid = figure.subplots(1, max(len(panels), 1), squeeze=False)
        for axes, (kind, some) in zip(grid[0], panels, strict=True):
            _bars(axes, some)
            axes.set_title(f"by {kind}", loc="left")
        figure.suptitle(
            f"{result['model']} on {result['preset']} after {format_duration(t_s)}, "
            f"{chips(result['chips'])}, 95 % intervals on these images",
            fontsize=look.font_pt,
            x=0.02,
            ha="left",
        )
        if panels:
            handles, labels = grid[0][0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _names(rows: Sequence[Row]) -> list[str]:
    """The names to draw, in the order of the rows: the costliest where there are too many."""
    cost: dict[str, float] = {}
    for row in rows:
        cost[row["name"]] = max(cost.get(row["name"], float("-inf")), row["loss"] or 0.0)
    kept = set(sorted(cost, key=lambda name: -cost[name])[:MOST_ROWS])
    return [name for name in cost if name in kept]


def _bars(axes: "Axes", rows: Sequence[Row]) -> None:
    names = _names(rows)
    for shift, (mode, (colour, hatch)) in zip((-0.2, 0.2), _STYLES.items(), strict=True):
        some = [row for row in rows if row["mode"] == mode and row["name"] in names]
        at = [names.index(row["name"]) + shift for row in some]
        values = [100 * (row["loss"] or 0.0) for row in some]
        # An interval that ends at 100 points is longer on one side.
        bars = [
            [_reach(row, row["low"]) for row in some],
            [_reach(row, row["high"]) for row in some],
        ]
        axes.barh(
            at, values, height=0.38, xerr=bars, color=colour, hatch=hatch, edgecolor="white",
            error_kw={"ecolor": INK, "capsize": 2, "elinewidth": 1}, label=_LABELS[mode],
        )  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("loss of accuracy (points)")
    axes.grid(axis="x", color=GREY, alpha=0.3, linewidth=0.6)


def _reach(row: Row, bound: float | None) -> float:
    """Points from the loss to a bound; 0 where there is none."""
    return 0.0 if bound is None else 100 * abs(bound - (row["loss"] or 0.0))

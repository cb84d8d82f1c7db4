"""Accuracy over time, each device beside its matched Gaussian; below, the equivalent eta."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analogsim.equivalent.comparison import Comparison, Estimate, Point
from analogsim.report.labels import format_duration
from analogsim.report.plot import INK, TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion; marker and line differ too.
_DEVICE, _MATCHED = "#0072b2", "#d55e00"
_PANEL_IN = 3.1


def draw_comparison(comparison: Comparison) -> "Figure":
    """A column a device: accuracy (%) over time above, equivalent eta below, 95 % intervals."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    presets = list(dict.fromkeys(point["preset"] for point in comparison["points"]))
    axis = TimeAxis.of(point["t_s"] for point in comparison["points"])
    # A name such as "$a_b$" is a name and no formula.
    with mpl.rc_context({"font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(max(_PANEL_IN * len(presets), 4.2), 4.8), layout="constrained")
        grid = figure.subplots(2, len(presets), sharex=True, sharey="row", squeeze=False)
        for above, below, preset in zip(grid[0], grid[1], presets, strict=True):
            points = [point for point in comparison["points"] if point["preset"] == preset]
            points.sort(key=lambda point: point["t_s"])
            _accuracies(above, points, axis, comparison["digital_accuracy"])
            above.set_title(preset, loc="left", fontsize=9)
            _etas(below, points, axis)
            ticks = axis.ticks()
            below.set_xticks([axis.x[t] for t in ticks], [format_duration(t) for t in ticks])
            below.set_xlabel("time since programming")
        # Only now: earlier it would end the shared axis where the first column ends.
        grid[1][0].set_ylim(bottom=0)
        grid[0][0].set_ylabel("accuracy (%)")
        grid[1][0].set_ylabel("equivalent eta")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def png_bytes(figure: "Figure") -> bytes:
    """The figure on white, 200 dots an inch."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return target.getvalue()


def _accuracies(axes: "Axes", points: Sequence[Point], axis: TimeAxis, digital: float) -> None:
    axes.axhline(100 * digital, color=INK, linewidth=1, linestyle=(0, (5, 3)), label="digital")
    shift = axis.step(2) / 2
    here = [point["accuracy"] for point in points]
    control = [point["accuracy_control"] for point in points]
    xs = [axis.x[point["t_s"]] for point in points]
    _curve(axes, [x - shift for x in xs], here, _DEVICE, "o", "-", "device")
    _curve(axes, [x + shift for x in xs], control, _MATCHED, "s", "--", "matched Gaussian")
    axes.grid(axis="y", alpha=0.3, linewidth=0.6)


def _curve(
    axes: "Axes",
    xs: Sequence[float],
    found: Sequence[Estimate],
    colour: str,
    marker: str,
    line: str,
    label: str,
) -> None:
    means = [100 * one["mean"] for one in found]
    half = [0.0 if one["ci95"] is None else 50 * (one["ci95"][1] - one["ci95"][0]) for one in found]
    axes.errorbar(
        xs, means, yerr=half, color=colour, marker=marker, linestyle=line, linewidth=1.4,
        markersize=4.5, capsize=2, label=label,
    )  # fmt: skip


def _etas(axes: "Axes", points: Sequence[Point], axis: TimeAxis) -> None:
    """Bars are intervals; one without an upper end is drawn to the mark only."""
    for point in points:
        x, found = axis.x[point["t_s"]], point["equivalent"]
        if found["low"] is not None and found["high"] is not None:
            axes.vlines(x, found["low"], found["high"], color=_DEVICE, linewidth=1.4)
        if found["eta"] is not None:
            axes.plot([x], [found["eta"]], color=_DEVICE, marker="o", markersize=4.5)
    axes.grid(axis="y", alpha=0.3, linewidth=0.6)

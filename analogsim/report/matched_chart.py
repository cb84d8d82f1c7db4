"""Each device beside its matched Gaussian over time; below, the equivalent eta."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analogsim.quantity import Quantity
from analogsim.report.chart import Chart
from analogsim.report.comparison import Comparison, Estimate, Point, quantity_of
from analogsim.report.csv_file import Cell
from analogsim.report.labels import format_duration, with_bounds
from analogsim.report.look import COLOURS, DASHES, GREY, INK, PAGE, Look, new_figure
from analogsim.report.series import mark_bars
from analogsim.report.time_axis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DEVICE, _MATCHED = COLOURS[0], COLOURS[1]
_MOST_COLUMNS = 3

HEADER = (
    "preset", "t_s", "accuracy", "low", "high", "matched_accuracy", "matched_low", "matched_high",
    "difference", "difference_low", "difference_high", "n_chips", "equivalent_eta", "eta_low",
    "eta_high", "difference_new_images_low", "difference_new_images_high",
)  # fmt: skip


def matched_chart(comparison: Comparison) -> Chart:
    """The comparison of a run as a chart."""
    quantity = quantity_of(comparison)
    return Chart(
        name="matched",
        title="Beside Gaussian noise of the same weight error",
        caption=f"Above: {quantity.name} of the device, and of Gaussian noise that has the "
        "device's weight error in each layer; bars are 95 % intervals over chips, on these images. "
        "Below: the level eta of plain noise, eta std(W), with the device's "
        f"{quantity.name}, and its interval.",
        words=" ".join(
            [
                "Device beside its matched Gaussian.",
                *(_said(point, quantity) for point in comparison["points"]),
            ]
        ),
        header=HEADER,
        rows=tuple(_cells(point) for point in comparison["points"]),
        draw=lambda look: draw_comparison(comparison, look),
    )


def _said(point: Point, quantity: Quantity) -> str:
    return (
        f"{point['preset']} at {format_duration(point['t_s'])}: "
        f"{quantity.with_unit(point['accuracy']['mean'])}, matched "
        f"{quantity.with_unit(point['accuracy_control']['mean'])}, difference "
        f"{quantity.with_change(point['difference']['mean'])}."
    )


def _cells(point: Point) -> tuple[Cell, ...]:
    found = point["equivalent"]
    return (
        point["preset"],
        point["t_s"],
        *_three(point["accuracy"]),
        *_three(point["accuracy_control"]),
        *_three(point["difference"]),
        point["difference"]["n_chips"],
        *(found["eta"], found["low"], found["high"]),
        *(point["difference"]["new_images"] or (None, None)),
    )


def _three(found: Estimate) -> tuple[float, float | None, float | None]:
    low, high = found["ci95"] or (None, None)
    return found["mean"], low, high


def draw_comparison(comparison: Comparison, look: Look = PAGE) -> "Figure":
    """A column a device: what is measured over time above, equivalent eta below; 95 % intervals."""

    quantity = quantity_of(comparison)
    presets = list(dict.fromkeys(point["preset"] for point in comparison["points"]))
    axis = TimeAxis.of(point["t_s"] for point in comparison["points"])
    columns = min(len(presets), _MOST_COLUMNS if look.width_in > PAGE.width_in else 2)
    bands = -(-len(presets) // columns)
    figure = new_figure(look, 0.4 + 4.0 * bands)
    grid = figure.subplots(2 * bands, columns, sharex=True, sharey="row", squeeze=False)
    for place, preset in enumerate(presets):
        band, column = divmod(place, columns)
        above, below = grid[2 * band][column], grid[2 * band + 1][column]
        found = [point for point in comparison["points"] if point["preset"] == preset]
        found.sort(key=lambda point: point["t_s"])
        _means(above, found, axis, comparison["digital_accuracy"], quantity)
        above.set_title(look.fold(preset, 0.75 / columns), loc="left")
        _etas(below, found, axis)
        axis.finish(below, look, columns=columns)
        below.tick_params(labelbottom=True)
        if column == 0:
            above.set_ylabel(quantity.axis)
            below.set_ylabel("equivalent eta")
    for band in range(bands):
        # Only now: earlier it would end the shared axis where the first column ends.
        grid[2 * band + 1][0].set_ylim(bottom=0)
    for place in range(len(presets), columns * bands):
        band, column = divmod(place, columns)
        grid[2 * band][column].set_visible(False)
        grid[2 * band + 1][column].set_visible(False)
    handles, labels = grid[0][0].get_legend_handles_labels()
    ncols = 3 if look.width_in > 5 else 2
    figure.legend(handles, labels, loc="outside lower center", ncols=ncols, frameon=False)
    return figure


def _means(
    axes: "Axes", found: Sequence[Point], axis: TimeAxis, digital: float, quantity: Quantity
) -> None:
    digital *= quantity.scale
    axes.axhline(digital, color=INK, linewidth=1, linestyle=DASHES, label="digital")
    shift = axis.step(2) / 2
    here = [point["accuracy"] for point in found]
    control = [point["accuracy_control"] for point in found]
    times = [point["t_s"] for point in found]
    xs = [axis.x[t_s] for t_s in times]
    for side, drawn, look, label in (
        (-shift, here, (_DEVICE, "o", "-"), "device"),
        (shift, control, (_MATCHED, "s", "--"), "matched Gaussian"),
    ):
        _curve(axes, [x + side for x in xs], drawn, look, label, times, quantity)
    axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)


def _curve(
    axes: "Axes",
    xs: Sequence[float],
    found: Sequence[Estimate],
    look: tuple[str, str, str],
    label: str,
    times_s: Sequence[float],
    quantity: Quantity,
) -> None:
    scale = quantity.scale
    texts = [
        f"{label}, {format_duration(t_s)}: "
        + with_bounds(quantity.with_unit(one["mean"]), one["ci95"], quantity.text)
        for t_s, one in zip(times_s, found, strict=True)
    ]
    colour, marker, line = look
    means = [scale * one["mean"] for one in found]
    # An interval that ends at 100 % is longer below.
    bars = [
        [
            0.0 if one["ci95"] is None else scale * abs(one["ci95"][side] - one["mean"])
            for one in found
        ]
        for side in (0, 1)
    ]
    drawn = axes.errorbar(
        xs, means, yerr=bars, color=colour, marker=marker, linestyle=line, linewidth=1.4,
        markersize=4.5, capsize=2, label=label,
    )  # fmt: skip
    mark_bars(drawn, label, texts)


def _etas(axes: "Axes", found: Sequence[Point], axis: TimeAxis) -> None:
    """Bars are intervals; one without an upper end is drawn to the mark only."""
    for point in found:
        x, eta = axis.x[point["t_s"]], point["equivalent"]
        if eta["low"] is not None and eta["high"] is not None:
            axes.vlines(x, eta["low"], eta["high"], color=_DEVICE, linewidth=1.4)
        if eta["eta"] is not None:
            axes.plot([x], [eta["eta"]], color=_DEVICE, marker="o", markersize=4.5)
    axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)

"""A sweep drawn: lines over one axis, or a map of two with its numbers in the cells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analogsim.experiment.axes import Value, point_text, shown_text
from analogsim.experiment.trial import name_of
from analogsim.quantity import Quantity
from analogsim.report.accuracy_chart import said
from analogsim.report.chart import Chart
from analogsim.report.csv_file import Cell
from analogsim.report.labels import series_label, time_labels
from analogsim.report.look import COLOURS, DASHES, GREY, INK, MARKERS, SEQUENTIAL, Look, new_figure
from analogsim.report.series import mark, mark_points
from analogsim.report.summary import RowDict, Summary, quantity_of, row_name
from analogsim.report.sweep import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_TOGETHER = 6
"""Curves in a panel, and maps in a figure."""
_LONG_TICK = 12


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Rows of one curve (or map): its device and all that is not an axis of the chart."""

    name: str
    t_s: float
    time: str
    rows: tuple[RowDict, ...]

    @property
    def label(self) -> str:
        """Curve and time."""
        return f"{self.name}, {self.time}"


def sweep_chart(summary: Summary) -> Chart | None:
    """A map where two axes have several values, else lines over the first; None without a sweep."""
    sweep = summary.get("sweep")
    if sweep is None:
        return None
    wide = [axis for axis, values in sweep["axes"].items() if len(values) > 1]
    as_map = len(wide) == 2
    shown = (wide or list(sweep["axes"]))[: 1 + as_map]
    quantity = quantity_of(summary)
    unit = f", in {quantity.unit}" if quantity.unit else ""
    if as_map:
        # The longer one goes down, where there is room.
        shown.sort(key=lambda axis: -len(sweep["axes"][axis]))
    parts = _parts(summary, shown)
    if as_map:
        last = max(part.t_s for part in parts)
        drawn = [p for p in parts if len(parts) <= _MOST_TOGETHER or p.t_s == last]
        caption = (
            f"Each cell is the mean {quantity.name} over chips{unit}. Down: {shown[0]}; across: "
            f"{shown[1]}. The digital network has "
            f"{quantity.with_unit(summary['digital_accuracy'])}. Intervals stand in the table."
        )
        if len(drawn[:_MOST_TOGETHER]) < len(parts):
            caption += " The other times stand in the table."
    else:
        drawn = parts
        caption = (
            f"Lines: mean over chips at each value of {shown[0]}, which stand at equal distances; "
            "curves are moved apart a little, so that none hides another. "
            "Bands: 95 % interval of the mean, over chips. Dashed: the digital network."
        )
    axes = {axis: sweep["axes"][axis] for axis in shown}
    digital = summary["digital_accuracy"]
    return Chart(
        name="sweep",
        title=f"{quantity.title} over {' and '.join(shown)}",
        caption=caption,
        words=_words(summary, shown),
        header=(
            *("preset", "bn", "compensation", "t_s", *sweep["axes"]),
            *(quantity.name, "low", "high", "n_chips", "n_images"),
        ),
        rows=tuple(_cells(row, sweep) for row in summary["rows"]),
        draw=lambda look: (
            _draw_maps(drawn[:_MOST_TOGETHER], axes, look, quantity)
            if as_map
            else _draw_lines(drawn, shown[0], axes[shown[0]], digital, look, quantity)
        ),
    )


def is_wide(summary: Summary) -> bool:
    """Whether a sweep has more curves over time than a chart of curves can show."""
    rows = summary["rows"]
    curves = {(row_name(row), row["bn"], row["compensation"]) for row in rows}
    return "sweep" in summary and len(curves) > _MOST_TOGETHER


def _parts(summary: Summary, shown: Sequence[str]) -> list[_Part]:
    rows = summary["rows"]
    labels = time_labels(dict.fromkeys(row["t_s"] for row in rows))
    with_bn = len({row["bn"] for row in rows}) > 1
    found: dict[tuple[str, float], list[RowDict]] = {}
    for row in rows:
        others = {a: v for a, v in _point(row).items() if a not in shown}
        name = name_of(row["preset"], others)
        curve = series_label(name, row["bn"], row["compensation"], with_bn=with_bn)
        found.setdefault((curve, row["t_s"]), []).append(row)
    return [
        _Part(name=name, t_s=t_s, time=labels[t_s], rows=tuple(group))
        for (name, t_s), group in found.items()
    ]


def _point(row: RowDict) -> dict[str, Value]:
    return row.get("point") or {}


def _cells(row: RowDict, sweep: Sweep) -> tuple[Cell, ...]:
    low, high = row["ci95"] or (None, None)
    return (
        *(row["preset"], row["bn"], row["compensation"], row["t_s"]),
        *(_point(row).get(axis) for axis in sweep["axes"]),
        *(row["mean"], low, high, row["n_chips"], row["n_images"]),
    )


def _words(summary: Summary, shown: Sequence[str]) -> str:
    parts, quantity = [], quantity_of(summary)
    for part in _parts(summary, shown):
        values = [
            f"{said(row, quantity)} at {point_text({a: _point(row)[a] for a in shown})}"
            for row in part.rows
        ]
        parts.append(f"{part.label}: {', '.join(values)}.")
    digital = quantity.with_unit(summary["digital_accuracy"])
    over = f"{quantity.title} over {' and '.join(shown)}"
    return f"{over}. Digital network: {digital}. {' '.join(parts)}"


def _draw_lines(
    parts: Sequence[_Part],
    axis: str,
    values: Sequence[Value],
    digital: float,
    look: Look,
    quantity: Quantity,
) -> "Figure":
    panels = _panels(parts)
    lines = sum(look.fold(one.label, 0.8).count("\n") + 1 for one in next(iter(panels.values())))
    each = min(2.9, 0.62 * look.width_in) if len(panels) == 1 else 2.1
    height = each * len(panels) + 0.021 * look.font_pt * (lines + 2) + 0.4
    height += _upright_in(values, look)
    figure = new_figure(look, height)
    grid = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (title, curves) in zip(grid, panels.items(), strict=True):
        axes.axhline(quantity.scale * digital, color=INK, linewidth=1.2, linestyle=DASHES,
                     label="digital network")  # fmt: skip
        axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)
        axes.set_title(look.fold(title, 0.75), loc="left")
        axes.set_ylabel(quantity.axis)
        for place, curve in enumerate(curves):
            label = curve.time if title else curve.label
            # Curves that coincide stay visible beside each other.
            shift = 0.03 * (place - (len(curves) - 1) / 2)
            _draw_line(axes, curve, axis, values, place, shift, look.fold(label, 0.8), quantity)
    _ticks(grid[-1], values)
    grid[-1].set_xlabel(axis)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=1, frameon=False)
    return figure


def _panels(parts: Sequence[_Part]) -> dict[str, list[_Part]]:
    """One panel, or one a curve with its times where there are many."""
    if len(parts) <= _MOST_TOGETHER:
        return {"": list(parts)}
    panels: dict[str, list[_Part]] = {}
    for part in parts:
        panels.setdefault(part.name, []).append(part)
    return panels


def _draw_line(
    axes: "Axes",
    curve: _Part,
    axis: str,
    values: Sequence[Value],
    place: int,
    shift: float,
    label: str,
    quantity: Quantity,
) -> None:
    at = {value: x + shift for x, value in enumerate(values)}
    rows = sorted(curve.rows, key=lambda row: at[_point(row)[axis]])
    xs = [at[_point(row)[axis]] for row in rows]
    colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
    scale = quantity.scale
    means = [scale * row["mean"] for row in rows]
    drawn = axes.plot(
        xs, means, color=colour, linewidth=1.5, marker=marker, markersize=5, label=label
    )
    texts = [
        f"{curve.label}, {axis} {shown_text(_point(row)[axis])}: {said(row, quantity)}"
        for row in rows
    ]
    mark(drawn[0], label, texts)
    bands = [row["ci95"] or (math.nan, math.nan) for row in rows]
    low, high = [scale * one[0] for one in bands], [scale * one[1] for one in bands]
    mark(axes.fill_between(xs, low, high, color=colour, alpha=0.18, linewidth=0), label)
    mark(axes.vlines(xs, low, high, color=colour, linewidth=1.2), label)


def _draw_maps(
    parts: Sequence[_Part], axes: dict[str, list[Value]], look: Look, quantity: Quantity
) -> "Figure":
    (down, rows), (across, columns) = axes.items()
    means = [quantity.scale * row["mean"] for part in parts for row in part.rows]
    low, high = min(means), max(means)
    decimals = 2 if len(columns) <= 8 else 1 if len(columns) <= 12 else 0
    each = 0.028 * look.font_pt * len(rows) + 0.75
    height = (each + _upright_in(columns, look)) * len(parts) + 0.7
    figure = new_figure(look, height)
    grid = figure.subplots(len(parts), 1, squeeze=False)[:, 0]
    for panel, part in zip(grid, parts, strict=True):
        cells = [[math.nan] * len(columns) for _ in rows]
        places, texts = [], []
        for row in part.rows:
            point = _point(row)
            place = rows.index(point[down]), columns.index(point[across])
            cells[place[0]][place[1]] = quantity.scale * row["mean"]
            places.append(place)
            texts.append(f"{part.label}, {point_text(point)}: {said(row, quantity)}")
        image = panel.imshow(
            cells, cmap=SEQUENTIAL, vmin=low, vmax=max(high, low + 1e-9),
            interpolation="none", aspect="auto",
        )  # fmt: skip
        for y, line in enumerate(cells):
            for x, value in enumerate(line):
                if not math.isnan(value):
                    text = f"{value:.{decimals}f}"
                    if not quantity.is_share:
                        text = f"{value:.{decimals + 1}g}"
                    _print_in(panel, x, y, text, (value - low) / max(high - low, 1e-9))
        ys, xs = zip(*places, strict=True)
        mark_points(panel, xs, ys, part.label, texts, shape="s", size_pt=2 * look.font_pt)
        _ticks(panel, columns)
        panel.set_yticks(range(len(rows)), map(shown_text, rows))
        panel.set_ylabel(down)
        panel.set_title(look.fold(part.label, 0.75), loc="left")
    grid[-1].set_xlabel(across)
    figure.colorbar(image, ax=list(grid), location="bottom", shrink=0.6, aspect=40,
                    label=quantity.axis)  # fmt: skip
    return figure


def _ticks(panel: "Axes", values: Sequence[Value]) -> None:
    """Values below an axis, upright where they are long."""
    texts = [shown_text(value) for value in values]
    upright = max(map(len, texts)) > _LONG_TICK
    panel.set_xticks(range(len(texts)), texts, rotation=90 if upright else 0)


def _upright_in(values: Sequence[Value], look: Look) -> float:
    """Inches that upright values take below an axis; 0 where they lie."""
    longest = max(len(shown_text(value)) for value in values)
    return 0.0078 * look.font_pt * longest if longest > _LONG_TICK else 0.0


def _print_in(panel: "Axes", x: int, y: int, text: str, share: float) -> None:
    """A cell's number, light on the dark half of the colours."""
    colour = "#ffffff" if share < 0.5 else "#000000"
    panel.text(x, y, text, ha="center", va="center", color=colour)

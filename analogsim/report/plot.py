"""Accuracy over time, drawn from the trials: a line and a band a curve, a dot a chip."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from analogsim.experiment.statistics import Row, summarise
from analogsim.experiment.trial import Trial
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.labels import compensation_label, factored, format_duration
from analogsim.report.look import COLOURS, DASHES, GREY, INK, MARKERS, PAGE, Look, new_figure
from analogsim.report.series import mark
from analogsim.report.time_axis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CHIP: dict[str, Any] = {"linestyle": "", "marker": ".", "markersize": 4, "mew": 0, "alpha": 0.6}
_MAX_CURVES = 6


@dataclass(frozen=True, kw_only=True)
class _Style:
    """How a curve looks in its panel, and its name in the legend."""

    name: str
    colour: str
    marker: str


_Key = tuple[str, str, str]
_Curve = list[tuple[Row, list[Trial]]]


def draw(
    trials: Sequence[Trial],
    digital_accuracy: float,
    rows: Sequence[Row] | None = None,
    look: Look = PAGE,
    quantity: Quantity = ACCURACY,
) -> "Figure":
    """The figure: one panel, or one a preset if there are many curves, and one legend.

    Accuracies are fractions; the axis shows per cent. `quantity` is what was measured. `rows`
    are those of `summarise`, if they are made already. Where images were dealt out there are no
    dots: a chip's own accuracy is then mostly the noise of its few images.
    """

    curves = _curves(trials, summarise(trials) if rows is None else rows)
    panels = _panels(list(curves))
    styles = _styles(list(curves), split=len(panels) > 1)
    common, shown = factored([style.name for style in styles.values()])
    if len(panels) == 1 and common:
        styles = {
            key: replace(style, name=name)
            for (key, style), name in zip(styles.items(), shown, strict=True)
        }
    else:
        common = ""
    legend = {style.name: style for style in styles.values()}
    panel_in = min(2.9, 0.62 * look.width_in) if len(panels) == 1 else 2.1
    said = [name for name in (*legend, common) if name]
    lines = sum(look.fold(name, 0.8).count("\n") + 1 for name in said)
    height = panel_in * len(panels) + 0.021 * look.font_pt * (lines + 1) + 0.4
    figure = new_figure(look, height)
    grid = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)
    axis = TimeAxis.of(trial.t_s for trial in trials)
    for axes, (title, keys) in zip(grid[:, 0], panels.items(), strict=True):
        axes.axhline(quantity.scale * digital_accuracy, color=INK, linewidth=1.2, linestyle=DASHES)
        axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)
        axes.set_ylabel(quantity.axis)
        axes.set_title(look.fold(title, 0.75), loc="left")
        for index, key in enumerate(keys):
            # Curves that coincide stay visible beside each other.
            shift = (index - (len(keys) - 1) / 2) * axis.step(len(keys))
            _draw_curve(axes, curves[key], axis, shift, styles[key], quantity)
    _finish(grid[-1, 0], axis, look, quantity)
    _legend(figure, list(legend.values()), look, common)
    return figure


def _curves(trials: Sequence[Trial], rows: Sequence[Row]) -> dict[_Key, _Curve]:
    """Rows with their trials, a curve for each (preset, bn, compensation), times ascending."""
    curves: dict[_Key, _Curve] = {}
    for row in rows:
        key = (row.name, row.bn, row.compensation)
        dots = trials if row.design == "full" else ()
        here = [t for t in dots if (t.name, t.bn, t.compensation) == key and t.t_s == row.t_s]
        curves.setdefault(key, []).append((row, here))
    return curves


def _panels(keys: list[_Key]) -> dict[str, list[_Key]]:
    """The curves of each panel by its title; one panel while that stays readable."""
    panels: dict[str, list[_Key]] = {}
    for key in keys:
        panels.setdefault(key[0], []).append(key)
    if len(keys) <= _MAX_CURVES or len(panels) in {1, len(keys)}:
        return {"": keys}
    return panels


def _styles(keys: list[_Key], *, split: bool) -> dict[_Key, _Style]:
    """With a panel for each preset, the same treatment looks the same in all of them."""
    with_bn = len({bn for _, bn, _ in keys}) > 1
    names = {}
    for preset, bn, compensation in keys:
        label = compensation_label(compensation) + (f", BN {bn}" if with_bn else "")
        names[preset, bn, compensation] = label if split else f"{preset}, {label}"
    order = list(dict.fromkeys(names.values()))
    styles = {}
    for key, name in names.items():
        index = order.index(name)
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        styles[key] = _Style(name=name, colour=colour, marker=marker)
    return styles


def _draw_curve(
    axes: "Axes", curve: _Curve, axis: TimeAxis, shift: float, style: _Style, quantity: Quantity
) -> None:
    scale = quantity.scale
    parts: list[Artist] = []
    # Time 0 has no place on a log axis, so no line leads there.
    for part in ([p for p in curve if p[0].t_s == 0], [p for p in curve if p[0].t_s > 0]):
        xs = [axis.x[row.t_s] + shift for row, _ in part]
        means = [scale * row.mean for row, _ in part]
        drawn = axes.plot(
            xs, means, color=style.colour, linewidth=1.5, marker=style.marker, markersize=5
        )
        mark(drawn[0], style.name, [_hover(row, style.name, quantity) for row, _ in part])
        known = [(x, row.ci95) for x, (row, _) in zip(xs, part, strict=True) if row.ci95]
        xs = [x for x, _ in known]
        low, high = [scale * ci95[0] for _, ci95 in known], [scale * ci95[1] for _, ci95 in known]
        parts.append(axes.fill_between(xs, low, high, color=style.colour, alpha=0.18, linewidth=0))
        parts.append(axes.vlines(xs, low, high, color=style.colour, linewidth=1.2))
    # The chips stand right of their mean and its bar, which would hide them.
    beside = shift + 0.008 * axis.span
    chips = [(axis.x[t.t_s] + beside, scale * t.accuracy) for _, trials in curve for t in trials]
    parts += axes.plot(*zip(*chips, strict=True), **_CHIP, color=style.colour)
    for one in parts:
        mark(one, style.name)


def _hover(row: Row, name: str, quantity: Quantity) -> str:
    """What a marker says under the pointer: the row of the table in short."""
    text = f"{name}, {format_duration(row.t_s)}: {quantity.with_unit(row.mean)}"
    if row.ci95 is None:
        return f"{text} (one chip)"
    low, high = map(quantity.text, row.ci95)
    return f"{text} ({low} to {high} over {row.n_chips} chips)"


def _finish(axes: "Axes", axis: TimeAxis, look: Look, quantity: Quantity) -> None:
    """Limits and ticks; the panels share both axes."""
    axis.finish(axes, look)
    low, high = axes.get_ylim()
    if quantity.span != ACCURACY.span or not quantity.is_share:
        return
    # At least two points high; bands that reach beyond 0 or 100 % are cut there, a marker is not.
    middle, half = (low + high) / 2, max(high - low, 2.0) / 2
    room = 0.06 * half
    axes.set_ylim(max(middle - half, -room), min(middle + half, 100 + room))


def _legend(figure: "Figure", styles: Iterable[_Style], look: Look, common: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: dict[str, Artist] = {
        style.name: Line2D([], [], color=style.colour, marker=style.marker, markersize=5)
        for style in styles
    }
    handles["digital network"] = Line2D([], [], color=INK, linewidth=1.2, linestyle=DASHES)
    handles["single chips"] = Line2D([], [], color=INK, **_CHIP)
    handles["95 % interval of the mean"] = Patch(facecolor=GREY, alpha=0.4)
    figure.legend(
        list(handles.values()),
        [look.fold(name, 0.8) for name in handles],
        loc="outside lower center",
        ncols=1 if max(map(len, handles)) > _letters(look) else 2,
        frameon=False,
        title=look.fold(common, 0.8) or None,
        alignment="left",
    )


def _letters(look: Look) -> int:
    """How many letters of a name leave room for a second one beside it."""
    return int(0.42 * look.width_in / look.words_in(1))

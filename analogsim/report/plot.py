"""Accuracy over time, drawn from the trials: a line and a band a curve, a dot a chip."""

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analogsim.experiment.records import Trial
from analogsim.experiment.statistics import Row, summarise
from analogsim.report.labels import compensation_label, time_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2328"
"""Colour of text, axes and the digital baseline; nothing else has it, so the page can swap it."""

# Okabe and Ito's colours without black (the baseline) and yellow (too pale for a line).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
# Seven shapes against six colours: no pair repeats before 42 curves, and a shape still tells
# curves apart in a grey print.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = (0, (5, 3))
_CHIP: dict[str, Any] = {"linestyle": "", "marker": ".", "markersize": 4, "mew": 0, "alpha": 0.6}
_MAX_CURVES = 6
_WIDTH_IN = 5.6
# Any: matplotlib types the keys differently from version to version.
_RC: Any = {
    "font.size": 9.5,
    # The figure has the background, so that the page's own shows through.
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # A name such as "$a_b$" is a name and no formula.
    "text.parse_math": False,
    # Text stays text (selectable, small), and the file is the same whenever it is made.
    "svg.fonttype": "none",
    "svg.hashsalt": "analogsim",
}


@dataclass(frozen=True, kw_only=True)
class TimeAxis:
    """Positions of times on a log axis that also has a place for 0.

    `x` maps seconds to log10 of seconds; 0 stands by itself, left of the first time.
    """

    x: dict[float, float]
    span: float

    @classmethod
    def of(cls, times: Iterable[float]) -> "TimeAxis":
        """Place these times (seconds, 0 or more)."""
        distinct = sorted(set(times))
        x = {t_s: math.log10(t_s) for t_s in distinct if t_s > 0}
        if distinct and distinct[0] == 0:
            gap = max(1.0, 0.12 * (max(x.values()) - min(x.values()))) if x else 1.0
            x[0.0] = min(x.values(), default=gap) - gap
        span = max(x.values()) - min(x.values())
        return cls(x=x, span=span or 1.0)

    def step(self, n_curves: int) -> float:
        """How far curves are moved apart; more where there is one time and all the room."""
        share = min(0.014, 0.06 / n_curves) if len(self.x) > 1 else min(0.2, 0.8 / n_curves)
        return share * self.span

    def ticks(self, *, spacing: float = 0.1) -> list[float]:
        """Times to label: first and last, and those between that have room (share of the axis)."""
        ordered = sorted(self.x)
        kept, last = ordered[:1], ordered[-1]
        for t_s in ordered[1:-1]:
            free = min(self.x[t_s] - self.x[kept[-1]], self.x[last] - self.x[t_s])
            if free >= spacing * self.span:
                kept.append(t_s)
        return kept if last in kept else [*kept, last]


@dataclass(frozen=True, kw_only=True)
class _Style:
    """How a curve looks in its panel, and its name in the legend."""

    name: str
    colour: str
    marker: str


_Key = tuple[str, str, str]
_Curve = list[tuple[Row, list[Trial]]]


def draw(
    trials: Sequence[Trial], digital_accuracy: float, rows: Sequence[Row] | None = None
) -> "Figure":
    """The figure: one panel, or one a preset if there are many curves, and one legend.

    Accuracies are fractions; the axis shows per cent. `rows` are those of `summarise`, if they
    are made already. Where images were dealt out there are no dots: a chip's own accuracy is then
    mostly the noise of its few images.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_RC):
        curves = _curves(trials, summarise(trials) if rows is None else rows)
        panels = _panels(list(curves))
        styles = _styles(list(curves), split=len(panels) > 1)
        legend = {style.name: style for style in styles.values()}
        panel_in = 2.9 if len(panels) == 1 else 2.1
        height = panel_in * len(panels) + 0.2 * (len(legend) + 1) + 0.4
        figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
        grid = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)
        axis = TimeAxis.of(trial.t_s for trial in trials)
        for axes, (title, keys) in zip(grid[:, 0], panels.items(), strict=True):
            axes.axhline(100 * digital_accuracy, color=INK, linewidth=1.2, linestyle=_DASHES)
            axes.grid(axis="y", color="#8c959f", alpha=0.3, linewidth=0.6)
            axes.set_ylabel("accuracy (%)")
            axes.set_title(title, loc="left", fontsize=9.5)
            for index, key in enumerate(keys):
                # Curves that coincide stay visible beside each other.
                shift = (index - (len(keys) - 1) / 2) * axis.step(len(keys))
                _draw_curve(axes, curves[key], axis, shift, styles[key])
        _finish(grid[-1, 0], axis)
        _legend(figure, list(legend.values()))
    return figure


def _curves(trials: Sequence[Trial], rows: Sequence[Row]) -> dict[_Key, _Curve]:
    """Rows with their trials, a curve for each (preset, bn, compensation), times ascending."""
    curves: dict[_Key, _Curve] = {}
    for row in rows:
        key = (row.preset, row.bn, row.compensation)
        dots = trials if row.design == "full" else ()
        here = [t for t in dots if (t.preset, t.bn, t.compensation) == key and t.t_s == row.t_s]
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
        colour, marker = _COLOURS[index % len(_COLOURS)], _MARKERS[index % len(_MARKERS)]
        styles[key] = _Style(name=name, colour=colour, marker=marker)
    return styles


def _draw_curve(axes: "Axes", curve: _Curve, axis: TimeAxis, shift: float, style: _Style) -> None:
    # Time 0 has no place on a log axis, so no line leads there.
    for part in ([p for p in curve if p[0].t_s == 0], [p for p in curve if p[0].t_s > 0]):
        xs = [axis.x[row.t_s] + shift for row, _ in part]
        means = [100 * row.mean for row, _ in part]
        axes.plot(xs, means, color=style.colour, linewidth=1.5, marker=style.marker, markersize=5)
        known = [(x, row.ci95) for x, (row, _) in zip(xs, part, strict=True) if row.ci95]
        xs = [x for x, _ in known]
        low, high = [100 * ci95[0] for _, ci95 in known], [100 * ci95[1] for _, ci95 in known]
        axes.fill_between(xs, low, high, color=style.colour, alpha=0.18, linewidth=0)
        axes.vlines(xs, low, high, color=style.colour, linewidth=1.2)
    # The chips stand right of their mean and its bar, which would hide them.
    beside = shift + 0.008 * axis.span
    chips = [(axis.x[t.t_s] + beside, 100 * t.accuracy) for _, trials in curve for t in trials]
    axes.plot(*zip(*chips, strict=True), **_CHIP, color=style.colour)


def _finish(axes: "Axes", axis: TimeAxis) -> None:
    """Limits and ticks; the panels share both axes."""
    labels = time_labels(axis.x)
    ticks = axis.ticks()
    axes.set_xticks([axis.x[t_s] for t_s in ticks], [labels[t_s] for t_s in ticks])
    axes.set_xticks([x for t_s, x in axis.x.items() if t_s not in ticks], minor=True)
    left, right = min(axis.x.values()), max(axis.x.values())
    margin = 0.06 * axis.span if right > left else axis.span
    axes.set_xlim(left - margin, right + margin)
    axes.set_xlabel("time since programming" + (" (log scale)" if right > left else ""))
    low, high = axes.get_ylim()
    # At least two points high; bands that reach beyond 0 or 100 % are cut there, a marker is not.
    middle, half = (low + high) / 2, max(high - low, 2.0) / 2
    room = 0.06 * half
    axes.set_ylim(max(middle - half, -room), min(middle + half, 100 + room))


def _legend(figure: "Figure", styles: Iterable[_Style]) -> None:
    from matplotlib.artist import Artist
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: dict[str, Artist] = {
        style.name: Line2D([], [], color=style.colour, marker=style.marker, markersize=5)
        for style in styles
    }
    handles["digital network"] = Line2D([], [], color=INK, linewidth=1.2, linestyle=_DASHES)
    handles["single chips"] = Line2D([], [], color=INK, **_CHIP)
    handles["95 % interval of the mean"] = Patch(facecolor="#8c959f", alpha=0.4)
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=1 if any(len(name) > 34 for name in handles) else 2,
        frameon=False,
        fontsize=9,
    )


def png_bytes(figure: "Figure") -> bytes:
    """The figure on white, 200 dots an inch."""
    return _save(figure, format="png", dpi=200, facecolor="white", metadata={"Software": None})


def svg_text(figure: "Figure", *, transparent: bool = False) -> str:
    """The figure as SVG with text as text; on white, or without a background for the page."""
    face = "none" if transparent else "white"
    return _save(figure, format="svg", facecolor=face, metadata={"Date": None}).decode()


def _save(figure: "Figure", **options: Any) -> bytes:
    import matplotlib as mpl

    target = io.BytesIO()
    with mpl.rc_context(_RC):
        figure.savefig(target, **options)
    return target.getvalue()

"""How chips differ: a strip of chips for each curve, and the yield for any wanted accuracy."""

from typing import TYPE_CHECKING

from analogsim.experiment.trial import Trial
from analogsim.quantity import Quantity
from analogsim.report.chart import Chart
from analogsim.report.csv_file import Cell
from analogsim.report.labels import series_label, time_labels
from analogsim.report.look import COLOURS, GREY, INK, MARKERS, Look, new_figure
from analogsim.report.series import mark, mark_points
from analogsim.report.summary import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ASKED = " The table gives intervals for accuracies asked for."
_LINES = ("-", "--", "-.", ":")


class Strip:
    """The chips of one curve at one time, lowest value first."""

    def __init__(self, name: str, time: str, t_s: float, chips: list[Trial]) -> None:
        self.name, self.time, self.t_s = name, time, t_s
        self.chips = sorted(chips, key=lambda trial: (trial.accuracy, trial.chip))
        self.values = [trial.accuracy for trial in self.chips]

    @property
    def mean(self) -> float:
        """Mean of the chips."""
        return sum(self.values) / len(self.values)

    @property
    def label(self) -> str:
        """Curve and time."""
        return f"{self.name}, {self.time}"


def strips(run: Run) -> list[Strip]:
    """A strip for each curve at its last time; none where images were dealt out over chips.

    With a few images each, the noise of the measurement would be shown as chips that differ.
    """
    with_bn = len({row.bn for row in run.rows}) > 1
    labels = time_labels(dict.fromkeys(row.t_s for row in run.rows))
    found: dict[str, Strip] = {}
    for row in run.rows:
        if row.design != "full":
            continue
        chips = [
            t
            for t in run.trials
            if (t.name, t.bn, t.compensation, t.t_s)
            == (row.name, row.bn, row.compensation, row.t_s)
            and t.part == "main"
        ]
        name = series_label(row.name, row.bn, row.compensation, with_bn=with_bn)
        strip = Strip(name, labels[row.t_s], row.t_s, chips)
        if name not in found or found[name].t_s < row.t_s:
            found[name] = strip
    return [strip for strip in found.values() if len(strip.chips) > 1]


def spread_chart(run: Run) -> Chart | None:
    """A dot for each chip at the last time of each curve; None where that says nothing."""
    found = strips(run)
    if not found:
        return None
    quantity = run.header.quantity
    said = [
        f"{one.label}: {len(one.values)} chips from {quantity.text(one.values[0])} to "
        f"{quantity.with_unit(one.values[-1])}, mean {quantity.with_unit(one.mean)}."
        for one in found
    ]
    return Chart(
        name="spread",
        title="The chips at the last time",
        caption="Each mark is one chip on all its images, as its distance from the mean of its "
        f"curve (named on the left). Chips of equal {quantity.name} are moved apart.",
        words=f"{quantity.title} of single chips at the last time of each curve. {' '.join(said)}",
        header=("curve", "t_s", "chip", quantity.name),
        rows=tuple(
            (one.name, one.t_s, trial.chip, trial.accuracy) for one in found for trial in one.chips
        ),
        draw=lambda look: _draw_spread(found, look, quantity),
    )


def yield_chart(run: Run) -> Chart | None:
    """The share of chips that reach an accuracy, for every accuracy; None as for the strips."""
    found = strips(run)
    if not found:
        return None
    quantity = run.header.quantity
    up, name, text = quantity.sign > 0, quantity.name, quantity.with_unit
    reach = "reach" if up else "stay within"
    rows: list[tuple[Cell, ...]] = [
        (one.name, one.t_s, value, share)
        for one in found
        for value, share in steps(one.values, quantity.sign)
    ]
    said = [
        f"{one.label}: all {reach} {text(worst)}, half {reach} "
        f"{text(_reached_by_half(one.values, quantity.sign))}, the best {text(best)}."
        for one in found
        for worst, *_, best in [one.values if up else one.values[::-1]]
    ]
    return Chart(
        name="yield",
        title="Yield",
        caption=f"Share of the measured chips whose {name} is at {'least' if up else 'most'} that "
        f"on the horizontal axis, at the last time of each curve.{_ASKED * quantity.is_share}",
        words=f"Yield: share of chips that {reach} {_a(name)}. {' '.join(said)}",
        header=("curve", "t_s", name, "share_of_chips"),
        rows=tuple(rows),
        draw=lambda look: _draw_yield(found, look, quantity),
    )


def steps(values: list[float], sign: int = 1) -> list[tuple[float, float]]:
    """(value, share of chips that are as good or better), rising values, each once."""
    n = len(values)
    return [(v, sum(sign * other >= sign * v for other in values) / n) for v in sorted(set(values))]


def _reached_by_half(values: list[float], sign: int) -> float:
    return sign * max(sign * value for value, share in steps(values, sign) if share >= 0.5)


def _a(name: str) -> str:
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _draw_spread(found: list[Strip], look: Look, quantity: Quantity) -> "Figure":
    names = [look.fold(f"{one.label}: mean {quantity.with_unit(one.mean)}", 0.36) for one in found]
    lines = sum(name.count("\n") + 1.6 for name in names)
    height = 0.9 + 0.018 * look.font_pt * lines
    figure = new_figure(look, max(height, 1.5))
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1)
    for place, one in enumerate(found):
        ys = [place + offset for offset in _apart(one.values)]
        drawn = axes.plot(
            [quantity.scale * (value - one.mean) for value in one.values], ys, linestyle="",
            marker=MARKERS[place % len(MARKERS)], color=COLOURS[place % len(COLOURS)],
            markersize=4.5, alpha=0.8, mew=0,
        )  # fmt: skip
        texts = [f"chip {c.chip}: {quantity.with_unit(c.accuracy)}" for c in one.chips]
        mark(drawn[0], one.label, texts)
    axes.set_yticks(range(len(found)), names)
    axes.set_ylim(len(found) - 0.4, -0.6)
    # Long names leave the axis little room: its own name then reaches to the left.
    away = f"{quantity.change_unit or quantity.name} from the mean of the curve"
    axes.set_xlabel(away, loc="right")
    axes.grid(axis="x", color=GREY, alpha=0.3, linewidth=0.6)
    return figure


def _apart(values: list[float]) -> list[float]:
    """Offsets that keep chips of equal accuracy apart, within a third of a strip."""
    offsets = []
    for place, value in enumerate(values):
        same = [n for n, other in enumerate(values) if other == value]
        order = same.index(place) - (len(same) - 1) / 2
        offsets.append(order * min(0.14, 0.6 / len(same)))
    return offsets


def _draw_yield(found: list[Strip], look: Look, quantity: Quantity) -> "Figure":
    names = [look.fold(one.label, 0.8) for one in found]
    lines = sum(name.count("\n") + 1 for name in names)
    height = min(2.6, 0.55 * look.width_in) + 0.021 * look.font_pt * (lines + 1)
    figure = new_figure(look, height)
    axes = figure.subplots()
    axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)
    lowest = min(one.values[0] for one in found)
    highest = max(one.values[-1] for one in found)
    room = 0.04 * (highest - lowest) or 0.01
    for place, one in enumerate(found):
        points = steps(one.values, quantity.sign)
        xs = [lowest - room, *(value for value, _ in points), points[-1][0]]
        ys = [1.0, *(share for _, share in points), 0.0]
        if quantity.sign < 0:
            xs = [points[0][0], *(value for value, _ in points), highest + room]
            ys = [0.0, *(share for _, share in points), 1.0]
        # A share holds up to its own accuracy, and falls behind it; upwards where lower is
        # better.
        drawn = axes.step(
            [quantity.scale * x for x in xs], [100 * y for y in ys],
            where="pre" if quantity.sign > 0 else "post",
            color=COLOURS[place % len(COLOURS)], linewidth=1.6,
            linestyle=_LINES[place % len(_LINES)], label=names[place],
        )  # fmt: skip
        mark(drawn[0], names[place])
        texts = [
            f"{quantity.with_unit(value)}: {100 * share:.3g} % of {len(one.values)} chips"
            for value, share in points
        ]
        ends = [quantity.scale * x for x, _ in points], [100 * y for _, y in points]
        mark_points(axes, *ends, names[place], texts)
    axes.set_xlim(quantity.scale * (lowest - room), quantity.scale * (highest + room))
    axes.set_ylim(0, 104)
    axes.set_xlabel(quantity.axis)
    axes.set_ylabel("chips that reach it (%)")
    figure.legend(loc="outside lower center", ncols=1, frameon=False)
    return figure

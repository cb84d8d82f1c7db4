"""BatchNorm policies of one run side by side, each against the first, on the same chips."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analogsim.experiment.statistics import Row, Span, paired_trials
from analogsim.experiment.trial import Trial
from analogsim.quantity import Quantity
from analogsim.report.chart import Chart
from analogsim.report.labels import compensation_label, format_duration, time_labels, with_bounds
from analogsim.report.look import COLOURS, GREY, INK, MARKERS, Look, new_figure
from analogsim.report.series import mark_bars
from analogsim.report.summary import Run
from analogsim.report.time_axis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One policy at one place of the study.

    `mean`, `low` and `high` are of its accuracy, `against` (mean, low, high) of the difference to
    the first policy, paired over chips; None where there is none. `new_images` are the bounds of
    that difference for other images. All are fractions.
    """

    preset: str
    compensation: str
    t_s: float
    bn: str
    mean: float
    low: float | None
    high: float | None
    against: tuple[float, float | None, float | None] | None
    new_images: tuple[float, float] | None = None

    @property
    def group(self) -> str:
        """Preset and compensation in words."""
        return f"{self.preset}, {compensation_label(self.compensation)}"


def policies(run: Run) -> list[Policy]:
    """Every row of a run that has several policies, with its difference; else nothing."""
    names = list(dict.fromkeys(row.bn for row in run.rows))
    if len(names) < 2:
        return []
    cells: dict[tuple[str, str, float, str], list[Trial]] = {}
    for trial in run.trials:
        key = (trial.name, trial.compensation, trial.t_s, trial.bn)
        cells.setdefault(key, []).append(trial)
    digital, span = run.header.digital_correct, run.header.quantity.differences
    return [_policy(row, names[0], cells, digital, span) for row in run.rows]


def _policy(
    row: Row,
    first: str,
    cells: dict[tuple[str, str, float, str], list[Trial]],
    digital_correct: str | None,
    span: Span,
) -> Policy:
    base = cells.get((row.name, row.compensation, row.t_s, first))
    here = cells[row.name, row.compensation, row.t_s, row.bn]
    change = None
    if base and row.bn != first:
        change = paired_trials(here, base, digital_correct, span=span)
    low, high = row.ci95 or (None, None)
    return Policy(
        preset=row.name,
        compensation=row.compensation,
        t_s=row.t_s,
        bn=row.bn,
        mean=row.mean,
        low=low,
        high=high,
        against=None if change is None else (change.mean, change.low, change.high),
        new_images=None if change is None else change.new_images,
    )


def bn_chart(run: Run) -> Chart | None:
    """Differences of each policy to the first over time; None if there is one policy."""
    found = policies(run)
    shown = [one for one in found if one.against is not None]
    if not shown:
        return None
    labels = time_labels(dict.fromkeys(one.t_s for one in found))
    first, quantity = found[0].bn, run.header.quantity
    unit = f" {quantity.change_unit}".rstrip()
    said = [
        f"{one.group}, BN {one.bn} at {labels[one.t_s]}: {_change(one, quantity)}{unit}."
        for one in shown
    ]
    return Chart(
        name="batchnorm",
        title=f"BatchNorm policies against BN {first}",
        caption=f"{quantity.title} of each policy less that of BN {first} on the same chips and "
        f"images, in {quantity.long_change}. Bars: 95 % interval on these images, paired over "
        "chips.",
        words=f"Difference of each BatchNorm policy to BN {first}. {' '.join(said)}",
        header=("preset", "compensation", "t_s", "bn", quantity.name, "low", "high", "difference",
                "difference_low", "difference_high", "difference_new_images_low",
                "difference_new_images_high"),
        rows=tuple(
            (one.preset, one.compensation, one.t_s, one.bn, one.mean, one.low, one.high,
             *(one.against or (None, None, None)), *(one.new_images or (None, None)))
            for one in found
        ),
        draw=lambda look: _draw(shown, look, quantity),
    )  # fmt: skip


def _change(one: Policy, quantity: Quantity) -> str:
    assert one.against is not None
    mean, *bounds = one.against
    return with_bounds(quantity.change(mean), bounds, quantity.change)


def _draw(shown: Sequence[Policy], look: Look, quantity: Quantity) -> "Figure":
    scale = quantity.scale
    curves: dict[tuple[str, str], list[Policy]] = {}
    for one in shown:
        curves.setdefault((one.group, one.bn), []).append(one)
    groups = list(dict.fromkeys(group for group, _ in curves))
    names = list(dict.fromkeys(bn for _, bn in curves))
    axis = TimeAxis.of(one.t_s for one in shown)
    height = 1.9 * len(groups) + 0.5 + 0.021 * look.font_pt * (len(names) + 1)
    figure = new_figure(look, height)
    grid = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for axes, group in zip(grid, groups, strict=True):
        axes.axhline(0, color=INK, linewidth=1)
        axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)
        axes.set_title(look.fold(group, 0.75), loc="left")
        axes.set_ylabel(quantity.change_unit or quantity.name)
        for place, bn in enumerate(names):
            found = sorted(curves.get((group, bn), []), key=lambda one: one.t_s)
            shift = (place - (len(names) - 1) / 2) * axis.step(len(names))
            ends = [one.against for one in found if one.against is not None]
            drawn = axes.errorbar(
                [axis.x[one.t_s] + shift for one in found],
                [scale * mean for mean, _, _ in ends],
                yerr=[
                    [0.0 if low is None else scale * (mean - low) for mean, low, _ in ends],
                    [0.0 if high is None else scale * (high - mean) for mean, _, high in ends],
                ],
                color=COLOURS[place % len(COLOURS)], marker=MARKERS[place % len(MARKERS)],
                markersize=4.5, linewidth=1.4, capsize=2, label=f"BN {bn}",
            )  # fmt: skip
            texts = [
                f"BN {bn}, {format_duration(one.t_s)}: {_change(one, quantity)} "
                f"{quantity.change_unit}".rstrip()
                for one in found
                if one.against is not None
            ]
            mark_bars(drawn, f"BN {bn}", texts)
    axis.finish(grid[-1], look)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure

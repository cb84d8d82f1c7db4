"""How a device behaves: spread after programming, drift exponent, weights over time, read noise."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from analogsim.report.chart import Chart
from analogsim.report.csv_file import Cell
from analogsim.report.labels import format_duration
from analogsim.report.look import COLOURS, GREY, MARKERS, Look, settings
from analogsim.report.time_axis import TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from device_models.simulated import Behaviour


def device_charts(name: str, found: "Behaviour", levels: Sequence[float]) -> tuple[Chart, ...]:
    """The charts of device `name`; `levels` are those of `found.spreads`."""
    unit, scale = ("uS", found.g_max_us) if found.g_max_us else ("largest weight", 1.0)
    cells = f"{found.n} seeded weights a point"
    spreads = [scale * spread for spread in found.spreads]
    times = [
        (band.target, t_s, scale * mean, scale * low, scale * high, scale * read)
        for band in found.bands
        for t_s, mean, low, high, read in zip(
            found.times_s, band.means, band.lows, band.highs, band.reads, strict=True
        )
    ]
    over_time: tuple[tuple[Cell, ...], ...] = tuple(times)
    header = ("target", "t_s", "mean", "p5", "p95", "read_noise")
    first, last = (format_duration(found.times_s[at]) for at in (0, -1))
    ends = "; ".join(
        f"target {band.target:g}: {scale * band.means[0]:.4g} after {first}, "
        f"{scale * band.means[-1]:.4g} after {last}"
        for band in found.bands
    )
    reads = "; ".join(
        f"target {band.target:g}: {scale * band.reads[-1]:.3g} after {last}" for band in found.bands
    )
    return (
        Chart(
            name="device_programming",
            title="Spread after programming",
            caption=f"Standard deviation of weights of {name} right after programming, in {unit}, "
            f"against their target as a share of the largest; {cells}.",
            words=f"{name}: from {spreads[0]:.3g} {unit} at {levels[0]:g} to {spreads[-1]:.3g} "
            f"{unit} at {levels[-1]:g}.",
            header=("target", f"sigma ({unit})"),
            rows=tuple(zip(levels, spreads, strict=True)),
            draw=lambda look: _draw(look, lambda axes: _programming(axes, levels, spreads, unit)),
        ),
        Chart(
            name="device_exponent",
            title="Drift exponent",
            caption=f"Drift exponent nu of weights of {name} against their target as a share of "
            f"the largest: median and 5th to 95th percentile of -ln(w2 / w1) / ln(t2 / t1) between "
            f"{_between(found)}, read noise included; {cells}.",
            words=f"{name}: median from {found.exponents[0][0]:.3g} at {levels[0]:g} to "
            f"{found.exponents[-1][0]:.3g} at {levels[-1]:g}.",
            header=("target", "nu", "p5", "p95"),
            rows=tuple((x, *nu) for x, nu in zip(levels, found.exponents, strict=True)),
            draw=lambda look: _draw(look, lambda axes: _exponents(axes, levels, found)),
        ),
        Chart(
            name="device_drift",
            title="Weights over time",
            caption=f"Mean and 5th to 95th percentile of weights of {name} over time, in {unit}; "
            f"{cells}, at valid times from 1 s to a year.",
            words=f"{name}, in {unit}: {ends}.",
            header=header,
            rows=over_time,
            draw=lambda look: _draw(look, lambda axes: _drift(axes, found, scale, unit, look)),
        ),
        Chart(
            name="device_read_noise",
            title="Read noise over time",
            caption=f"Spread between two reads of the same cells of {name}, over the root of 2, in "
            f"{unit}; {cells}. What every product draws anew is not in it.",
            words=f"{name}, in {unit}: {reads}.",
            header=header,
            rows=over_time,
            draw=lambda look: _draw(look, lambda axes: _reads(axes, found, scale, unit, look)),
        ),
    )


def _draw(look: Look, fill: Callable[["Axes"], None]) -> "Figure":
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(settings(look)):
        figure = Figure(figsize=(look.width_in, 0.62 * look.width_in), layout="constrained")
        axes = figure.subplots()
        axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)
        fill(axes)
        axes.set_ylim(bottom=min(0.0, 1.05 * axes.dataLim.y0))
    return figure


def _programming(
    axes: "Axes", levels: Sequence[float], spreads: Sequence[float], unit: str
) -> None:
    axes.plot(levels, spreads, color=COLOURS[0], marker=MARKERS[0], markersize=3)
    axes.set_xlabel("target, of the largest weight")
    axes.set_ylabel(f"spread ({unit})")


def _between(found: "Behaviour") -> str:
    first, last = found.between
    return f"{format_duration(first)} and {format_duration(last)}"


def _exponents(axes: "Axes", levels: Sequence[float], found: "Behaviour") -> None:
    medians, lows, highs = zip(*found.exponents, strict=True)
    axes.plot(levels, medians, color=COLOURS[0], marker=MARKERS[0], markersize=3)
    axes.fill_between(levels, lows, highs, color=COLOURS[0], alpha=0.18, linewidth=0)
    axes.set_xlabel("target, of the largest weight")
    axes.set_ylabel("drift exponent nu")


def _drift(axes: "Axes", found: "Behaviour", scale: float, unit: str, look: Look) -> None:
    axis = TimeAxis.of(found.times_s)
    xs = [axis.x[t_s] for t_s in found.times_s]
    for at, band in enumerate(found.bands):
        lows, means, highs = (
            [scale * one for one in values] for values in (band.lows, band.means, band.highs)
        )
        colour = COLOURS[at]
        axes.plot(xs, means, color=colour, marker=MARKERS[at], markersize=3)
        axes.fill_between(xs, lows, highs, color=colour, alpha=0.18, linewidth=0)
    axis.finish(axes, look)
    axes.set_ylabel(f"weight ({unit})")


def _reads(axes: "Axes", found: "Behaviour", scale: float, unit: str, look: Look) -> None:
    axis = TimeAxis.of(found.times_s)
    xs = [axis.x[t_s] for t_s in found.times_s]
    for at, band in enumerate(found.bands):
        reads = [scale * one for one in band.reads]
        label = f"target {band.target:g}"
        axes.plot(xs, reads, color=COLOURS[at], marker=MARKERS[at], markersize=3, label=label)
    axis.finish(axes, look)
    axes.set_ylabel(f"read noise ({unit})")
    axes.legend(frameon=False)

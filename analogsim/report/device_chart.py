"""How devices behave: spread after programming, drift exponent, weights over time, read noise."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from analogsim.report.chart import Chart
from analogsim.report.csv_file import Cell
from analogsim.report.labels import format_duration
from analogsim.report.look import COLOURS, GREY, MARKERS, Look, new_figure
from analogsim.report.series import mark
from analogsim.report.time_axis import TimeAxis
from device_models.behaviour import Behaviour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Devices = Mapping[str, Behaviour]
"""By preset."""
_SHARE = "of the largest"
_MOST_BANDS = 2
"""Devices in a panel of which each has its bands."""


def device_charts(name: str, found: Behaviour) -> tuple[Chart, ...]:
    """The charts of device `name`, one a law."""
    one, (unit, scale) = {name: found}, _unit({name: found})
    levels, cells = found["levels"], f"{found['n']} seeded weights a point"
    spreads = [scale * spread for spread in found["spreads"]]
    header = ("target", "t_s", "mean", "p5", "p95", "read_noise")
    over_time = tuple(row[1:] for row in _over_time(one, scale))
    first, last = (format_duration(found["times_s"][at]) for at in (0, -1))
    ends = "; ".join(
        f"target {band['target']:g}: {scale * band['means'][0]:.4g} after {first}, "
        f"{scale * band['means'][-1]:.4g} after {last}"
        for band in found["bands"]
    )
    reads = "; ".join(
        f"target {band['target']:g}: {scale * band['reads'][-1]:.3g} after {last}"
        for band in found["bands"]
    )
    exponents = Chart(
        name="device_exponent",
        title="Drift exponent",
        caption=f"Drift exponent nu of weights of {name} against their target as a share of the "
        f"largest: median and 5th to 95th percentile of {_exponent(found)}, read noise included; "
        f"{cells}.",
        words=f"{name}: {_exponent_words(found)}.",
        header=("target", "nu", "p5", "p95"),
        rows=tuple((x, *nu) for x, nu in zip(levels, found["exponents"], strict=False)),
        draw=lambda look: _alone(look, lambda axes: _exponents(axes, one)),
    )
    return (
        Chart(
            name="device_programming",
            title="Spread after programming",
            caption=f"Standard deviation of weights of {name} right after programming, "
            f"{_in(unit)}, against their target as a share of the largest; {cells}.",
            words=f"{name}: from {spreads[0]:.3g} {unit} at {levels[0]:g} to {spreads[-1]:.3g} "
            f"{unit} at {levels[-1]:g}.",
            header=("target", f"sigma ({unit})"),
            rows=tuple(zip(levels, spreads, strict=True)),
            draw=lambda look: _alone(look, lambda axes: _programming(axes, one)),
        ),
        *([exponents] if found["exponents"] else []),
        Chart(
            name="device_drift",
            title="Weights over time",
            caption=f"Mean and 5th to 95th percentile of weights of {name} over time, {_in(unit)}; "
            f"{cells}, at valid times from 1 s to a year.",
            words=f"{name}, {_in(unit)}: {ends}.",
            header=header,
            rows=over_time,
            draw=lambda look: _alone(look, lambda axes: _drift(axes, one, look)),
        ),
        Chart(
            name="device_read_noise",
            title="Read noise over time",
            caption=f"Spread between two reads of the same cells of {name}, over the root of 2, "
            f"{_in(unit)}; {cells}. What every product draws anew is not in it.",
            words=f"{name}, {_in(unit)}: {reads}.",
            header=header,
            rows=over_time,
            draw=lambda look: _alone(look, lambda axes: _reads(axes, found, look)),
        ),
    )


def devices_chart(found: Devices) -> Chart | None:
    """The devices of a run in one figure; None where it kept nothing of them."""
    if not found:
        return None
    unit, scale = _unit(found)
    said = [
        f"{name}: spread at the largest weight {scale * one['spreads'][-1]:.3g} {unit}, "
        f"{_exponent_words(one)}, "
        f"{_kept(one)} of it left after {format_duration(one['times_s'][-1])}."
        for name, one in found.items()
    ]
    n = next(iter(found.values()))["n"]
    bands = " Bands: 5th to 95th percentile." * (len(found) <= _MOST_BANDS)
    rows: list[tuple[Cell, ...]] = []
    for name, one in found.items():
        for x, spread, nu in zip(one["levels"], one["spreads"], _nus(one), strict=True):
            rows.append((name, x, None, scale * spread, *nu, None, None, None, None))
    for preset, target, t_s, *weights in _over_time(found, scale):
        rows.append((preset, target, t_s, None, None, None, None, *weights))
    return Chart(
        name="devices",
        title="How the devices behave",
        caption=f"Of {', '.join(found)}, as used here; {n} seeded weights a point, without "
        f"network and tiles. Left: standard deviation right after programming, {_in(unit)}, "
        "against the target as a share of the largest weight. Right: median drift exponent nu, "
        f"{_exponent(next(iter(found.values())))}. Below: mean weights over time, {_in(unit)}, of "
        f"the targets {_targets(found)}.{bands}",
        words=f"How devices behave. {' '.join(said)}",
        header=(
            *("preset", "target", "t_s", f"sigma ({unit})", "nu", "nu_p5", "nu_p95"),
            *(f"weight ({unit})", "weight_p5", "weight_p95", "read_noise"),
        ),
        rows=tuple(rows),
        draw=lambda look: _together(found, look),
    )


def _unit(found: Devices) -> tuple[str, float]:
    """What weights are shown in: microsiemens where the largest is the same for all devices."""
    largest = {one["g_max_us"] for one in found.values()}
    only = next(iter(largest)) if len(largest) == 1 else None
    return ("uS", only) if only else (_SHARE, 1.0)


def _in(unit: str) -> str:
    return "as a share of the largest" if unit == _SHARE else f"in {unit}"


def _over_time(found: Devices, scale: float) -> Iterator[tuple[Cell, ...]]:
    """Preset, target, time, mean, percentiles and read noise."""
    for name, one in found.items():
        for band in one["bands"]:
            ways = (band[of] for of in ("means", "lows", "highs", "reads"))
            for t_s, *values in zip(one["times_s"], *ways, strict=True):
                yield name, band["target"], t_s, *(scale * value for value in values)


def _nus(found: Behaviour) -> list[list[float | None]]:
    return [[*nu] for nu in found["exponents"]] or [[None] * 3 for _ in found["levels"]]


def _exponent(found: Behaviour) -> str:
    first, last = map(format_duration, found["between"])
    return f"-ln(w2 / w1) / ln(t2 / t1) between {first} and {last}"


def _exponent_words(found: Behaviour) -> str:
    if not found["exponents"]:
        return "no drift exponent, for one time alone is valid or no weight is left"
    return (
        f"median drift exponent from {found['exponents'][0][0]:.3g} at {found['levels'][0]:g} to "
        f"{found['exponents'][-1][0]:.3g} at {found['levels'][-1]:g}"
    )


def _kept(found: Behaviour) -> str:
    last = found["bands"][-1]
    return f"{100 * last['means'][-1] / last['target']:.3g} %"


def _targets(found: Devices) -> str:
    bands = next(iter(found.values()))["bands"]
    return ", ".join(f"{band['target']:g}" for band in bands)


def _alone(look: Look, fill: Callable[["Axes"], None]) -> "Figure":
    figure = new_figure(look, 0.62 * look.width_in)
    _filled(figure.subplots(), fill)
    return figure


def _together(found: Devices, look: Look) -> "Figure":
    height = look.width_in + 0.021 * look.font_pt * len(found)
    figure = new_figure(look, height)
    left, right, below = (figure.add_subplot(2, 2, place) for place in (1, 2, (3, 4)))
    _filled(left, lambda axes: _programming(axes, found))
    _filled(right, lambda axes: _exponents(axes, found))
    _filled(below, lambda axes: _drift(axes, found, look))
    for axes in (left, right):
        axes.set_xticks((0, 0.5, 1))
        axes.locator_params(axis="y", nbins=5)
    if len(found) > 1:
        handles = left.get_lines()
        names = [look.fold(name, 0.8) for name in found]
        figure.legend(handles, names, loc="outside lower center", ncols=1, frameon=False)
    return figure


def _filled(axes: "Axes", fill: Callable[["Axes"], None]) -> None:
    axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)
    fill(axes)
    axes.set_ylim(bottom=min(0.0, 1.05 * axes.dataLim.y0))


def _line(
    axes: "Axes", xs: list[float], ys: list[float], place: int, name: str, texts: list[str]
) -> None:
    colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
    mark(axes.plot(xs, ys, color=colour, marker=marker, markersize=3)[0], name, texts)


def _band(
    axes: "Axes", xs: list[float], low: list[float], high: list[float], place: int, name: str
) -> None:
    colour = COLOURS[place % len(COLOURS)]
    mark(axes.fill_between(xs, low, high, color=colour, alpha=0.18, linewidth=0), name)


def _programming(axes: "Axes", found: Devices) -> None:
    unit, scale = _unit(found)
    for place, (name, one) in enumerate(found.items()):
        spreads = [scale * spread for spread in one["spreads"]]
        texts = [
            f"{name}, target {x:g}: {y:.3g} {unit}"
            for x, y in zip(one["levels"], spreads, strict=True)
        ]
        _line(axes, one["levels"], spreads, place, name, texts)
    axes.set_xlabel("target" if len(axes.figure.axes) > 1 else "target, of the largest weight")
    axes.set_ylabel(f"spread ({unit})")


def _exponents(axes: "Axes", found: Devices) -> None:
    for place, (name, one) in enumerate(found.items()):
        if not one["exponents"]:
            continue
        medians, lows, highs = (list(part) for part in zip(*one["exponents"], strict=True))
        texts = [
            f"{name}, target {x:g}: {nu:.3g} ({low:.3g} to {high:.3g})"
            for x, (nu, low, high) in zip(one["levels"], one["exponents"], strict=True)
        ]
        _line(axes, one["levels"], medians, place, name, texts)
        if len(found) <= _MOST_BANDS:
            _band(axes, one["levels"], lows, highs, place, name)
    axes.set_xlabel("target" if len(axes.figure.axes) > 1 else "target, of the largest weight")
    axes.set_ylabel("drift exponent nu")


def _drift(axes: "Axes", found: Devices, look: Look) -> None:
    unit, scale = _unit(found)
    axis = TimeAxis.of(t_s for one in found.values() for t_s in one["times_s"])
    for place, (name, one) in enumerate(found.items()):
        xs = [axis.x[t_s] for t_s in one["times_s"]]
        for at, band in enumerate(one["bands"]):
            lows, means, highs = (
                [scale * value for value in values]
                for values in (band["lows"], band["means"], band["highs"])
            )
            texts = [
                f"{name}, target {band['target']:g}, {format_duration(t_s)}: {mean:.4g} {unit} "
                f"({low:.4g} to {high:.4g})"
                for t_s, mean, low, high in zip(one["times_s"], means, lows, highs, strict=True)
            ]
            # One device has a colour a target, several have one each.
            colour = at if len(found) == 1 else place
            _line(axes, xs, means, colour, name, texts)
            if len(found) <= _MOST_BANDS:
                _band(axes, xs, lows, highs, colour, name)
    axis.finish(axes, look)
    axes.set_ylabel(f"weight ({unit})")


def _reads(axes: "Axes", found: Behaviour, look: Look) -> None:
    unit, scale = _unit({"": found})
    axis = TimeAxis.of(found["times_s"])
    xs = [axis.x[t_s] for t_s in found["times_s"]]
    for at, band in enumerate(found["bands"]):
        reads = [scale * one for one in band["reads"]]
        label = f"target {band['target']:g}"
        axes.plot(xs, reads, color=COLOURS[at], marker=MARKERS[at], markersize=3, label=label)
    axis.finish(axes, look)
    axes.set_ylabel(f"read noise ({unit})")
    axes.legend(frameon=False)

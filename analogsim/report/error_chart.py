"""What the noise does to weights: histograms of their errors on chip 0, all layers together."""

from typing import TYPE_CHECKING

from analogsim.experiment.layers_file import DeviceLayers, LayersFile, State, pooled
from analogsim.report.chart import Chart
from analogsim.report.csv_file import Cell
from analogsim.report.labels import compensation_label, format_duration
from analogsim.report.look import COLOURS, GREY, INK, Look, new_figure
from analogsim.report.series import mark, mark_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINES = ("-", "--", "-.", ":")
_MOST = 4
_MOST_POINTS = 40
"""Bins of a histogram that say their value under the pointer."""
# Of the weights in the drawn states, this share may lie outside the drawn range on each side.
_TAIL = 0.003


def state_label(state: State) -> str:
    """A state in words."""
    if state["t_s"] is None:
        return "as programmed"
    return f"{format_duration(state['t_s'])}, {compensation_label(state['compensation'])}"


def shown_states(device: DeviceLayers) -> list[int]:
    """The states that a chart shows: as programmed, the first time, and the last with each
    compensation, at most four.
    """
    states = device["states"]
    last = [n for n, one in enumerate(states) if one["t_s"] == states[-1]["t_s"]]
    chosen = [0, *([1] if len(states) > 1 else []), *last]
    return list(dict.fromkeys(chosen))[:_MOST]


def error_chart(content: LayersFile) -> Chart:
    """Histograms of (w' - w) / std(w), pooled over layers; a panel a device.

    The data hold all states, not only those that are drawn.
    """
    centres = [
        (a + b) / 2 for a, b in zip(content["edges"][:-1], content["edges"][1:], strict=True)
    ]
    rows: list[tuple[Cell, ...]] = []
    for device in content["presets"]:
        for n, state in enumerate(device["states"]):
            counts, below, above = pooled(device, n)
            rows.append(
                (device["preset"], state["t_s"], state["compensation"], below, *counts, above)
            )
    return Chart(
        name="weight_errors",
        title="Weight errors",
        caption="Share of all analog weights of chip 0 whose error lies in a bin. The error is "
        "that of the weight which the tile multiplies with, drift compensation included, in units "
        "of the standard deviation of the layer's weights.",
        words=" ".join(
            ["Histograms of weight errors on chip 0.", *map(_words, content["presets"])]
        ),
        header=(
            *("preset", "t_s", "compensation", "below"),
            *(f"{centre:.6g}" for centre in centres),
            "above",
        ),
        rows=tuple(rows),
        draw=lambda look: _draw(content, look),
    )


def total_error(device: DeviceLayers, state: int) -> tuple[float, float]:
    """Mean and root mean square of (w' - w) / std(w) over all weights of a state."""
    weights = sum(layer["weights"] for layer in device["layers"])
    mean = sum(la["weights"] * la["states"][state]["mean"] for la in device["layers"]) / weights
    square = sum(la["weights"] * la["states"][state]["rms"] ** 2 for la in device["layers"])
    return float(mean), float((square / weights) ** 0.5)


def _words(device: DeviceLayers) -> str:
    parts = []
    for n in shown_states(device):
        mean, rms = total_error(device, n)
        parts.append(f"{state_label(device['states'][n])}: mean {mean:+.3f}, rms {rms:.3f}")
    return f"{device['preset']}, in standard deviations of the weights: {'; '.join(parts)}."


def _draw(content: LayersFile, look: Look) -> "Figure":
    devices = content["presets"]
    edges = content["edges"]
    most = max(len(shown_states(device)) for device in devices)
    low, high = _range(content)
    height = 1.9 * len(devices) + 0.5 + 0.023 * look.font_pt * most * len(devices)
    figure = new_figure(look, height)
    grid = figure.subplots(len(devices), 1, sharex=True, squeeze=False)[:, 0]
    for axes, device in zip(grid, devices, strict=True):
        axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)
        axes.axvline(0, color=INK, linewidth=0.8)
        for place, n in enumerate(shown_states(device)):
            counts, below, above = pooled(device, n)
            total = sum(counts) + below + above
            shares = [100 * count / total for count in counts]
            label = state_label(device["states"][n])
            drawn = axes.stairs(
                shares, edges, color=COLOURS[place % len(COLOURS)], linewidth=1.4,
                linestyle=_LINES[place % len(_LINES)], label=label,
            )  # fmt: skip
            name = f"{device['preset']}, {label}"
            mark(drawn, name)
            bins = [at for at in range(len(shares)) if low <= edges[at] < edges[at + 1] <= high]
            bins = bins[:: -(-len(bins) // _MOST_POINTS) or 1]
            mark_points(
                axes, [(edges[at] + edges[at + 1]) / 2 for at in bins],
                [shares[at] for at in bins], name,
                [f"{name}, error {edges[at]:.3g} to {edges[at + 1]:.3g}: {shares[at]:.3g} %"
                 for at in bins],
            )  # fmt: skip
        axes.set_ylim(bottom=0)
        axes.set_ylabel("weights (%)")
        axes.set_title(look.fold(device["preset"], 0.75), loc="left")
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.22), frameon=False,
            ncols=2 if look.width_in > 4 else 1,
        )  # fmt: skip
    grid[-1].set_xlim(low, high)
    for axes in grid:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("weight error / std(w)", labelpad=1)
    return figure


def _range(content: LayersFile) -> tuple[float, float]:
    """The part of the axis that holds all but the outermost weights of what is drawn."""
    edges = content["edges"]
    low, high = edges[-1], edges[0]
    for device in content["presets"]:
        for n in shown_states(device):
            counts, below, above = pooled(device, n)
            rest = _TAIL * (sum(counts) + below + above)
            run = float(below)
            for place, count in enumerate(counts):
                run += count
                if run > rest:
                    low = min(low, edges[place])
                    break
            run = float(above)
            for place in reversed(range(len(counts))):
                run += counts[place]
                if run > rest:
                    high = max(high, edges[place + 1])
                    break
    if low >= high:
        return edges[0], edges[-1]
    room = max(0.04 * (high - low), edges[1] - edges[0])
    return max(edges[0], low - room), min(edges[-1], high + room)

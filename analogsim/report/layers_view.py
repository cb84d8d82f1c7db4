"""Layer by layer: where it computes, on how many tiles, how full they are, and how wrong it is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from analogsim.experiment.header import CrossbarEntry, Layer
from analogsim.experiment.layers_file import DeviceLayers, LayersFile
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.attribution import Loss
from analogsim.report.chart import Chart
from analogsim.report.labels import format_duration, percent, with_bounds
from analogsim.report.look import COLOURS, GREY, Look, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_DRAWN = 60


@dataclass(frozen=True, kw_only=True)
class LayerLine:
    """One layer. Errors are |w' - w| / |w|, None where there is none or it is not known.

    `utilisation` is the share of its tiles' cells that hold a weight, None for a digital layer.
    `later` is the error at the last time with the last compensation of the run, on chip 0 of the
    first preset; `factor` is drift compensation's then, and `needed` what the layer's cells need.
    `alone` and `gain` are what `analogsim attribute` found.
    """

    layer: Layer
    utilisation: float | None
    later: float | None
    factor: float | None
    needed: float | None
    alone: Loss | None
    gain: Loss | None


def utilisation(shape: Sequence[int], tiles: int, max_inputs: int, max_outputs: int) -> float:
    """The share of the cells of a layer's tiles that hold one of its weights.

    Args:
        shape: of the weight as in torch, (outputs, inputs of a group, *kernel).
        tiles: on how many tiles it lies.
        max_inputs, max_outputs: rows and columns of a tile; 0 is as many as the layer needs, so
            that nothing is left over on that side.
    """
    weights, inputs = prod(shape), prod(shape[1:])
    splits = -(-inputs // max_inputs) if max_inputs else 1
    # Tiles = groups x splits of the inputs, where outputs are not split.
    outputs = shape[0] * splits / tiles
    return weights / (tiles * (max_inputs or inputs) * (max_outputs or outputs))


def layer_lines(
    layers: Sequence[Layer],
    periphery: Mapping[str, Any],
    errors: LayersFile | None,
    losses: Sequence[Loss],
    crossbar: CrossbarEntry | None = None,
) -> list[LayerLine]:
    """A line for each layer of the header, in its order; `crossbar` is the header's."""
    device = errors["presets"][0] if errors is not None and errors["presets"] else None
    later = {} if device is None else {la["name"]: la["states"][-1] for la in device["layers"]}

    def last_of(name: str, what: Literal["error", "factor", "needed"]) -> float | None:
        return later[name][what] if name in later else None

    sizes = [periphery.get(name) for name in ("max_input_size", "max_output_size")]
    known = all(isinstance(size, int) for size in sizes)
    used = {} if crossbar is None else _used(crossbar)
    last = max((loss.t_s for loss in losses if loss.kind == "layer"), default=None)
    found = {
        (loss.name, loss.mode): loss for loss in losses if loss.kind == "layer" and loss.t_s == last
    }
    return [
        LayerLine(
            layer=layer,
            utilisation=used[layer["name"]]
            if layer["name"] in used
            else utilisation(layer["shape"], layer["tiles"], sizes[0] or 0, sizes[1] or 0)
            if known and layer["tiles"] and layer["shape"]
            else None,
            later=last_of(layer["name"], "error"),
            factor=last_of(layer["name"], "factor"),
            needed=last_of(layer["name"], "needed"),
            alone=found.get((layer["name"], "alone")),
            gain=found.get((layer["name"], "without")),
        )
        for layer in layers
    ]


def _used(crossbar: CrossbarEntry) -> dict[str, float]:
    """The share of its arrays' places that hold a weight, by layer."""
    held, there = Counter[str](), Counter[str]()
    for one in crossbar["arrays"]:
        held[one["layer"]] += one["count"] * one["held"]
        there[one["layer"]] += one["count"] * one["rows"] * one["columns"]
    return {layer: held[layer] / there[layer] for layer in there}


def later_label(errors: LayersFile | None) -> str:
    """What `LayerLine.later` is measured at, in words; empty if nothing was."""
    if errors is None or not errors["presets"]:
        return ""
    device: DeviceLayers = errors["presets"][0]
    state = device["states"][-1]
    if state["t_s"] is None:
        return ""
    return f"{format_duration(state['t_s'])}, {state['compensation']}"


def layer_chart(
    lines: Sequence[LayerLine], later: str, quantity: Quantity = ACCURACY
) -> Chart | None:
    """Weight errors and utilisation of the analog layers; None if there is no analog layer.

    `quantity` is what layers cost.
    """
    analog = [line for line in lines if line.layer["where"] == "analog"]
    if not analog:
        return None
    at = f" Squares: after {later} compensation." if later else ""
    known = any(_known(line.alone) for line in analog)
    more = len(analog) - _MOST_DRAWN
    lost = (
        f" Right: {quantity.change_of} lost with this layer alone analog (95 % interval on these "
        "images)."
    )
    cut = f" The first {_MOST_DRAWN} of {len(analog)} layers; the data have all." * (more > 0)
    return Chart(
        name="layers",
        title="Layers",
        caption=f"Left: relative weight error on chip 0. Dots: as programmed.{at} "
        f"{'Middle' if known else 'Right'}: share of the cells of a layer's tiles that hold a "
        f"weight.{lost * known}{cut}",
        words=f"Weight error{', utilisation and loss' if known else ' and utilisation'} of each "
        f"layer. {' '.join(_words(line, quantity) for line in analog)}",
        header=("layer", "kind", "where", "tiles", "utilisation", "programming_error",
                "later_error", "loss_alone", "loss_alone_low", "loss_alone_high", "gain_digital",
                "gain_digital_low", "gain_digital_high", "factor", "factor_needed"),
        rows=tuple(
            (line.layer["name"], line.layer["kind"], line.layer["where"], line.layer["tiles"],
             line.utilisation, line.layer["programming_error"], line.later,
             *_three(line.alone), *_three(line.gain), line.factor, line.needed)
            for line in lines
        ),
        draw=lambda look: _draw(
            analog[:_MOST_DRAWN], look, quantity, with_later=bool(later)
        ),
    )  # fmt: skip


def _three(loss: Loss | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if loss is None else (loss.loss, loss.low, loss.high)


def _known(loss: Loss | None) -> tuple[float, ...]:
    """(loss, low, high) or (loss,); empty where nothing was measured."""
    values = _three(loss)
    return () if values[0] is None else tuple(value for value in values if value is not None)


def _words(line: LayerLine, quantity: Quantity) -> str:
    parts = []
    if line.layer["programming_error"] is not None:
        parts.append(f"error {line.layer['programming_error']:.3g} as programmed")
    if line.later is not None:
        parts.append(f"{line.later:.3g} later")
    if line.factor is not None and line.needed is not None:
        parts.append(f"compensated by {line.factor:.3g}, needed {line.needed:.3g}")
    if line.utilisation is not None:
        parts.append(f"{percent(line.utilisation)} % of the cells used")
    if known := _known(line.alone):
        lost, *interval = known
        text = with_bounds(quantity.change(lost), interval, quantity.change)
        parts.append(f"{f'{text} {quantity.change_unit}'.rstrip()} lost with it alone analog")
    return f"{line.layer['name']}: {', '.join(parts) or 'nothing measured'}."


def _draw(
    lines: Sequence[LayerLine], look: Look, quantity: Quantity, *, with_later: bool
) -> "Figure":
    places = range(len(lines))
    height = 1.1 + 0.024 * look.font_pt * len(lines)
    figure = new_figure(look, height)
    known = any(_known(line.alone) for line in lines)
    widths = (2, 1, 1) if known else (2, 1)
    panels = figure.subplots(1, len(widths), sharey=True, width_ratios=widths)
    left, right = panels[:2]
    programmed = [line.layer["programming_error"] for line in lines]
    ends = [line.later or error for line, error in zip(lines, programmed, strict=True)]
    left.hlines(
        places,
        [100 * (error or 0) for error in programmed],
        [100 * (end or 0) for end in ends],
        color=GREY, linewidth=1,
    )  # fmt: skip
    _dots(left, programmed, COLOURS[0], "o", "as programmed")
    if with_later:
        _dots(left, [line.later for line in lines], COLOURS[1], "s", "later")
    left.set_xlim(left=0)
    left.set_xlabel("weight error (%)")
    left.grid(axis="x", color=GREY, alpha=0.3, linewidth=0.6)
    left.set_yticks(places, [line.layer["name"] for line in lines])
    left.set_ylim(len(lines) - 0.4, -0.6)
    shares = [100 * (line.utilisation or 0) for line in lines]
    right.barh(places, shares, color=COLOURS[2], height=0.6)
    right.set_xlim(0, 100)
    right.set_xlabel("cells used (%)")
    right.tick_params(labelleft=False, left=False)
    if known:
        _losses(panels[2], lines, quantity)
    return figure


def _losses(axes: Any, lines: Sequence[LayerLine], quantity: Quantity) -> None:
    for place, line in enumerate(lines):
        if known := _known(line.alone):
            lost, *interval = (quantity.scale * value for value in known)
            axes.plot(interval, [place] * len(interval), color=COLOURS[3], linewidth=1.5)
            axes.plot(lost, place, "D", color=COLOURS[3], markersize=4)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_xlabel(f"{quantity.change_unit or quantity.name} lost alone")
    axes.tick_params(labelleft=False, left=False)


def _dots(axes: Any, values: Sequence[float | None], colour: str, marker: str, label: str) -> None:
    known = [(100 * value, place) for place, value in enumerate(values) if value is not None]
    if known:
        xs, ys = zip(*known, strict=True)
        axes.plot(xs, ys, linestyle="", marker=marker, color=colour, markersize=5, label=label)

"""The crossbar that a network lies on, in numbers and words: arrays, cells, wires, converters."""

from collections.abc import Iterator
from dataclasses import dataclass

from analogsim.crossbar.forward.conversions import drives
from analogsim.crossbar.forward.reads import reads_entry
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.product_law import WIRE_RATIO, product_law
from device_models.constants import cited
from device_models.effects.registry import spec_of_effect
from device_models.effects.wires import Wires
from device_models.errors import DeviceError

_ENCODINGS = {
    "pair": "differential pairs, the idle cell at zero",
    "pair-two-sided": "differential pairs, whose conductances have a fixed sum",
    "offset": "one cell each, its middle is weight 0",
    "offset-column": "one cell each, its middle is weight 0, and a column of such cells",
}
_KINDS = {
    "uniform": "uniform",
    "exact": "exact",
    "ramp": "ramp",
    "sar": "SAR",
    "sar-split": "SAR with split capacitors",
    "pipeline": "pipeline",
    "cyclic": "cyclic",
    "table": "codes from a table",
}


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """Arrays of one layer that are filled alike; rows are inputs, columns outputs.

    Attributes:
        layer: its name.
        rows, columns: of an array; where the periphery bounds none, as many as are filled.
        filled_rows, filled_columns: that hold weights.
        count: how many there are, one for each slice or polarity that lies on its own.
        held: places of one that hold a weight; fewer than are filled where groups share it.
    """

    layer: str
    rows: int
    columns: int
    filled_rows: int
    filled_columns: int
    count: int
    held: int


def arrays_of(analog: AnalogModel) -> tuple[Arrays, ...]:
    """The arrays of every layer on tiles, in the order of the network."""
    edge = analog.periphery
    on_tiles = {line.name for line in analog.report if line.where == "analog"}
    found: dict[tuple[str, int, int, int], int] = {}
    for name, layer in analog.layers.items():
        if name in on_tiles:
            for place in layer.places:
                outputs, inputs = place[0].shape
                key = name, inputs, outputs, inputs * outputs // layer.geometry.block
                found[key] = found.get(key, 0) + len(edge.parts)
    return tuple(
        Arrays(
            layer=name,
            rows=edge.max_input_size or rows,
            columns=edge.max_output_size or columns,
            filled_rows=rows,
            filled_columns=columns,
            count=count,
            held=held,
        )
        for (name, rows, columns, held), count in found.items()
    )


def plan_lines(analog: AnalogModel) -> Iterator[str]:
    """Where each layer computes: on which arrays, or why digital; a line each."""
    arrays: dict[str, list[str]] = {}
    for one in arrays_of(analog):
        size, filled = (one.rows, one.columns), (one.filled_rows, one.filled_columns)
        of = f"{one.count} of {size[0]} x {size[1]}"
        more = "" if size == filled else f" ({filled[0]} x {filled[1]} filled)"
        arrays.setdefault(one.layer, []).append(of + more)
    for line in analog.report:
        where = f"{line.where}: {line.why}" if line.why else line.where
        if line.name in arrays:
            where = f"arrays of rows x columns: {', '.join(arrays[line.name])}"
        shape = " x ".join(map(str, line.shape))
        yield f"layer {line.name} ({line.kind}{f', {shape}' if shape else ''}): {where}"


def overview(analog: AnalogModel) -> tuple[tuple[str, str], ...]:
    """What the crossbar is and what of it is modelled: (part, sentence), part by part."""
    return tuple(_lines(analog))


def _lines(analog: AnalogModel) -> Iterator[tuple[str, str]]:
    edge, device = analog.periphery, analog.device
    arrays = arrays_of(analog)
    if not arrays:
        yield "Arrays", "none: every layer is digital"
        return
    yield "Arrays", _arrays(arrays, edge)
    yield "Cells", _cells(analog, arrays)
    yield "Device", f"{device.info.title}: {device.info.law} ({cited(device)})"
    for effect in analog.effects:
        info = effect.info
        yield (
            "Wires" if isinstance(effect, Wires) else "Effect",
            f"{info.title} ({_spec(effect)}): {info.law} ({info.citation})",
        )
    if not any(isinstance(one, Wires) for one in analog.effects):
        yield "Wires", _wires(analog)
    yield "Inputs", _inputs(edge)
    yield "Outputs", _outputs(edge)
    yield "Products", _products(analog)
    reads = reads_entry(analog)
    if reads is not None and not edge.perfect:
        yield "Conversions", reads["text"]
    missing = [*edge.not_modelled(analog.tile), f"device: {device.info.not_modelled}"]
    missing += [f"{one.info.name}: {one.info.not_modelled}" for one in analog.effects]
    for text in missing:
        yield "Not modelled", text


def _arrays(arrays: tuple[Arrays, ...], edge: Periphery) -> str:
    count = sum(one.count for one in arrays)
    held = sum(one.count * one.held for one in arrays)
    there = sum(one.count * one.rows * one.columns for one in arrays)
    rows, columns = (
        f"{size} {what}" if size else f"as many {what} as a layer needs"
        for size, what in ((edge.max_input_size, "rows"), (edge.max_output_size, "columns"))
    )
    largest = max(arrays, key=lambda one: one.filled_rows * one.filled_columns)
    return (
        f"{count:,} of {rows} and {columns}; {100 * held / there:.1f} % of their places hold a "
        f"weight; the fullest holds {largest.filled_rows} x {largest.filled_columns}"
    )


def _cells(analog: AnalogModel, arrays: tuple[Arrays, ...]) -> str:
    edge, device = analog.periphery, analog.device
    parts = edge.parts
    weights = sum(one.count * one.held for one in arrays) // len(parts)
    unit = sum(part.role == "unit" for part in parts)
    a_part = device.cells_a_weight if edge.pairs else 1
    cells = weights * (len(parts) - unit) * a_part
    if unit:
        cells += sum(one.filled_rows * one.count for one in arrays) // len(parts) * unit
    how = _ENCODINGS[edge.weight_encoding]
    if edge.pairs and device.cells_a_weight == 1:
        how = "one cell each, as the device has it"
    slices = len({part.slice for part in parts})
    if edge.bits_per_cell:
        how += f"; {edge.weight_bits} bits in slices of {edge.bits_per_cell}, {slices} each"
    return f"{weights:,} weights in {cells:,} cells: {how}"


def _spec(effect: object) -> str:
    try:
        return spec_of_effect(effect)  # type: ignore[arg-type]  # what is none is refused
    except DeviceError:
        return repr(effect)


def _wires(analog: AnalogModel) -> str:
    law = product_law(analog.periphery, analog.tile, analog.device)
    if law.ir_drop:
        return (
            f"IR drop along columns as a polynomial of their load, {law.ir_drop:g} times that of "
            f"wires of 1/{WIRE_RATIO:,.0f} of a full cell's resistance (aihwkit's law)"
        )
    if analog.tile == "cpp" and not analog.periphery.perfect and analog.periphery.ir_drop:
        return "IR drop along columns as aihwkit's C++ tile has it"
    return "none: no resistance (--wires 1ohm gives them one)"


def _inputs(edge: Periphery) -> str:
    if edge.perfect:
        return "as they are (ideal periphery)"
    dac = f"DAC of {edge.dac_bits} bits" if edge.dac_bits else "no DAC"
    how = "ranges calibrated for each tile" if edge.input_scaling == "static" else "own ranges each"
    sliced = f", {edge.bits_per_input} bits at once ({drives(edge)} reads)"
    return f"{dac}, {how}{sliced if edge.bits_per_input else ''}"


def _outputs(edge: Periphery) -> str:
    if edge.perfect:
        return "as they are (ideal periphery)"
    adc = f"{_KINDS[edge.adc_kind]} ADC of {edge.adc_bits} bits" if edge.adc_bits else "no ADC"
    bound = f"bound {edge.output_bound:g}"
    if edge.output_range != "fixed":
        share = f"{100 * edge.output_share:g} % of outputs fit"
        bound = f"range calibrated for each {edge.output_range} ({share})"
    return f"{adc}, {bound}, noise {edge.output_noise:g}"


def _products(analog: AnalogModel) -> str:
    law = product_law(analog.periphery, analog.tile, analog.device)
    if law.read is not None:
        return f"read noise of each, {law.read.sigma:g} of a full cell ({law.read.source})"
    if analog.tile == "cpp" and not analog.periphery.perfect:
        return f"read noise of each as PCM has it, {analog.periphery.read_noise:g}"
    return "no read noise of single products"

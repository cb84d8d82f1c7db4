"""DNN+NeuroSim V1.4: `NetWork.csv`, a line a layer, and the settings that its `Param.cpp` has.

Columns, as its user manual (August 2023) has them: height, width and depth of the input map,
height and width of the kernel, its number, whether pooling follows, and the stride. V1.4 counts
(height - kernel + 1) / stride vectors along a side, so that maps are written with their padding.
"""

from math import prod

from analogsim.errors import InputError, shown
from analogsim.experiment.workload import LayerWork
from analogsim.export.source import Loops, Source, loops_of

NOT_HELD = (
    "NetWork.csv holds no comment, so this file speaks for it.",
    "Traces of weights and inputs, which NeuroSim also reads: its own wrapper writes them. "
    "mean_input and mean_conductance of layers.csv are what they should come to.",
    "How a weight's sign is kept: NeuroSim has one column of cells and a reference column, where "
    "chips here have pairs of cells, offsets or slices (`analogsim convert` says which).",
    "Technology, voltages, pulse widths, the off resistance, how many columns share an ADC, "
    "buffers and buses: set them in Param.cpp.",
    "Which layer reads which: lines stand one after the other. Pooling is taken from shapes: a 1 "
    "stands where the next line reads fewer values than this one gives.",
    "Arrays of its own: NeuroSim lays layers out by its own rules, so that its number of arrays is "
    "not that of layers.csv.",
)


def files_of(source: Source) -> dict[str, str]:
    """Name -> content.

    Raises:
        InputError: a layer has groups or two strides, for which there is no column.
    """
    layers = source.work["layers"]
    shapes = [_checked(layer) for layer in layers]
    lines = []
    for i, (layer, loops) in enumerate(zip(layers, shapes, strict=True)):
        after = shapes[i + 1] if i + 1 < len(shapes) else None
        pooled = after is not None and _reads_less(loops, layers[i + 1], after)
        lines.append(",".join(map(str, _line(layer, loops, pooled=pooled))))
    return {"NetWork.csv": "\n".join(lines) + "\n", "parameters.txt": _parameters(source)}


def _checked(layer: LayerWork) -> Loops:
    loops = loops_of(layer)
    if loops.groups > 1 or loops.stride[0] != loops.stride[1]:
        wrong = (
            f"{loops.groups} groups"
            if loops.groups > 1
            else f"strides of {loops.stride[0]} and {loops.stride[1]}"
        )
        raise InputError(
            f"layer {shown(layer['layer'])} must have one group and one stride, got {wrong}; "
            "NetWork.csv has no column for them: export to zigzag or accelforge"
        )
    return loops


def _line(layer: LayerWork, loops: Loops, *, pooled: bool) -> tuple[int, ...]:
    # Calls stand one below the other; a vector is a pixel.
    rows, columns = loops.calls * loops.size[0], loops.size[1]
    stride = loops.stride[0]
    return (
        rows * stride + loops.kernel[0] - 1,
        columns * stride + loops.kernel[1] - 1,
        loops.inputs,
        *loops.kernel,
        loops.outputs,
        int(pooled),
        stride,
    )


def _reads_less(loops: Loops, after: LayerWork, then: Loops) -> bool:
    given = loops.outputs * prod(loops.size)
    if then.kernel == (1, 1) and not after["input_size"]:
        return then.inputs < given
    read = prod(after["input_size"])
    return read < prod(loops.size)


def _parameters(source: Source) -> str:
    edge, work = source.periphery, source.work
    sliced = edge.get("bits_per_cell")
    weight = edge["weight_bits"] if sliced else source.dac_bits
    rows: list[tuple[str, object, str]] = [
        ("synapseBit", weight, "bits of a weight (argument 2)"),
        ("numBitInput", source.dac_bits, "bits of an input (argument 3)"),
        ("numRowSubArray", source.rows, "rows of an array (argument 4)"),
        ("numRowParallel", source.rows, "rows at once: all (argument 5)"),
        ("numColSubArray", source.columns, "columns of an array"),
        ("cellBit", sliced or weight, "bits of a cell"),
        ("levelOutput", 1 << source.adc_bits, "levels of an ADC"),
        ("operationmode", 2, "all rows at once, multi-bit cells"),
        ("memcelltype", 2, "cells are resistances"),
    ]
    if work["g_max_us"] is not None:
        rows.append(
            ("resistanceOn", f"{1e6 / work['g_max_us']:.6g}", "ohm, 1 / largest conductance")
        )
    head = ["# What DNN+NeuroSim V1.4 is to be told, in Param.cpp and as arguments of its main."]
    if not sliced:
        head.append(
            "# Weights here are analog: a cell holds a whole one, so synapseBit = cellBit, and the "
            "number itself is not of the network."
        )
    return "\n".join([*head, *(f"{name} = {value}  # {what}" for name, value, what in rows)]) + "\n"

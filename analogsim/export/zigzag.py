"""ZigZag 3: a workload, an analog in-memory core and a mapping, YAML as its documentation has it.

A layer's rows and columns on an array are the mapping's D2 and D1; its core counts an ADC reading
for each mapped column and a DAC step for each mapped row of an activation.
"""

from math import prod

from analogsim.errors import InputError
from analogsim.export.source import Loops, Source, loops_of, safe

INPUTS = 2
"""Of the workload. ZigZag 3.9.1 cannot print a layer without a loop in time, such as a linear layer
on one array for one input."""

NOT_HELD = (
    f"One input: the workload is of {INPUTS}, for ZigZag fails on a layer that is one product; "
    "divide its energies by that. layers.csv counts one.",
    "Energy of anything but the array and its converters: the memory outside is free and holds "
    "everything; give accelerator.yaml yours.",
    "Devices: ZigZag's analog core is SRAM at 28 nm, 0.9 V, whose cells, ADC and DAC are its own "
    "model; mean_input and mean_conductance of layers.csv have no place in it.",
    "Many arrays: there is one, whose weights are exchanged for nothing, so that energies are "
    "those of as many arrays as are needed, and latencies those of one.",
    "Bits of a weight: W is how many columns are read for an output (1 where an ADC reads the "
    "whole weight), since the core puts a bit on each column.",
    "Which layer reads which: each stands alone, so run it with in_memory_compute=False.",
    "What the digital side does: activations, normalisation, additions, pooling.",
)


def files_of(source: Source) -> dict[str, str]:
    """Name -> content.

    Raises:
        InputError: bits or readings are no power of two, which the core must have.
    """
    for what, bits in (
        ("DAC bits", source.dac_bits),
        ("bits of an input at once", source.bits_at_once),
        ("readings of an output", source.work["readings"]),
    ):
        if bits & (bits - 1):
            raise InputError(
                f"zigzag {what} must be a power of two, got {bits}; its core has no other: sweep "
                "or choose another periphery, or export to accelforge"
            )
    layers = [loops_of(layer) for layer in source.work["layers"]]
    return {
        "workload.yaml": "\n".join(
            _layer(source, i, loops) for i, loops in enumerate(layers)
        ),
        "accelerator.yaml": _accelerator(source),
        "mapping.yaml": _DEFAULT + "".join(
            _mapping(source, i, loops) for i, loops in enumerate(layers)
        ),
    }  # fmt: skip


def name_of(source: Source, index: int) -> str:
    """Of a layer in all files."""
    return safe(source.work["layers"][index]["layer"])


def _layer(source: Source, index: int, loops: Loops) -> str:
    (oy, ox), (fy, fx) = loops.size, loops.kernel
    sizes = [INPUTS * loops.calls, loops.groups, loops.outputs, loops.inputs, oy, ox, fy, fx]
    relations = [
        f"i{axis}={loops.stride[i]}*o{axis}+{loops.dilation[i]}*f{axis}"
        for i, axis in enumerate("yx")
    ]
    final = max(source.adc_bits, 1)
    return f"""- id: {index}
  name: "{name_of(source, index)}"
  operator_type: Conv
  equation: O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]
  dimension_relations: [{", ".join(relations)}]
  loop_dims: [B, G, K, C, OY, OX, FY, FX]
  loop_sizes: {sizes}
  operand_precision: {{I: {source.dac_bits}, W: {source.work["readings"]}, O: {final}, \
O_final: {final}}}
  operand_source: {{I: {index}, W: {index}}}
"""


def _mapping(source: Source, index: int, loops: Loops) -> str:
    arrays = source.arrays_of(source.work["layers"][index])
    rows = max(one["filled_rows"] for one in arrays)
    columns = max(one["filled_columns"] for one in arrays)
    kernel = prod(loops.kernel)
    # Arrays share rows evenly, a channel on two of them where it must be; loops have whole ones.
    channels = min(loops.inputs, max(1, rows // kernel))
    down = [f'"C, {channels}"']
    if kernel <= rows:
        down += [f'"FX, {loops.kernel[1]}"', f'"FY, {loops.kernel[0]}"']
    return f"""- name: "{name_of(source, index)}"
  memory_operand_links: {{O: O, W: I2, I: I1}}
  spatial_mapping:
    D1: ["K, {min(columns, loops.outputs)}"]
    D2: [{", ".join(down)}]
"""


_DEFAULT = """- name: default
  memory_operand_links: {O: O, W: I2, I: I1}
  spatial_mapping_hint:
    D1: [K]
    D2: [C, FX, FY]
"""


def _accelerator(source: Source) -> str:
    readings = source.work["readings"]
    width = source.rows * source.columns * 64
    return f"""name: analogsim
memories:
  cells:
    size: {readings}
    r_cost: 0
    w_cost: 0
    area: 0
    latency: 0
    operands: [I2]
    ports:
      - name: rw_port_1
        type: read_write
        bandwidth_min: {readings}
        bandwidth_max: {readings}
        allocation: ["I2, fh", "I2, tl"]
    served_dimensions: []
  outside:
    size: 1000000000000
    r_cost: 0
    w_cost: 0
    area: 0
    latency: 1
    operands: [I1, I2, O]
    ports:
      - name: r_port_1
        type: read
        bandwidth_min: 1
        bandwidth_max: {width}
        allocation: ["I1, tl", "I2, tl", "O, tl", "O, th"]
      - name: w_port_1
        type: write
        bandwidth_min: 1
        bandwidth_max: {width}
        allocation: ["I1, fh", "I2, fh", "O, fh", "O, fl"]
    served_dimensions: [D1, D2]
operational_array:
  is_imc: true
  imc_type: analog
  input_precision: [{source.dac_bits}, {readings}]
  bit_serial_precision: {source.bits_at_once}
  adc_resolution: {source.adc_bits}
  dimensions: [D1, D2]
  sizes: [{source.columns}, {source.rows}]
"""

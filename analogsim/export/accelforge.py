"""AccelForge 1: Einsums of the layers, and an array with its converters, in its extended YAML.

Energies that analogsim does not know are variables, to be set by the user. What it has measured,
mean inputs times mean conductances, is one of them.
"""

from analogsim.export.source import Loops, Source, loops_of, safe

NOT_HELD = (
    "Energy of a cell's read: read_voltage and read_time of arch.yaml are 0 until you set them "
    "(V, s). dac_energy (J), tech_node and adc_throughput, for the reader's own model of an ADC, "
    "stand there as examples: set them to yours. A dac_energy of 0 would let its mapper drive rows "
    "anew for each column.",
    "Memories: what lies outside the array is free and holds everything.",
    "Layers one by one: drive_conductance is the mean over all multiply-adds of the input's size "
    "times the conductance of a weight's cells (S), so the sum over layers is right and a single "
    "layer's cells are not; layers.csv has each. That inputs and conductances go together within a "
    "layer is left out, and rows are taken for driven at one voltage for as long as the input is "
    "large.",
    "How a layer lies on arrays: the mapper chooses, and may use other splits than layers.csv.",
    "Which layer reads which: each has tensors of its own.",
    "What the digital side does: activations, normalisation, additions, pooling.",
)


def files_of(source: Source) -> dict[str, str]:
    """Name -> content."""
    layers = [loops_of(layer) for layer in source.work["layers"]]
    einsums = "".join(_einsum(source, i, loops) for i, loops in enumerate(layers))
    workload = f"workload:\n  bits_per_value: {{All: {source.dac_bits}}}\n  einsums:\n{einsums}"
    return {"workload.yaml": workload, "arch.yaml": _arch(source)}


def _einsum(source: Source, i: int, loops: Loops) -> str:
    (p, q), (r, s) = loops.size, loops.kernel
    height, width = (
        f"{_times(pixel, loops.stride[side])} + {_times(tap, loops.dilation[side])}"
        for side, (pixel, tap) in enumerate(((f"p{i}", f"r{i}"), (f"q{i}", f"s{i}")))
    )
    bounds = {
        "n": loops.calls, "g": loops.groups, "p": p, "q": q,
        "c": loops.inputs, "m": loops.outputs, "r": r, "s": s,
    }  # fmt: skip
    shape = "".join(f"    - 0 <= {name}{i} < {size}\n" for name, size in bounds.items())
    return f"""  # {safe(source.work["layers"][i]["layer"])}
  - einsum: "T{i}[n{i}, g{i}, p{i}, q{i}, m{i}] = I{i}[n{i}, g{i}, c{i}, H: {height}, \
W: {width}] * W{i}[g{i}, c{i}, r{i}, s{i}, m{i}]"
    iteration_space_shape:
{shape}    renames: {{output: T{i}, input: I{i}, weight: W{i}}}
"""


def _times(name: str, factor: int) -> str:
    return name if factor == 1 else f"{name} * {factor}"


def drive_conductance(source: Source) -> float:
    """Mean over all multiply-adds of input size times conductance of a weight's cells, in S."""
    work, total, macs = source.work, 0.0, 0
    for layer in work["layers"]:
        count = loops_of(layer).macs
        total += count * layer["mean_input"] * layer["mean_conductance"]
        macs += count
    full = (work["g_max_us"] or 0.0) * 1e-6 * work["cells_a_weight"]
    return full * total / macs


def _arch(source: Source) -> str:
    work = source.work
    readings = work["readings"] * work["input_slices"]
    return f"""variables:
  read_voltage: 0
  read_time: 0
  dac_energy: 1e-12
  tech_node: 65e-9
  adc_throughput: 1e8
  drive_conductance: {drive_conductance(source):.6g}
arch:
  nodes:
  - !Memory
    name: Outside
    component_class: Dummy
    size: inf
    tensors: {{keep: All}}
  - !Toll
    name: ADC
    direction: up
    tensors: {{keep: output}}
    values_per_action: {{All: 1}}
    actions_scale: {readings}
    component_class: ADC
    extra_attributes_for_component_model:
      n_bits: {source.adc_bits}
      n_adcs: 1
      tech_node: tech_node
      throughput: adc_throughput
  - !Toll
    name: DAC
    direction: down
    tensors: {{keep: input}}
    values_per_action: {{All: 1}}
    actions_scale: {work["drives"]}
    area: 0
    leak_power: 0
    actions:
    - {{name: read, energy: dac_energy, latency: 0}}
  - !Container
    name: Columns
    spatial:
    - {{name: columns, fanout: {source.columns}, may_reuse: input}}
  - !Container
    name: Rows
    spatial:
    - {{name: rows, fanout: {source.rows}, may_reuse: output, reuse: output}}
  - !Memory
    name: Cells
    tensors: {{keep: weight, no_refetch_from_above: weight, force_memory_hierarchy_order: False}}
    size: {source.dac_bits}
    values_per_action: {{All: 1}}
    area: 0
    leak_power: 0
    actions:
    - {{name: read, energy: read_voltage ** 2 * read_time * drive_conductance, latency: 0}}
    - {{name: write, energy: 0, latency: 0}}
  - !Compute
    name: Sum
    component_class: Dummy
"""

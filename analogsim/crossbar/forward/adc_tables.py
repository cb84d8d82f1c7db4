"""The converters of one chip: mismatches are drawn once, when it is made, and stay."""

from collections.abc import Callable

import numpy as np
import torch

from analogsim.crossbar.adc.laws import charge_levels, gain_of, pipeline, ramp, sar, split_levels
from analogsim.crossbar.adc.table import CodeTable, Floats64, codes, nominal
from analogsim.crossbar.mapping.periphery import Periphery


def tables_of(
    edge: Periphery, columns: int, generator: Callable[[], torch.Generator]
) -> tuple[CodeTable, list[int]]:
    """The tables of the ADCs of one array's columns, and which of their rows each column has.

    Args:
        edge: with a kind that has a table.
        columns: of the array.
        generator: at the address of these converters' draws; not called where nothing is drawn.
    """
    group = edge.adc_group
    adcs = -(-columns // group)
    shared = [column // group for column in range(columns)]
    bits = edge.adc_bits
    if edge.adc_kind == "table":
        inl = np.array(edge.adc_inl, dtype=np.float64)
        values = np.broadcast_to(codes(bits), (len(inl), 2**bits))
        table = CodeTable.of(nominal(bits) + inl, values, bits)
        return table, [adc % len(inl) for adc in shared]
    drawn = edge.draws_converters
    source = generator() if drawn else None

    def normals(sigma: float, *shape: int) -> Floats64:
        if source is None:
            return np.zeros(shape)
        found: Floats64 = torch.empty(shape, dtype=torch.float64).normal_(generator=source).numpy()
        return sigma * found

    gain = gain_of(edge.adc_gain_db)
    capacitor, comparator = edge.adc_sigma_capacitor, edge.adc_sigma_comparator
    if edge.adc_kind == "ramp":
        levels = charge_levels(bits, gain, normals(capacitor, 1, bits + 1))
        comparators = columns if comparator > 0 else 1
        table = ramp(bits, levels, normals(comparator, comparators))
        return table, list(range(columns)) if comparators > 1 else [0] * columns
    if not drawn:
        adcs, shared = 1, [0] * columns
    if edge.adc_kind in {"sar", "sar-split"}:
        law = charge_levels if edge.adc_kind == "sar" else split_levels
        levels = law(bits, gain, normals(capacitor, adcs, bits + 1))
        return sar(bits, levels, normals(comparator, adcs)), shared
    stages = bits - 1 if edge.adc_kind == "pipeline" else 1
    offsets = normals(comparator, adcs, 2 * stages + 1)
    first, second = (1 + normals(capacitor, adcs, stages) for _ in range(2))
    if stages == 1:
        first, second = first.repeat(bits - 1, axis=1), second.repeat(bits - 1, axis=1)
        pairs = np.tile(offsets[:, :2], (1, bits - 1))
        offsets = np.concatenate([pairs, offsets[:, 2:]], axis=1)
    return pipeline(bits, gain, second / first, first / (first + second), offsets), shared

"""How often a network's converters work for one input: what energy models count with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analogsim.crossbar.forward.conversions import conversions_of, drives, input_slices
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.layer import CrossbarLayer


@dataclass(frozen=True, kw_only=True)
class Reads:
    """Of one input of the network.

    Attributes:
        adc: readings of ADCs; 0 without one.
        dac: values that rows are driven with; arrays with the same inputs share them.
    """

    adc: int
    dac: int

    def __add__(self, other: "Reads") -> "Reads":
        return Reads(adc=self.adc + other.adc, dac=self.dac + other.dac)

    def __str__(self) -> str:
        return f"{self.adc:,} ADC readings and {self.dac:,} row drives an input"


def reads_of(analog: AnalogModel) -> Mapping[str, Reads]:
    """By layer, those that were called; nothing until a forward pass was looked at."""
    coverage = analog.coverage
    if coverage is None:
        return {}
    return {
        name: _reads(layer, coverage.analog[name], coverage.rows)
        for name, layer in analog.layers.items()
        if name in coverage.analog
    }


def reads_entry(analog: AnalogModel) -> dict[str, Any] | None:
    """Plain JSON values: the sum and each layer's; None until a forward pass was looked at."""
    found = reads_of(analog)
    if not found:
        return None
    total = sum(found.values(), Reads(adc=0, dac=0))
    return {
        "adc": total.adc,
        "dac": total.dac,
        "text": str(total),
        "layers": {name: {"adc": one.adc, "dac": one.dac} for name, one in found.items()},
    }


def reads_of_product(layer: CrossbarLayer) -> Reads:
    """Of one input vector of a layer on tiles."""
    edge = layer.periphery
    adc = dac = 0
    seen: set[tuple[int, int]] = set()
    for place in layer.places:
        slot = place[0].slot
        if edge.adc_bits and not edge.perfect:
            outputs = place[0].shape[0]
            each = sum(1 if one.unit else outputs for one in conversions_of(edge))
            adc += each * max(1, input_slices(edge))
        if edge.dac_bits and not edge.perfect and (slot.group, slot.inputs.start) not in seen:
            seen.add((slot.group, slot.inputs.start))
            dac += (slot.inputs.stop - slot.inputs.start) * drives(edge)
    return Reads(adc=adc, dac=dac)


def _reads(layer: CrossbarLayer, macs: int, rows: int) -> Reads:
    geometry, one = layer.geometry, reads_of_product(layer)
    products = macs // (rows * geometry.products * geometry.groups * geometry.out_features)
    return Reads(adc=products * one.adc, dac=products * one.dac)

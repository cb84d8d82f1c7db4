"""Settings that CrossSim and we share, and their numbers."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTPUTS, INPUTS, VECTORS = 10, 24, 6
SEED = 20240607


@dataclass(frozen=True, kw_only=True)
class Case:
    """One periphery; its fields as `Periphery` has them, for a tile with one weight scale."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict)


def weights() -> NDArray[np.float64]:
    """(out, in), the largest of size 1, so that no scale is left to differ."""
    drawn = np.random.RandomState(SEED).normal(size=(OUTPUTS, INPUTS))
    return drawn / np.abs(drawn).max()


def vectors() -> NDArray[np.float64]:
    """(n, in), of both signs, the largest of size 1."""
    drawn = np.random.RandomState(SEED + 1).uniform(-1, 1, size=(VECTORS, INPUTS))
    return drawn / np.abs(drawn).max()


def _cases() -> tuple[Case, ...]:
    found = []
    encodings = ("pair", "pair-two-sided", "offset", "offset-column")
    for encoding in encodings:
        for inputs in ({"dac_bits": 0}, {"dac_bits": 8}, {"dac_bits": 7, "bits_per_input": 2}):
            name = f"{encoding}, no ADC, {inputs}"
            found.append(Case(name=name, fields={"weight_encoding": encoding, **inputs}))
    slices = ({"weight_bits": 9, "bits_per_cell": 4}, {"weight_bits": 7, "bits_per_cell": 2})
    for one in slices:
        found.append(Case(name=f"pair, no ADC, {one}", fields={"dac_bits": 8, **one}))
    for encoding in ("offset", "offset-column"):
        for bits in (2, 4):
            one = {"weight_encoding": encoding, "weight_bits": 8, "bits_per_cell": bits}
            found.append(Case(name=f"no ADC, {one}", fields={"dac_bits": 8, **one}))
    # No multiple of a slice's unit lies between two codes: rounding would decide.
    adc = {"adc_bits": 8, "output_bound": 6.1}
    for encoding in encodings:
        for inputs in (
            {"dac_bits": 8},
            {"dac_bits": 8, "bits_per_input": 1},
            {"dac_bits": 7, "bits_per_input": 3, "adc_reads": "weight-slice"},
        ):
            one = {"weight_encoding": encoding, **inputs}
            found.append(Case(name=f"8-bit ADC, {one}", fields={**adc, **one}))
    for one in (
        {"subtraction": "digital"},
        {"subtraction": "digital", "weight_encoding": "pair-two-sided", "bits_per_input": 1},
        {"weight_bits": 9, "bits_per_cell": 4},
        {"weight_bits": 9, "bits_per_cell": 4, "subtraction": "digital", "bits_per_input": 1},
        {"weight_bits": 7, "bits_per_cell": 2, "bits_per_input": 1},
        {"weight_bits": 8, "bits_per_cell": 2, "weight_encoding": "offset", "bits_per_input": 1},
        {"weight_bits": 8, "bits_per_cell": 4, "weight_encoding": "offset-column"},
        {
            "weight_bits": 8,
            "bits_per_cell": 4,
            "weight_encoding": "offset-column",
            "bits_per_input": 1,
        },
    ):
        found.append(Case(name=f"8-bit ADC, {one}", fields={**adc, "dac_bits": 8, **one}))
    for kind in ("ramp", "sar", "sar-split", "pipeline", "cyclic"):
        for bits in (5, 8):
            one = {"adc_kind": kind, "adc_bits": bits, "output_bound": 6.1, "adc_gain_db": 40.0}
            found.append(Case(name=f"{kind}, {bits} bits, 40 dB", fields={"dac_bits": 8, **one}))
    return tuple(found)


CASES = _cases()

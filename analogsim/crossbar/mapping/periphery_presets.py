"""Peripheries of published accelerators, each number with its source.

They are settings of our model, not the chips: what of the original is not modelled stands beside
them. The devices' law is chosen apart (`--preset`).
"""

from dataclasses import dataclass
from typing import Any

_NO_ANALOG = {"output_noise": 0.0, "read_noise": 0.0, "ir_drop": 0.0}
_CROSSSIM = "CrossSim 3.2 simulator/configs"
_MATRIX = "one scale for all weights of an array, as CrossSim's matrix"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A periphery in words.

    Attributes:
        fields: those of `Periphery` other than the standard ones: the value, and where it is from.
        citation: the original.
        not_modelled: what the original has beside.
    """

    fields: dict[str, tuple[Any, str]]
    citation: str
    not_modelled: str

    @property
    def values(self) -> dict[str, Any]:
        """The fields, and those that switch off what the original does not say."""
        return {name: value for name, (value, _) in self.fields.items()} | _NO_ANALOG

    @property
    def sources(self) -> dict[str, str]:
        """Where each field's value is from."""
        return {name: source for name, (_, source) in self.fields.items()}


PRESETS: dict[str, Preset] = {
    "isaac": Preset(
        fields={
            "dac_bits": (16, f"16-bit inputs ({_CROSSSIM}/ISAAC.json)"),
            "bits_per_input": (1, "one bit at a time (ISAAC.json)"),
            "weight_encoding": ("offset-column", "unit column (ISAAC.json)"),
            "weight_bits": (16, "16-bit weights (ISAAC.json)"),
            "bits_per_cell": (2, "2 bits a cell (ISAAC.json)"),
            "max_input_size": (128, "128 x 128 arrays (ISAAC.json)"),
            "max_output_size": (128, "128 x 128 arrays (ISAAC.json)"),
            "adc_bits": (9, "9 bits, as 8 need weights that are stored flipped (ISAAC.json)"),
            "output_bound": (85.0, "255 steps of 1/3, the smallest difference between two outputs"),
            "weight_scaling": ("tile", _MATRIX),
        },
        citation="A. Shafiee et al., ISAAC, ISCA 2016, 14-26, DOI 10.1109/ISCA.2016.12",
        not_modelled="weights stored flipped, which save one bit of the ADC; cells that conduct "
        "at zero (2 MOhm); slices of several weights beside each other in one array",
    ),
    "prime": Preset(
        fields={
            "dac_bits": (6, f"6-bit inputs ({_CROSSSIM}/PRIME.json)"),
            "bits_per_input": (3, "3-bit drivers (PRIME.json)"),
            "weight_bits": (
                9,
                "two slices of 4 bits and a sign, which is whose cell of a pair it is",
            ),
            "bits_per_cell": (4, "4 bits a cell (PRIME.json)"),
            "subtraction": (
                "digital",
                "positive and negative arrays are converted apart (PRIME.json)",
            ),
            "max_input_size": (256, "256 x 256 arrays (PRIME.json)"),
            "max_output_size": (256, "256 x 256 arrays (PRIME.json)"),
            "adc_kind": ("ramp", "ramp (PRIME.json)"),
            "adc_bits": (6, "6 bits (PRIME.json)"),
            "output_range": ("layer", "calibrated to the network (PRIME.json)"),
            "weight_scaling": ("tile", _MATRIX),
        },
        citation="P. Chi et al., PRIME, ISCA 2016, 27-39, DOI 10.1109/ISCA.2016.13",
        not_modelled="sense amplifiers of fewer bits in the first steps, cells that conduct at "
        "zero (20 kOhm), and ranges of slices that differ by powers of 2",
    ),
    "sonos": Preset(
        fields={
            "dac_bits": (8, f"8-bit inputs ({_CROSSSIM}/SONOS-TCAS.json)"),
            "bits_per_input": (1, "one bit at a time (SONOS-TCAS.json)"),
            "weight_bits": (8, "8-bit weights (SONOS-TCAS.json)"),
            "bits_per_cell": (7, "7 bits a cell: a pair's sign is the eighth (SONOS-TCAS.json)"),
            "adc_reads": ("weight-slice", "input bits are summed in analog (SONOS-TCAS.json)"),
            "max_input_size": (1152, "1152 x 256 arrays (SONOS-TCAS.json)"),
            "max_output_size": (256, "1152 x 256 arrays (SONOS-TCAS.json)"),
            "adc_kind": ("ramp", "ramp (SONOS-TCAS.json)"),
            "adc_bits": (8, "8 bits (SONOS-TCAS.json)"),
            "output_range": ("layer", "calibrated to the network (SONOS-TCAS.json)"),
            "weight_scaling": ("tile", _MATRIX),
        },
        citation="T. P. Xiao et al., IEEE Trans. Circuits Syst. I 69(4):1480-1493 (2022)",
        not_modelled="the SONOS cell itself (choose a device), rows whose cells are switched off "
        "at input 0, and a range that is not symmetric about 0",
    ),
    "hermes": Preset(
        fields={
            "dac_bits": (8, "8-bit input/output products (Le Gallo 2023, abstract)"),
            "adc_bits": (8, "8-bit input/output products (Le Gallo 2023, abstract)"),
            "max_input_size": (256, "256 x 256 cores (Khaddam-Aljameh, abstract)"),
            "max_output_size": (256, "256 x 256 cores, an ADC for each column (the same)"),
            "output_range": ("layer", "the calibration that the abstract names; its rule is ours"),
            "weight_scaling": ("column", "affine scaling behind each column (the same)"),
        },
        citation="M. Le Gallo et al., Nat. Electron. 6:680 (2023), DOI 10.1038/s41928-023-01010-1; "
        "R. Khaddam-Aljameh et al., HERMES-Core, IEEE J. Solid-State Circuits (2022)",
        not_modelled="the converters' measured errors, noise of a read phase, four devices a "
        "weight, one-phase and four-phase reading, and IR drop",
    ),
}

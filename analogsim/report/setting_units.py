"""Units of the periphery's settings, beside their values on the page."""

from collections.abc import Mapping

_OUTPUT = "of a full cell at full input"
UNITS: Mapping[str, str] = {
    "dac_bits": "bits (0: none)",
    "adc_bits": "bits (0: none)",
    "output_noise": _OUTPUT,
    "output_bound": f"times the output {_OUTPUT}",
    "input_bound": "of the input range",
    "read_noise": f"{_OUTPUT} (a cell of weight w: times the root of w)",
    "ir_drop": "of aihwkit's",
    "max_input_size": "rows (0: any)",
    "max_output_size": "columns (0: any)",
    "bits_per_cell": "bits (0: no slices)",
    "weight_bits": "bits",
    "bits_per_input": "bits (0: all at once)",
    "adc_gain_db": "dB",
    "adc_sigma_capacitor": "of a unit capacitor",
    "adc_sigma_comparator": "of the largest output",
    "adc_group": "columns",
    "output_share": "of the outputs",
}
"""By the name of the field; names, switches and tables have none."""

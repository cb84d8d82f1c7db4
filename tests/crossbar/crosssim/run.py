"""Run CrossSim itself, where it can be imported."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.crossbar.crosssim.cases import Case, vectors, weights

MODELS = {
    "ramp": "RampADC",
    "sar": "SarADC",
    "sar-split": "SarADC",
    "pipeline": "PipelineADC",
    "cyclic": "CyclicADC",
}


def outputs(case: Case) -> NDArray[np.float64]:
    """(n, out): CrossSim's products for a case."""
    from simulator import AnalogCore

    matrix = weights()
    core = AnalogCore(matrix, parameters(case.fields))
    return np.stack([core.matvec(x) for x in vectors()])


def parameters(fields: dict[str, Any]) -> Any:
    """A case's fields in CrossSim's words."""
    from simulator import CrossSimParameters

    params = CrossSimParameters()
    encoding = fields.get("weight_encoding", "pair")
    cell, total = fields.get("bits_per_cell", 0), fields.get("weight_bits", 0)
    core = params.core
    core.style = "OFFSET" if encoding.startswith("offset") else "BALANCED"
    if cell:
        magnitude = total if encoding.startswith("offset") else total - 1
        core.bit_sliced.style = core.style
        core.style = "BITSLICED"
        core.weight_bits = total
        core.bit_sliced.num_slices = -(-magnitude // cell)
    core.balanced.style = "TWO_SIDED" if encoding == "pair-two-sided" else "ONE_SIDED"
    core.balanced.subtract_current_in_xbar = fields.get("subtraction", "analog") == "analog"
    column = encoding == "offset-column"
    core.offset.style = "UNIT_COLUMN_SUBTRACTION" if column else "DIGITAL_OFFSET"
    core.mapping.inputs.mvm.min, core.mapping.inputs.mvm.max = -1.0, 1.0
    params.xbar.device.infinite_on_off_ratio = True
    dac, adc = params.xbar.dac.mvm, params.xbar.adc.mvm
    if fields.get("dac_bits"):
        dac.model, dac.bits = "SignMagnitudeDAC", fields["dac_bits"]
    if fields.get("bits_per_input"):
        dac.input_bitslicing, dac.slice_size = True, fields["bits_per_input"]
    if fields.get("adc_bits"):
        kind = fields.get("adc_kind", "uniform")
        adc.model = MODELS.get(kind, "SignMagnitudeADC")
        adc = params.xbar.adc.mvm
        bound = fields["output_bound"]
        limits = [-bound, bound]
        adc.bits, adc.adc_range_option = fields["adc_bits"], "CALIBRATED"
        adc.calibrated_range = [limits] * core.bit_sliced.num_slices if cell else limits
        adc.adc_per_ibit = bool(fields.get("bits_per_input")) and "adc_reads" not in fields
        if kind != "uniform":
            adc.gain_db = fields["adc_gain_db"]
        if kind == "sar":
            adc.split_cdac = False
    return params

"""The one file that builds aihwkit configurations.

Upstream's default `InferenceRPUConfig` leaves most of the conductance range unused
(`weight_scaling_omega = 0`: about 31 % output error before any device noise, aihwkit 1.1.0 and
1.2.0). Here every configuration uses all of it, column by column.
"""

from typing import Any

from aihwkit.inference.compensation.drift import GlobalDriftCompensation
from aihwkit.simulator.configs import InferenceRPUConfig, TorchInferenceRPUConfig
from aihwkit.simulator.parameters.enums import (
    BoundManagementType,
    NoiseManagementType,
    WeightNoiseType,
)
from aihwkit.simulator.parameters.io import IOParameters
from aihwkit.simulator.parameters.mapping import MappingParameter
from aihwkit.simulator.parameters.pre_post import InputRangeParameter, PrePostProcessingParameter

from analogsim.crossbar.mapping.periphery import Periphery, TileKind


def build_rpu_config(periphery: Periphery, tile: TileKind) -> Any:
    """aihwkit's configuration of one tile: `TorchInferenceRPUConfig` or `InferenceRPUConfig`.

    The noise model is left at upstream's default: programming and drift are ours to call.
    A drift compensation is set, so that the tile multiplies its output by its `alpha`.
    """
    config = TorchInferenceRPUConfig() if tile == "torch" else InferenceRPUConfig()
    config.mapping = MappingParameter(
        weight_scaling_omega=1.0,
        weight_scaling_columnwise=True,
        max_input_size=periphery.max_input_size,
        max_output_size=periphery.max_output_size,
        digital_bias=True,
        learn_out_scaling=False,
    )
    config.forward = _io_parameters(periphery, tile)
    config.drift_compensation = GlobalDriftCompensation()
    config.pre_post = PrePostProcessingParameter(
        input_range=InputRangeParameter(enable=periphery.needs_input_ranges, init_from_data=0)
    )
    return config


def _io_parameters(periphery: Periphery, tile: TileKind) -> IOParameters:
    io = IOParameters(is_perfect=periphery.perfect)
    if periphery.perfect:
        return io
    io.inp_bound = 1.0
    io.inp_res = 2**periphery.dac_bits - 2 if periphery.dac_bits else -1
    io.out_res = 2**periphery.adc_bits - 2 if periphery.adc_bits else -1
    io.out_bound = periphery.output_bound
    io.out_noise = periphery.output_noise
    if periphery.input_scaling == "static":
        # As StandardHWATrainingPreset: inputs arrive divided by their calibrated range.
        io.noise_management = NoiseManagementType.CONSTANT
        io.nm_thres = 1.0
        io.bound_management = BoundManagementType.NONE
    else:
        io.noise_management = NoiseManagementType.ABS_MAX
        io.bound_management = BoundManagementType.ITERATIVE
    if tile == "cpp":
        io.ir_drop = periphery.ir_drop
        if periphery.read_noise > 0:
            io.w_noise = periphery.read_noise
            io.w_noise_type = WeightNoiseType.PCM_READ
    return io

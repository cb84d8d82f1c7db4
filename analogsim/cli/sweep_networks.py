"""Converts a network anew for points of a sweep with other tiles or input ranges."""

from pathlib import Path
from typing import cast

from analogsim.cli.options import DataOptions, NetworkOptions
from analogsim.cli.prepare import calibration_images
from analogsim.crossbar.conversion.again import ConvertAgain, converted_again
from analogsim.crossbar.folder.chip_settings import is_chip_folder
from analogsim.crossbar.mapping.analog_model import AnalogModel, Forward
from analogsim.crossbar.mapping.periphery import Periphery


def sweep_converter(network: NetworkOptions, data: DataOptions) -> ConvertAgain | None:
    """As the network was converted first; None for a chip's folder, which has its tiles."""
    if is_chip_folder(Path(network.model)):
        return None

    def convert_again(analog: AnalogModel, periphery: Periphery) -> AnalogModel:
        forward = cast(Forward, network.forward)
        return converted_again(analog, periphery, calibration_images(data), forward)

    return convert_again

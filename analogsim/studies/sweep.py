"""Converts a network anew for points of a sweep with other tiles or input ranges."""

from pathlib import Path
from typing import cast

from analogsim.crossbar.conversion.again import ConvertAgain, converted_again
from analogsim.crossbar.folder.chip_settings import is_chip_folder
from analogsim.crossbar.mapping.analog_model import AnalogModel, Forward
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.spec.study import Spec
from analogsim.studies.given import Given
from analogsim.studies.prepare import calibration_images


def sweep_converter(spec: Spec, given: Given) -> ConvertAgain | None:
    """As the network was converted first; None for a chip's folder, which has its tiles."""
    if given.model is None and is_chip_folder(Path(spec.model)):
        return None

    def convert_again(analog: AnalogModel, periphery: Periphery) -> AnalogModel:
        images = calibration_images(spec, given)
        return converted_again(analog, periphery, images, cast(Forward, spec.forward))

    return convert_again

"""What the folder of a comparison says of it: the spec with its controls, and the header."""

from collections.abc import Sequence
from typing import Any

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.equivalent.search import HIGHEST, LOWEST, STEP
from analogsim.experiment.describe import run_spec
from analogsim.experiment.header import DeviceEntry
from analogsim.experiment.study import Study
from analogsim.inputs.data import Data
from analogsim.report.comparison import control_name
from device_models.gaussian_matched import MatchedGaussian


def comparison_spec(
    study: Study, analog: AnalogModel, data: Data, compensation: Compensation, chips: int
) -> dict[str, Any]:
    """The study's, with the controls among the presets."""
    return run_spec(study, {str(analog.bn): analog}, data) | {
        "presets": [name for preset in study.presets for name in (preset, control_name(preset))],
        "compensations": list(dict.fromkeys([compensation, "none"])),
        # The spreads are measured on the study's chips: another number is another control.
        "matched": {"chips": chips, "bracket": [LOWEST, HIGHEST], "step": STEP},
    }


def with_controls(devices: Sequence[DeviceEntry]) -> list[DeviceEntry]:
    """Each device's entry, and that of its control after it."""
    return [
        one for entry in devices for one in (entry, _control_entry(control_name(entry["preset"])))
    ]


def _control_entry(preset: str) -> DeviceEntry:
    info = MatchedGaussian.info
    return DeviceEntry(
        preset=preset,
        title=info.title,
        law=info.law,
        citation=info.citation,
        valid_times=info.valid_times,
    )

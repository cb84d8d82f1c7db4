"""What the folder of a comparison says of it: the spec with its controls, and the header."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.equivalent.comparison import MATCHED_FILE, control_name
from analogsim.equivalent.search import HIGHEST, LOWEST, STEP
from analogsim.experiment.describe import device_entry, make_header, run_spec
from analogsim.experiment.header import DeviceEntry, RunHeader, write_header
from analogsim.experiment.run_folder import check_same, find_header
from analogsim.experiment.score import digital_score
from analogsim.experiment.study import Study
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
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


def known_header(
    folder: Path, study: Study, spec: dict[str, Any], *, extend: bool
) -> RunHeader | None:
    """The header of the comparison that began here, with what `spec` adds; None if none did.

    Raises InputError, OutputError as `find_header` and `check_same`.
    """
    header = find_header(folder)
    if header is None:
        return None
    spec = check_same(folder, header.spec, spec, extend=extend)
    if header.spec != spec:
        # It lacks what is added; the trials that it was made of stay.
        (folder / MATCHED_FILE).unlink(missing_ok=True)
        devices = _with_controls([device_entry(device) for device in study.devices])
        header = dataclasses.replace(header, question=study.question, spec=spec, devices=devices)
        write_header(folder, header)
    return header


def new_header(
    folder: Path, study: Study, analog: AnalogModel, data: Data, spec: dict[str, Any]
) -> RunHeader:
    """Write the header of a comparison that begins. Raises InputError, OutputError."""
    digital = digital_score(analog.source, batches(data, study.batch_size))
    header = make_header(study, {str(analog.bn): analog}, digital, spec)
    header = dataclasses.replace(header, devices=_with_controls(header.devices))
    write_header(folder, header)
    return header


def _with_controls(devices: Sequence[DeviceEntry]) -> list[DeviceEntry]:
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

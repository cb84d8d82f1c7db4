"""Devices beside Gaussian noise of the same weight error: the run of a comparison.

The folder is that of a study: its records hold the devices and their matched Gaussians, chip by
chip, so that table, plot and page show both. The trials of the searches lie in `search/`, and the
weight errors that the controls are made of in `search/weights/`.
"""

import dataclasses
from collections.abc import Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.effect_words import refuse_effects
from analogsim.equivalent.causes import variants
from analogsim.equivalent.device_chips import DeviceChips
from analogsim.equivalent.parts import before_adc
from analogsim.equivalent.points import Points
from analogsim.equivalent.search import HIGHEST, LOWEST, STEP
from analogsim.equivalent.weighed import MatchedJob, Weighed
from analogsim.equivalent.words import sentences
from analogsim.errors import InputError
from analogsim.experiment.condition import Condition
from analogsim.experiment.deal import all_images
from analogsim.experiment.describe import device_entry, make_header, run_spec
from analogsim.experiment.drive import Progress, run_experiment
from analogsim.experiment.header import DeviceEntry, RunHeader, write_header
from analogsim.experiment.layers import write_study_layers
from analogsim.experiment.place import Place
from analogsim.experiment.record_file import RecordFile
from analogsim.experiment.replay import Missing, Requests
from analogsim.experiment.schedule import Round
from analogsim.experiment.study import Chips, Study
from analogsim.experiment.trial import Trial
from analogsim.inputs.batching import n_images
from analogsim.inputs.data import Data
from analogsim.quantity import Quantity
from analogsim.report.comparison import (
    FORMAT,
    MATCHED_FILE,
    VERSION,
    Comparison,
    Point,
    control_name,
    write_comparison,
)
from device_models.gaussian_matched import MatchedGaussian
from device_models.registry import spec_of

SEARCH_FOLDER, WEIGHTS_FOLDER = "search", "search/weights"
# What a search of one eta and its interval costs, in levels; only for the progress shown.
_LEVELS = 18


def compare_matched(
    study: Study,
    analog: AnalogModel,
    data: Data,
    folder: Path,
    place: Place,
    progress: Progress,
    *,
    extend: bool = False,
) -> Comparison:
    """Measure each device, its matched Gaussian, and the eta that has its accuracy.

    Of another measure than the accuracy it is the eta that has the device's mean.

    Common random numbers: chips of one number share images, the noise of the products, and their
    first normals. A run that was broken off goes on where it stands.

    Args:
        study: devices, times, one compensation, a design with chips.
        analog: the converted network; its device is replaced by each of the study's.
        data, folder, place, progress: as `run_study`.
        extend: allow devices and times that the folder's comparison does not have. Other chips
            would be another control: they are refused.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `run_study`; more than one
            compensation, a design without chips, effects or a stream that the controls have not.
    """
    run = _MatchedRun(study, analog, data, folder)
    run_experiment(run, folder, place, progress, extend=extend)
    assert run.comparison is not None, "it is made at the end of every run"
    return run.comparison


class _MatchedRun:
    """A matched comparison as an `Experiment`."""

    def __init__(self, study: Study, analog: AnalogModel, data: Data, folder: Path) -> None:
        refuse_effects(analog.effects, "matched comparison", "its controls suffer none")
        if len(study.compensations) != 1:
            raise InputError(
                "matched comparison must have one compensation, got "
                f"{', '.join(study.compensations)}; each changes what is to be matched: run twice"
            )
        if not isinstance(study.design, Chips):
            raise InputError(
                f"matched comparison must have a design with chips, got {study.design}; the pairs "
                "need the same images: give chips, not precision"
            )
        if analog.stream != "aihwkit":
            raise InputError(
                f"matched comparison must have the stream 'aihwkit', got {analog.stream!r}: its "
                "controls have no compiled law; use stream 'aihwkit'"
            )
        self.study, self.analog, self.data, self.folder = study, analog, data, folder
        self.chips = study.design.chips
        self.compensation = study.compensations[0]
        self.spec = comparison_spec(study, analog, data, self.compensation, self.chips)
        self.asked = Requests()
        weights = RecordFile(kind=Weighed, beside=WEIGHTS_FOLDER)
        main, side = self._chips_in(""), self._chips_in(SEARCH_FOLDER)
        self.files: Sequence[RecordFile[Any]] = (main.file, weights, side.file)
        self.points = Points(
            main=main,
            side=side,
            weights=weights,
            asked=self.asked,
            compensation=self.compensation,
            moved=before_adc(self.compensation, analog.periphery),
            whole=analog.periphery.whole_weights,
            quantity=study.measure,
        )
        self.pairs = list(product(study.devices, study.times_s))
        self.found: dict[tuple[str, float], Point] = {}
        self.comparison: Comparison | None = None

    def _chips_in(self, beside: str) -> DeviceChips:
        return DeviceChips(
            file=RecordFile(kind=Trial, beside=beside),
            asked=self.asked,
            bn=str(self.analog.bn),
            chips=self.chips,
            images=all_images(n_images(self.data)),
        )

    def begin(self) -> RunHeader:
        analogs = {str(self.analog.bn): self.analog}
        header = make_header(self.study, analogs, self.spec, self.data)
        return dataclasses.replace(header, devices=with_controls(header.devices))

    def grown(self, header: RunHeader, spec: dict[str, Any]) -> RunHeader:
        # It lacks what is added; the trials that it was made of stay.
        (self.folder / MATCHED_FILE).unlink(missing_ok=True)
        devices = with_controls([device_entry(device) for device in self.study.devices])
        return dataclasses.replace(header, question=self.study.question, spec=spec, devices=devices)

    def work(self, header: RunHeader) -> MatchedJob:
        found = [
            Condition.of(spec_of(one), self.analog, one)
            for device in self.study.devices
            for one in (device, *(variant.device for variant in variants(device)))
        ]
        conditions = {one.name: one for one in found}
        return MatchedJob.of(self.study, self.data, header.spec_digest, conditions)

    def next_round(self, header: RunHeader, folder: Path) -> Round:
        study = self.study
        for device in study.devices:
            self.points.ask(device, study.times_s)
        for device, t_s in self.pairs:
            if (spec_of(device), t_s) not in self.found:
                with suppress(Missing):
                    self.found[spec_of(device), t_s] = self.points.point(device, t_s)
        a_time = sum(6 + _LEVELS + 2 * len(variants(device)) for device in study.devices)
        about = a_time * len(study.times_s) * self.chips
        return Round(tasks=self.asked.take(), total=about)

    def finish(self, header: RunHeader, folder: Path) -> None:
        points = [self.found[spec_of(device), t_s] for device, t_s in self.pairs]
        comparison = self.comparison = self._comparison(header, points)
        said = comparison["sentences"]
        # They may be there already, from a run that was killed right after this.
        notes = [*said, *(note for note in header.notes if note not in said)]
        write_header(folder, dataclasses.replace(header, notes=notes))
        write_comparison(folder, comparison)
        write_study_layers(folder, self.analog, self.study)

    def _comparison(self, header: RunHeader, points: list[Point]) -> Comparison:
        n_images = header.digital["n_images"]
        made = Comparison(
            format=FORMAT,
            version=VERSION,
            question=header.question,
            command=header.command,
            model=header.model,
            data=header.data,
            compensation=self.compensation,
            chips=self.chips,
            n_images=n_images,
            digital_accuracy=header.digital["accuracy"],
            bracket=[LOWEST, HIGHEST],
            points=points,
            sentences=sentences(points, header.model, n_images, header.quantity),
            coverage=header.coverage,
        )
        if Quantity.KEY in header.spec:
            made["measure"] = header.quantity.entry()
        return made


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

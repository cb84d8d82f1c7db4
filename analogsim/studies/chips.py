"""A study of chips, or of devices beside their matched Gaussians: from its spec to its folder."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.conversion.again import ConvertAgain, converted_again
from analogsim.crossbar.folder.chip_settings import is_chip_folder
from analogsim.crossbar.mapping.analog_model import AnalogModel, Forward
from analogsim.crossbar.mapping.effect_words import check_effects
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.streams import check_stream
from analogsim.equivalent.compare import compare_matched
from analogsim.errors import InputError
from analogsim.experiment.axes import points_of
from analogsim.experiment.deal import Images
from analogsim.experiment.drive import run_study
from analogsim.experiment.layers_file import read_layers
from analogsim.experiment.score import select
from analogsim.experiment.study import PILOT_CHIPS, PILOT_IMAGES, Chips, Design, Precision, Study
from analogsim.inputs.batching import n_images
from analogsim.inputs.data import Data
from analogsim.inputs.fingerprint import code_fingerprints
from analogsim.inputs.measure import Measure, measure_named
from analogsim.report.factor_words import factor_warnings
from analogsim.spec.device import devices_of_presets
from analogsim.spec.study import Spec
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.prepare import Prepared, calibration_images, open_data, prepare
from analogsim.studies.spec_file import write_spec
from analogsim.studies.tile import with_tile
from analogsim.studies.where import Where
from device_models.contract import Device
from device_models.effects.registry import parse_effect


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ready:
    """A study with all that it is computed on, before anything is."""

    study: Study
    analogs: Mapping[str, AnalogModel]
    """By treatment of BatchNorm."""
    images: Data

    @property
    def analog(self) -> AnalogModel:
        """The first converted network."""
        return next(iter(self.analogs.values()))


def make_ready(spec: Spec, where: Where, given: Given) -> Ready:
    """Load and convert what a spec names.

    Raises:
        InputError, DeviceError: an option, the network or the data cannot be used.
    """
    devices = devices_of(spec, where)
    # Before the network is converted, which may take minutes.
    measure = given.measure or measure_named(spec.measure)
    data = open_data(spec, given, where.tell, where.detail)
    treated = [dataclasses.replace(spec, bn=(bn,)) for bn in spec.bn]
    prepared = [
        prepare(
            one,
            spec,
            spec.presets[0],
            data,
            given=given,
            warn=where.warn,
            detail=where.detail,
        )
        for one in treated
    ]
    return Ready(
        study=study_of(spec, devices, prepared, data, where, measure),
        analogs=analogs_of(prepared),
        images=limited(data, spec.limit),
    )


def check_one_bn(spec: Spec, what: str) -> None:
    """Raise InputError, which begins with `what`, unless there is one treatment of BatchNorm."""
    if len(spec.bn) != 1:
        raise InputError(
            f"{what} must have one --bn, got {', '.join(spec.bn)}; run it once for each"
        )


def compute_chips(spec: Spec, where: Where, given: Given = NOTHING) -> None:
    """Run what the folder lacks.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: an option, the data or the folder
            cannot be used, or the workers end.
    """
    spec = with_tile(spec, where.output)
    place = where.place()
    if spec.gaussian is not None:
        _check_matched(spec)
    ready = make_ready(spec, where, given)
    study, images, folder, extend = ready.study, ready.images, where.output, where.extend
    with where.watch() as progress:
        if spec.gaussian is not None:
            compare_matched(study, ready.analog, images, folder, place, progress, extend=extend)
        else:
            again = sweep_converter(spec, given)
            run_study(study, ready.analogs, images, folder, place, progress, extend=extend,
                      convert_again=again)  # fmt: skip
    write_spec(spec, where.output)
    warn_of_factors(where)


def _check_matched(spec: Spec) -> None:
    check_one_bn(spec, "--gaussian matched")
    if spec.first_chip:
        raise InputError(
            f"--gaussian matched must have chips from 0 on, got {spec.first_chip} as the first; "
            "give --chips N"
        )


def warn_of_factors(where: Where) -> None:
    """Say where drift compensation misleads, by a run's `layers.json`."""
    for text in factor_warnings(read_layers(where.output)):
        where.warn(text)


def analogs_of(prepared: Sequence[Prepared]) -> dict[str, AnalogModel]:
    """The converted networks by their treatment of BatchNorm; they share the images.

    Raises:
        InputError: two have the same, as a folder's have.
    """
    found: dict[str, AnalogModel] = {}
    images = None
    for one in prepared:
        analog = one.analog
        if analog.bn in found:
            raise InputError(
                f"bn must be one for {one.name}, which was converted with bn {analog.bn}, got "
                f"{len(prepared)} of them; leave --bn out"
            )
        if analog.recalibration_images is not None:
            # The same options read the same images: one copy travels to the workers.
            images = analog.recalibration_images if images is None else images
            analog = dataclasses.replace(analog, recalibration_images=images)
        found[analog.bn] = analog
    return found


def devices_of(spec: Spec, where: Where) -> tuple[Device, ...]:
    """The devices of a spec; refuses what can be refused before the folder is made.

    Raises:
        InputError: there is no CUDA device where one is asked for, or a device's file fails.
        DeviceError: there is no such device, or it is not valid at a time.
    """
    devices = devices_of_presets(spec.presets)
    for device in devices:
        for t_s in spec.times:
            device.check_time(t_s)
    where.check_device(spec.device, spec.tile)
    effects = tuple(map(parse_effect, spec.effects))
    for device in devices:
        check_effects(effects, device)
        check_stream(spec.stream, device, effects)
    return devices


def study_of(
    spec: Spec,
    devices: tuple[Device, ...],
    prepared: Sequence[Prepared],
    data: Data,
    where: Where,
    measure: Measure,
) -> Study:
    """The study that a spec asks for, of networks that lie ready."""
    first = prepared[0]
    notes = dict.fromkeys(note for one in prepared for note in one.notes)
    return Study(
        question=spec.question,
        command=where.command,
        model=first.name,
        data=data.name,
        normalisation=data.normalisation,
        devices=devices,
        times_s=spec.times,
        compensations=tuple(cast(Compensation, c) for c in spec.compensation),
        design=design_of(spec),
        seed=spec.seed,
        batch_size=spec.batch_size,
        yield_above=spec.yield_above,
        device=spec.device,
        points=points_of(spec.sweep),
        within=spec.within / 100,
        measure=measure,
        notes=(f"Data: {data.note}.", *notes),
        inputs={**first.inputs, **code_fingerprints("data", data.files)},
    )


def design_of(spec: Spec) -> Design:
    """The design of a spec: chips or precision."""
    if spec.chips is not None:
        return Chips(chips=spec.chips, first=spec.first_chip)
    assert spec.precision is not None
    return Precision(
        half_width=spec.precision,
        cost_ratio=spec.cost_ratio,
        pilot_chips=spec.pilot_chips or PILOT_CHIPS,
        pilot_images=spec.pilot_images or PILOT_IMAGES,
    )


def limited(data: Data, limit: int | None) -> Data:
    """The first `limit` images, or all. Raises InputError as `n_images`."""
    total = n_images(data)
    count = n_images(data, limit)
    first = Images(order="stored", seed=0, round=0, start=0, count=count, total=total)
    return select(data, first)


def sweep_converter(spec: Spec, given: Given) -> ConvertAgain | None:
    """As the network was converted first; None for a chip's folder, which has its tiles."""
    if given.model is None and is_chip_folder(Path(spec.model)):
        return None

    def convert_again(analog: AnalogModel, periphery: Periphery) -> AnalogModel:
        images = calibration_images(spec, given)
        return converted_again(analog, periphery, images, cast(Forward, spec.forward))

    return convert_again

"""What `run`, `drift`, `compare` and `demo` do with a spec: one study in one folder."""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import click
import torch

from analogsim.cli import colour
from analogsim.cli.device import devices_of_presets, seen_from
from analogsim.cli.options import DataOptions, NetworkOptions
from analogsim.cli.prepare import (
    Prepared,
    command_line,
    open_data,
    plain_warnings,
    prepare,
)
from analogsim.cli.progress import ProgressReporter
from analogsim.cli.say import warn
from analogsim.cli.spec import Spec
from analogsim.cli.spec_file import spec_as_toml
from analogsim.cli.sweep_networks import sweep_converter
from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.streams import check_stream
from analogsim.errors import InputError
from analogsim.experiment.axes import points_of
from analogsim.experiment.deal import Images
from analogsim.experiment.drive import run_study
from analogsim.experiment.folder import write_bytes_atomic
from analogsim.experiment.layers_file import read_layers
from analogsim.experiment.local import Local
from analogsim.experiment.on_ray import OnRay
from analogsim.experiment.place import Place
from analogsim.experiment.score import select
from analogsim.experiment.study import PILOT_CHIPS, PILOT_IMAGES, Chips, Design, Precision, Study
from analogsim.inputs.batches import n_images
from analogsim.inputs.data import Data
from analogsim.inputs.fingerprint import code_fingerprints
from analogsim.report import build_report, format_table, summary
from analogsim.report.extras import SPEC_FILE
from analogsim.report.factor_words import factor_warnings
from analogsim.schema import dumps
from device_models.contract import Device
from device_models.effects.registry import parse_effect


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where a study runs and what is printed; no part of what is asked."""

    output: Path
    as_json: bool
    on: str = "local"
    address: str | None = None
    workers: int | None = None
    extend: bool = False


def study_and_print(spec: Spec, where: Where) -> None:
    """Run a study, build its report, print the table (or summary.json) on stdout.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: an option, the data or the folder
            cannot be used, or the workers end.
    """
    _print(where, compute_study(spec, where), spec.presets)


def compute_study(spec: Spec, where: Where) -> Prepared:
    """Run what the folder lacks; gives the first of the converted networks. Raises as above."""
    devices = devices_of(spec, where)
    place = place_of(where)
    data_options = data_options_of(spec)
    data = open_data(data_options)
    prepared = [
        prepare(network_options_of(spec, bn), data_options, spec.presets[0], data) for bn in spec.bn
    ]
    first = prepared[0]
    study = study_of(spec, devices, first, data, [n for one in prepared for n in one.notes])
    analogs = analogs_of(prepared)
    with plain_warnings(), saying_how_to_go_on(where), ProgressReporter() as progress:
        run_study(
            study,
            analogs,
            limited(data, spec.limit),
            where.output,
            place,
            progress,
            extend=where.extend,
            convert_again=sweep_converter(network_options_of(spec, spec.bn[0]), data_options),
        )
    write_spec(spec, where.output)
    warn_of_factors(where.output)
    return first


def warn_of_factors(folder: Path) -> list[str]:
    """Say on stderr where drift compensation misleads, by a run's `layers.json`; gives the same."""
    said = factor_warnings(read_layers(folder))
    for text in said:
        warn(text)
    return said


def write_spec(spec: Spec, folder: Path) -> None:
    """Into the run's folder, for the report and for whoever runs it again. Raises OutputError."""
    # A spec's presets are relative to it.
    here = dataclasses.replace(spec, presets=seen_from(spec.presets, folder))
    write_bytes_atomic(folder / SPEC_FILE, spec_as_toml(here).encode(errors="replace"))


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
    check_device(spec.device, where)
    effects = tuple(map(parse_effect, spec.effects))
    for device in devices:
        check_stream(spec.stream, device, effects)
    return devices


def check_device(device: str, where: Where) -> None:
    """Raise `InputError` unless there is a CUDA device where one is asked for."""
    if device == "cuda" and where.on == "local" and not torch.cuda.is_available():
        raise InputError(
            "device must be one that this machine has, got 'cuda', which torch does not find; "
            "use --device cpu"
        )


def study_of(
    spec: Spec,
    devices: tuple[Device, ...],
    prepared: Prepared,
    data: Data,
    notes: Sequence[str] | None = None,
) -> Study:
    """The study that a spec asks for, of a network that lies ready.

    `notes` are about the network and images, each once; None takes those of `prepared`.
    """
    return Study(
        question=spec.question,
        command=command_line(),
        model=prepared.name,
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
        notes=(f"Data: {data.note}.", *dict.fromkeys(prepared.notes if notes is None else notes)),
        points=points_of(spec.sweep),
        within=spec.within / 100,
        inputs={**prepared.inputs, **code_fingerprints("data", data.files)},
    )


def _print(where: Where, prepared: Prepared, presets: Sequence[str]) -> None:
    page = build_report(where.output)
    result = summary(where.output)
    if where.as_json:
        click.echo(dumps(result, indent=2))
        return
    click.echo(colour.result_table(format_table(result)))
    periphery, tile = prepared.analog.periphery, prepared.analog.tile
    for text in periphery.not_modelled(tile):
        click.echo(f"not modelled: {text}")
    for text in periphery.added(tile, [preset.partition("?")[0] for preset in presets]):
        click.echo(f"added: {text}")
    click.echo(f"\n{page}")


@contextmanager
def saying_how_to_go_on(where: Where) -> Iterator[None]:
    """Say on stderr how to go on if the user interrupts what is done meanwhile."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(
            f"interrupted: finished trials are safe in {where.output}; "
            f"the same command goes on: {command_line()}\n"
        )
        raise


def place_of(where: Where) -> Place:
    """Where trials are computed. Raises InputError for options that do not go together."""
    if where.on == "local":
        if where.address is not None:
            raise InputError(
                f"--address must go with --on ray, got {where.address!r} without it; add --on ray"
            )
        return Local(where.workers, warn)
    return OnRay(where.address, where.workers, partial(click.echo, err=True))


def design_of(spec: Spec) -> Design:
    """The design of a spec: chips or precision."""
    if spec.chips is not None:
        return Chips(chips=spec.chips)
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


def network_options_of(spec: Spec, bn: str) -> NetworkOptions:
    """The options of a spec's network, with one treatment of BatchNorm."""
    return NetworkOptions(
        model=spec.model,
        weights=None if spec.weights is None else Path(spec.weights),
        network=spec.network,
        untrained=spec.untrained,
        bn=(bn,),
        recalibration=spec.recalibration,
        recalibration_images=spec.recalibration_images,
        keep_digital=spec.keep_digital,
        periphery=spec.periphery,
        tile=spec.tile,
        forward=spec.forward,
        stream=spec.stream,
        grouped=spec.grouped,
        effects=spec.effects,
        seed=spec.seed,
    )


def data_options_of(spec: Spec) -> DataOptions:
    """The options of a spec's images."""
    return DataOptions(
        data=spec.data,
        data_dir=None if spec.data_dir is None else Path(spec.data_dir),
        download=spec.download,
        mean=None if spec.mean is None else ",".join(map(repr, spec.mean)),
        std=None if spec.std is None else ",".join(map(repr, spec.std)),
    )

"""What `drift`, `compare` and `demo` do with their options: one study in one folder."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import click
from torch import Tensor

from analogsim.cli.options import DataOptions, NetworkOptions
from analogsim.cli.prepare import command_line, open_data, prepare
from analogsim.cli.progress import ProgressReporter
from analogsim.crossbar.compensation import Compensation
from analogsim.experiment.folder import prepare_folder
from analogsim.experiment.study import Study, run_study
from analogsim.inputs.batches import batches
from analogsim.report import build_report, format_table, summary
from analogsim.schema import dumps
from device_models.registry import parse as parse_device


def study_and_print(
    network: NetworkOptions,
    data_options: DataOptions,
    *,
    question: str,
    presets: tuple[str, ...],
    times_s: tuple[float, ...],
    compensations: tuple[str, ...],
    chips: int,
    limit: int | None,
    batch_size: int,
    output: Path,
    as_json: bool,
) -> None:
    """Run a study, build its report, print the table (or summary.json) on stdout.

    Raises:
        InputError, DeviceError, OutputError: an option, the data or the folder cannot be used.
    """
    devices = tuple(parse_device(preset) for preset in presets)
    # Everything that can be refused is refused before the folder is made.
    for device in devices:
        for t_s in times_s:
            device.check_time(t_s)
    data = open_data(data_options)
    prepared = prepare(network, data_options, presets[0], data)
    study = Study(
        question=question,
        command=command_line(),
        model=prepared.name,
        data=data.name,
        normalisation=data.normalisation,
        devices=devices,
        times_s=times_s,
        compensations=tuple(cast(Compensation, c) for c in compensations),
        chips=chips,
        seed=network.seed,
        limit=limit,
        batch_size=batch_size,
        notes=(f"Data: {data.note}.", *prepared.notes),
    )
    prepare_folder(output)

    def images() -> Iterable[tuple[Tensor, Tensor]]:
        return batches(data, batch_size, limit)

    with ProgressReporter() as progress:
        run_study(study, prepared.analog, images, output, progress)
    page = build_report(output)
    result = summary(output)
    if as_json:
        click.echo(dumps(result, indent=2))
        return
    click.echo(format_table(result))
    for text in prepared.analog.periphery.not_modelled(prepared.analog.tile):
        click.echo(f"not modelled: {text}")
    click.echo(f"\n{page}")

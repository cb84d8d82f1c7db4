"""What `analogsim compare --gaussian matched` does: each device beside its matched Gaussian."""

from typing import cast

import click

from analogsim.cli.prepare import command_line, open_data, prepare
from analogsim.cli.progress import ProgressReporter
from analogsim.cli.run_study import (
    Where,
    _data_options,
    _design,
    _limited,
    _network_options,
    _place,
    _saying_how_to_go_on,
)
from analogsim.cli.spec import Spec
from analogsim.crossbar.compensation import Compensation
from analogsim.equivalent.compare import compare_matched
from analogsim.equivalent.plot import draw_comparison, png_bytes
from analogsim.equivalent.table import format_comparison
from analogsim.experiment.records import write_bytes_atomic
from analogsim.experiment.study import Study
from analogsim.report import build_report
from analogsim.schema import dumps
from device_models.registry import parse as parse_device

PLOT_FILE = "matched.png"


def matched_and_print(spec: Spec, where: Where) -> None:
    """Run the comparison, build its report, print the table (or matched.json) on stdout.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: an option, the data or the folder
            cannot be used, or the workers end.
    """
    devices = tuple(parse_device(preset) for preset in spec.presets)
    # Everything that can be refused is refused before the folder is made.
    for device in devices:
        for t_s in spec.times:
            device.check_time(t_s)
    place = _place(where)
    data_options = _data_options(spec)
    data = open_data(data_options)
    (bn,) = spec.bn
    prepared = prepare(_network_options(spec, bn), data_options, spec.presets[0], data)
    study = Study(
        question=spec.question,
        command=command_line(),
        model=prepared.name,
        data=data.name,
        normalisation=data.normalisation,
        devices=devices,
        times_s=spec.times,
        compensations=tuple(cast(Compensation, c) for c in spec.compensation),
        design=_design(spec),
        seed=spec.seed,
        batch_size=spec.batch_size,
        yield_above=spec.yield_above,
        device=spec.device,
        notes=(f"Data: {data.note}.", *prepared.notes),
    )
    limited = _limited(data, spec.limit)
    with _saying_how_to_go_on(where), ProgressReporter() as progress:
        comparison = compare_matched(study, prepared.analog, limited, where.output, place, progress)
    page = build_report(where.output)
    write_bytes_atomic(where.output / PLOT_FILE, png_bytes(draw_comparison(comparison)))
    if where.as_json:
        click.echo(dumps(comparison, indent=2))
        return
    click.echo(format_comparison(comparison))
    click.echo(f"\n{page}")

"""What `analogsim compare --gaussian matched` does: each device beside its matched Gaussian."""

import click

from analogsim.cli.prepare import open_data, prepare
from analogsim.cli.progress import ProgressReporter
from analogsim.cli.run_study import (
    Where,
    data_options_of,
    devices_of,
    limited,
    network_options_of,
    place_of,
    saying_how_to_go_on,
    study_of,
)
from analogsim.cli.spec import Spec
from analogsim.equivalent.compare import compare_matched
from analogsim.equivalent.plot import draw_comparison, png_bytes
from analogsim.equivalent.table import format_comparison
from analogsim.experiment.records import write_bytes_atomic
from analogsim.report import build_report
from analogsim.schema import dumps

PLOT_FILE = "matched.png"


def matched_and_print(spec: Spec, where: Where) -> None:
    """Run the comparison, build its report, print the table (or matched.json) on stdout.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: an option, the data or the folder
            cannot be used, or the workers end.
    """
    devices = devices_of(spec, where)
    place = place_of(where)
    data_options = data_options_of(spec)
    data = open_data(data_options)
    (bn,) = spec.bn
    prepared = prepare(network_options_of(spec, bn), data_options, spec.presets[0], data)
    study = study_of(spec, devices, prepared, data)
    images = limited(data, spec.limit)
    with saying_how_to_go_on(where), ProgressReporter() as progress:
        comparison = compare_matched(study, prepared.analog, images, where.output, place, progress)
    page = build_report(where.output)
    write_bytes_atomic(where.output / PLOT_FILE, png_bytes(draw_comparison(comparison)))
    if where.as_json:
        click.echo(dumps(comparison, indent=2))
        return
    click.echo(format_comparison(comparison))
    click.echo(f"\n{page}")

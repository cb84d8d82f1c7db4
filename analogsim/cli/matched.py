"""What `compare --gaussian matched` and its spec do: each device beside its matched Gaussian."""

import click

from analogsim.cli.prepare import open_data, plain_warnings, prepare
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
    warn_of_factors,
    write_spec,
)
from analogsim.cli.say import say
from analogsim.cli.spec import Spec
from analogsim.equivalent.compare import compare_matched
from analogsim.errors import InputError
from analogsim.report import build_report
from analogsim.report.matched_table import format_comparison
from analogsim.report.table import warning_lines
from analogsim.schema import dumps


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
    if len(spec.bn) != 1:
        raise InputError(
            f"--gaussian matched must have one --bn, got {', '.join(spec.bn)}; run it once for each"
        )
    (bn,) = spec.bn
    prepared = prepare(network_options_of(spec, bn), data_options, spec.presets[0], data)
    study = study_of(spec, devices, prepared, data)
    images = limited(data, spec.limit)
    with plain_warnings(), saying_how_to_go_on(where), ProgressReporter() as progress:
        comparison = compare_matched(
            study,
            prepared.analog,
            images,
            where.output,
            place,
            progress,
            extend=where.extend,
        )
    write_spec(spec, where.output)
    warnings = warn_of_factors(where.output)
    page = build_report(where.output)
    if where.as_json:
        click.echo(dumps(comparison, indent=2))
        return
    say("\n".join([format_comparison(comparison), *warning_lines(warnings)]))
    click.echo(f"\n{page}")

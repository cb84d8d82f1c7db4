"""What `analogsim attribute` does: run, write the files, print the table."""

import click

from analogsim.attribution.ask import Ask, Part, Screening
from analogsim.attribution.attribute import attribute
from analogsim.attribution.suggestion import Goal
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
)
from analogsim.cli.say import say
from analogsim.cli.spec import Spec
from analogsim.errors import InputError
from analogsim.report import build_report
from analogsim.report.attribution_table import format_attribution
from analogsim.report.table import warning_lines
from analogsim.schema import dumps

_PARTS: dict[str | None, Part] = {None: "both", "sources": "sources", "layers": "layers"}
_RECOVER = 0.5


def make_ask(
    *,
    only: str | None,
    layers: tuple[str, ...],
    recover: float | None,
    top: int | None,
    screen: int | None,
) -> Ask:
    """What the options ask; `recover` is a fraction. Raises InputError for what cannot be."""
    if recover is None and top is None:
        recover = _RECOVER
    return Ask(
        part=_PARTS[only],
        layers=layers,
        goal=Goal(recover=recover, top=top),
        screening=None if screen is None else Screening(images=screen),
    )


def attribute_and_print(spec: Spec, ask: Ask, where: Where) -> None:
    """Run the attribution, write its files, print the table (or attribution.json) on stdout.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: an option, the data or the folder
            cannot be used, or the workers end.
    """
    if len(spec.bn) != 1:
        raise InputError(
            f"attribution must have one --bn, got {', '.join(spec.bn)}; run it once for each"
        )
    devices = devices_of(spec, where)
    place = place_of(where)
    data_options = data_options_of(spec)
    data = open_data(data_options)
    (bn,) = spec.bn
    prepared = prepare(network_options_of(spec, bn), data_options, spec.presets[0], data)
    study = study_of(spec, devices, prepared, data)
    images = limited(data, spec.limit)
    with plain_warnings(), saying_how_to_go_on(where), ProgressReporter() as progress:
        result = attribute(study, prepared.analog, images, ask, where.output, place, progress, _say)
    said = warning_lines(warn_of_factors(where.output))
    page = build_report(where.output)
    if where.as_json:
        click.echo(dumps(result, indent=2))
        return
    say("\n".join([format_attribution(result), *said]))
    click.echo(f"\n{page}")


def _say(text: str) -> None:
    click.echo(f"attribute: {text}", err=True)

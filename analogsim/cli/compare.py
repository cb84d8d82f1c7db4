"""`analogsim compare`: the same network on several devices, side by side."""

from pathlib import Path
from typing import Any

import click

from analogsim.cli import complete
from analogsim.cli.command import Command
from analogsim.cli.lists import ListOption, times_option
from analogsim.cli.options import data_options, network_options, split_options
from analogsim.cli.study_options import place_options, split_study, start, study_options
from analogsim.spec.study import spec_from_options


@click.command(
    cls=Command,
    example="analogsim compare zoo:digits_cnn --presets pcm,rram --times 1s,1d --chips 5 \\\n"
    "    --data digits -o out/compare",
)
@network_options
@click.option(
    "--presets",
    cls=ListOption,
    metavar="PRESET",
    default=("pcm", "rram", "gaussian"),
    show_default=True,
    help="Analog devices; see analogsim presets.",
    shell_complete=complete.presets,
)
@times_option("1s,1d,2d", "Times since programming, valid for every device.")
@click.option(
    "--gaussian",
    type=click.Choice(["matched"]),
    help="Set each device beside Gaussian noise of the same weight error, paired chip by chip, "
    "and search the noise level that has its accuracy.",
)
@data_options(required=True)
@study_options
@place_options()
def compare(
    *,
    presets: tuple[str, ...],
    times: tuple[float, ...],
    gaussian: str | None,
    output: Path | None,
    extend: bool,
    print_spec: bool,
    **values: Any,
) -> None:
    """Measure MODEL on several devices over the same times, images and chip numbers.

    MODEL is zoo:NAME, FILE.py:FACTORY, or a folder of convert, train or harden. Intervals are over
    chips. The same command goes on with a run that was broken off, and prints a finished one again.
    With --gaussian matched, matched.json holds the comparison, and records name the controls
    gaussian-matched(PRESET).
    """
    study, place, options = split_study(values)
    network, data_from = split_options(options)
    spec = spec_from_options(
        network,
        data_from,
        question=_question(presets, network.model, matched=gaussian is not None),
        presets=presets,
        gaussian=gaussian,
        times=times,
        **study.as_spec(),
    )
    start(spec, place, output=output, extend=extend, print_spec=print_spec)


def _question(names: tuple[str, ...], model: str, *, matched: bool) -> str:
    if not matched:
        return f"What does each of {', '.join(names)} do to {model}?"
    return (
        f"What does each of {', '.join(names)} do to {model} that Gaussian noise of the same "
        "weight error does not?"
    )

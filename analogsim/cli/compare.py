"""`analogsim compare`: the same network on several devices, side by side."""

from pathlib import Path
from typing import Any

import click

from analogsim.cli.options import data_options, network_options, split_options
from analogsim.cli.study_options import study_options
from analogsim.cli.units import TIMES


@click.command()
@network_options
@click.option(
    "--presets",
    default="pcm,rram,gaussian",
    show_default=True,
    help="Devices, separated by commas; see analogsim presets.",
)
@click.option(
    "--times",
    type=TIMES,
    default="1s,1d,2d",
    show_default=True,
    help="Times since programming, valid for every device.",
)
@data_options(required=True)
@study_options
def compare(
    *,
    presets: str,
    times: tuple[float, ...],
    compensation: tuple[str, ...],
    chips: int,
    limit: int | None,
    batch_size: int,
    output: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure MODEL on several devices over the same times, images and chip numbers.

    MODEL is zoo:NAME, FILE.py:FACTORY, or a folder that convert wrote. Intervals are over chips.
    """
    from analogsim.cli.run_study import study_and_print

    network, data_from = split_options(options)
    names = tuple(name.strip() for name in presets.split(",") if name.strip())
    study_and_print(
        network,
        data_from,
        question=f"What does each of {', '.join(names)} do to {network.model}?",
        presets=names,
        times_s=times,
        compensations=compensation,
        chips=chips,
        limit=limit,
        batch_size=batch_size,
        output=output,
        as_json=as_json,
    )

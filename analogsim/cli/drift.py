"""`analogsim drift`: accuracy over time on programmed, drifting chips."""

from pathlib import Path
from typing import Any

import click

from analogsim.cli.options import data_options, network_options, split_options
from analogsim.cli.study_options import study_options
from analogsim.cli.units import TIMES


@click.command()
@network_options
@click.option("--preset", help="Device; see analogsim presets.  [default: pcm, or the folder's]")
@click.option(
    "--times",
    type=TIMES,
    default="1s,1h,1d,30d,1y",
    show_default=True,
    help="Times since programming.",
)
@data_options(required=True)
@study_options
def drift(
    *,
    preset: str | None,
    times: tuple[float, ...],
    compensation: tuple[str, ...],
    chips: int,
    limit: int | None,
    batch_size: int,
    output: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Program several chips with MODEL, let them drift, and measure the accuracy over time.

    MODEL is zoo:NAME, FILE.py:FACTORY, or a folder that convert wrote. Intervals are over chips.
    """
    from analogsim.cli.prepare import preset_of
    from analogsim.cli.run_study import study_and_print

    network, data_from = split_options(options)
    preset = preset or preset_of(network) or "pcm"
    study_and_print(
        network,
        data_from,
        question=f"How does the accuracy of {network.model} change over time on {preset}?",
        presets=(preset,),
        times_s=times,
        compensations=compensation,
        chips=chips,
        limit=limit,
        batch_size=batch_size,
        output=output,
        as_json=as_json,
    )

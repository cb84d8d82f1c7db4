"""`analogsim noise`: what Gaussian noise costs, by which tensors it goes into."""

from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.options import data_options, model_argument, option_of
from analogsim.cli.study_options import (
    computing_options,
    no_sweep,
    numbers,
    place_of,
    place_options,
    start,
)
from analogsim.inputs.names import measure_in_words
from analogsim.scopes.levels import REFERENCES, parse_references, parse_scopes
from analogsim.spec.noise import NoiseSpec


@click.command(
    cls=Command,
    example="analogsim noise zoo:digits_cnn --etas 5%,20% --draws 3 --limit 60 \\\n"
    "    --data digits -o out/noise",
)
@model_argument
@option_of("weights")
@option_of("untrained")
@data_options(required=True)
@option_of("scopes", type=str, default=("all",))
@option_of("references", type=click.Choice(("all", *REFERENCES)))
@option_of("etas")
@option_of("measure")
@option_of("draws", type=str, callback=numbers, default="10")
@option_of("seed")
@no_sweep(
    "the network stays digital and has nothing else to set",
    "all of --scopes, --references and --etas are measured with each other, other seeds are more "
    "--draws, and other networks [[networks]] of a spec",
)
@computing_options(
    "Add draws, etas, scopes to the run in the folder.",
    batch_size="Images a batch.",
    device="Processor that computes the network.",
)
@place_options()
def noise(
    *, scopes: tuple[str, ...], references: tuple[str, ...], draws: tuple[int, int], **values: Any
) -> None:
    """Draw Gaussian noise into MODEL's tensors, scope by scope, and measure what is left.

    MODEL is zoo:NAME, FILE.py:FACTORY or a folder of train or harden; it stays digital. Scopes are
    cumulative, from the weights alone to BatchNorm's running variance, and BatchNorm folded. A run
    that was broken off goes on with the same command.
    """
    place = place_of(values)
    spec = NoiseSpec(
        question=f"Which noise costs {values['model']} its {measure_in_words(values['measure'])}?",
        scopes=parse_scopes(",".join(scopes)),
        references=parse_references(",".join(references)),
        draws=draws[1],
        first_draw=draws[0],
        **values,
    )
    start(spec, place)

"""`analogsim centre`: the same network, with centred inputs."""

from pathlib import Path
from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.first import import_torch
from analogsim.cli.options import data_options, model_argument, option_of
from analogsim.cli.recipe_options import both_splits
from analogsim.cli.say import detail, say, tell, voice_options
from analogsim.cli.shared import output_option
from analogsim.inputs.names import check_data, check_model
from analogsim.spec.options import DataOptions


@click.command(cls=Command, example="analogsim centre zoo:digits_cnn --data digits -o out/centred")
@model_argument
@option_of("weights")
@data_options(required=True)
@click.option(
    "--images",
    type=click.IntRange(min=2),
    default=1000,
    show_default=True,
    help="Training images over which the means are taken, the first ones.",
)
@output_option("Folder for the network, which every command takes as its MODEL.", required=True)
@voice_options
def centre(*, model: str, weights: str | None, images: int, output: Path, **data: Any) -> None:
    """Subtract the means of each layer's inputs in digital, in front of its array.

    MODEL is zoo:NAME or FILE.py:FACTORY. Biases make up for the means: the network computes what it
    computed, and nothing is trained. On a chip the errors of the weights are no longer multiplied
    with these means, the same for all images, which shift its outputs for good.
    """
    check_model(model)
    source = DataOptions(**data)
    assert source.data is not None
    check_data(source.data)

    import_torch()
    from analogsim.inputs.models import load_model
    from analogsim.studies.prepare import say_network
    from analogsim.training.centred import write_centred

    network = load_model(model, weights=weights)
    say_network(network, detail)
    train, _ = both_splits(source)
    tell(f"data: {train.name}: {train.note}; normalised {train.normalisation}")
    layers = write_centred(network, train, output, images=images)
    say(f"{output}: inputs of {layers} layers centred")

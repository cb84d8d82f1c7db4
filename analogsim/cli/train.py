"""`analogsim train`: train a network in digital, resumable after a kill."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from analogsim.cli.command import Command, command_line
from analogsim.cli.first import import_torch
from analogsim.cli.options import data_options, model_argument, taken
from analogsim.cli.recipe_options import Defaults, both_splits, recipe_options
from analogsim.cli.say import say, say_json, voice_options
from analogsim.cli.shared import output_option
from analogsim.inputs.names import check_data, check_model
from analogsim.spec.options import DataOptions


@click.command(
    cls=Command,
    example="analogsim train zoo:digits_cnn --epochs 3 --data digits -o out/trained",
)
@model_argument
@data_options(required=True)
@output_option("Folder for weights, log and state.", required=True)
@recipe_options(Defaults(epochs="30", rate="0.2", warmup="0.2"))
@click.option("--ema", "ema_decay", type=float, help="Average the weights.  [default: 0, off]")
@click.option("--seed", type=int, help="Start, order, augmentation.  [default: 0]")
@click.option(
    "--half",
    is_flag=True,
    help="Write the weights in half precision if that leaves the accuracy as it is; also of a "
    "finished training.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the provenance.")
@voice_options
def train(
    *,
    model: str,
    output: Path,
    device: str,
    resume: bool,
    half: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train MODEL and write its weights, their provenance and a log.

    MODEL is zoo:NAME or FILE.py:FACTORY. Broken off, it goes on after the last whole epoch when
    the same command is given again, and ends with the same weights.
    """
    source = taken(DataOptions, options)
    assert source.data is not None
    check_model(model)
    check_data(source.data)

    import_torch()
    from analogsim import training
    from analogsim.cli.say import plain_warnings
    from analogsim.cli.train_progress import TrainProgress

    asked = {name: value for name, value in options.items() if value is not None}
    usual = replace(
        training.default_recipe(model, source.data),
        precision=training.usual_precision(device, output),
    )
    recipe = replace(usual, **asked)
    train_images, test_images = both_splits(source)
    full = min(train_images.input_shape[1:], default=1)
    # Of the square of their side: a step's products are those of its pixels.
    progress = TrainProgress([recipe.side(e, full) ** 2 for e in range(recipe.epochs)])
    asked_for = training.Training(
        model=model,
        train=train_images,
        test=test_images,
        recipe=recipe,
        command=command_line(),
        device=device,
        half=half,
    )
    with plain_warnings():
        provenance = training.train(
            asked_for,
            output,
            resume=resume,
            on_progress=progress.step,
            on_epoch=progress.epoch,
        )
    if as_json:
        say_json("training-result", provenance)
        return
    say(
        f"{model}: test accuracy {100 * provenance['test_accuracy']:.2f} % after "
        f"{provenance['epochs']} epochs"
    )
    click.echo(str(output / provenance["file"]))

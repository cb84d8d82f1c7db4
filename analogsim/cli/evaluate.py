"""`analogsim evaluate`: the accuracy of a digital network."""

from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.first import import_torch
from analogsim.cli.options import data_options, model_argument, option_of
from analogsim.cli.say import detail, say, say_json, tell, voice_options, warn
from analogsim.inputs.names import check_data, check_model
from analogsim.spec.options import DataOptions


@click.command(cls=Command, example="analogsim evaluate zoo:digits_cnn --data digits")
@model_argument
@option_of("weights")
@data_options(required=True)
@option_of("limit")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@voice_options
def evaluate(
    *, model: str, weights: str | None, limit: int | None, as_json: bool, **data: Any
) -> None:
    """Measure MODEL on the test images as it is, before any analog hardware.

    MODEL is zoo:NAME, FILE.py:FACTORY or a folder of train or harden. Images with a NaN among their
    outputs count as class 0.
    """
    check_model(model)
    source = DataOptions(**data)
    assert source.data is not None
    check_data(source.data)

    import_torch()
    from analogsim.errors import InputError
    from analogsim.inputs.models import load_model
    from analogsim.studies.prepare import open_data, say_network
    from analogsim.training.task import measure

    network = load_model(model, weights=weights)
    if not network.trained:
        raise InputError(f"model {model} must have trained weights, got {network.note}")
    say_network(network, detail)
    images = open_data(source, tell=tell, detail=detail)
    result = measure(network, images, limit=limit)
    for note in result.notes:
        warn(note)
    if as_json:
        counts = {
            "model": model,
            "weights": network.note,
            "data": images.name,
            "normalisation": images.normalisation,
            "accuracy": result.accuracy,
            "n_correct": result.n_correct,
            "n_images": result.n_images,
            "n_nan": result.n_nan,
            "notes": list(result.notes),
        }
        say_json("evaluation", counts)
        return
    say(
        f"{model}: accuracy {100 * result.accuracy:.2f} % ({result.n_correct} of "
        f"{result.n_images} images; {result.n_nan} with NaN outputs)"
    )

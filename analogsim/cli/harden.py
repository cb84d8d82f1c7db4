"""`analogsim harden`: a network that survives the chip, trained on the law that judges it."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.first import import_torch
from analogsim.cli.lists import ListOption, times_option
from analogsim.cli.options import (
    data_options,
    effect_options,
    effects_of,
    model_argument,
    option_of,
    taken,
)
from analogsim.cli.recipe_options import Defaults, both_splits, recipe_options
from analogsim.cli.study_options import compensation_option, place_of, place_options, preset_option
from analogsim.inputs.names import check_data, check_model
from analogsim.spec.names import check_periphery, check_preset
from analogsim.spec.options import DataOptions

# Options that decide the noise and the loss, by the names that `method_of` has for them.
_METHOD = (
    *("periphery", "keep_digital", "times_s", "noise", "scale", "ramp", "drop", "clip"),
    *("distill", "temperature", "compensation", "layers", "array", "backward", "lora"),
    "statistics",
)


@click.command(
    cls=Command,
    example="analogsim harden zoo:digits_cnn --preset pcm --epochs 3 --data digits \\\n"
    "    -o out/hardened",
)
@model_argument
@option_of("weights", help="Trained weights to start from: .safetensors, .pt, .pth or .th file.")
@data_options(required=True)
@preset_option
@option_of("periphery")
@effect_options
@option_of("keep_digital", help="Layers that stay digital, without noise.")
@click.option(
    "--layers",
    cls=ListOption,
    metavar="auto|PATTERN",
    help="Layers that get noise and are trained; the others stay as they are. auto: those that an "
    "attribution on held-out training images names.  [default: all on tiles]",
)
@times_option(
    "1s,1h,1d,1y",
    "Times of interest: steps are trained between the first and the last, chips measured at all.",
    "times_s",
)
@click.option(
    "--noise",
    default="device",
    show_default=True,
    metavar="device|gaussian:matched|gaussian:P%",
    help="What is trained against: the device's own law; Gaussian noise with the same error in "
    "each layer at the same time; or of P % of each column's largest weight.",
)
@click.option(
    "--scale", type=float, help="By which the noise is multiplied.  [default: 2.5; gaussian:P% 1]"
)
@click.option(
    "--ramp", type=float, default=0.1, show_default=True, help="Fraction of steps until then."
)
@click.option(
    "--drop", type=float, default=0.0, show_default=True, help="Fraction of weights that are 0."
)
@click.option(
    "--lora",
    type=click.IntRange(min=0),
    default=0,
    metavar="R",
    help="Train digital adapters of rank R beside these layers, whose weights stay as they are.",
)
@click.option(
    "--array",
    type=click.Choice(["estimated", "whole", "none"]),
    default="estimated",
    show_default=True,
    help="IR drop and read noise of each product: estimated in what a step computes; whole, in its "
    "gradient, too (nearly three times as slow); or not.",
)
@click.option(
    "--backward",
    type=click.Choice(["noisy", "clean"]),
    default="noisy",
    show_default=True,
    help="By which weights a layer's gradient reaches its inputs: the chip's, or the network's.",
)
@click.option(
    "--clip-weights",
    "clip",
    type=float,
    help="Each output's weights stay within so many standard deviations; 0 for any."
    "  [default: 2.5; with --lora 0]",
)
@click.option(
    "--distill",
    type=float,
    default=1.0,
    show_default=True,
    help="Share of the loss that is the distance to the digital network's answers; the rest is "
    "the labels'.",
)
@click.option(
    "--statistics",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Chips over which BatchNorm's statistics are estimated after each epoch; 0 leaves the "
    "moving averages of the steps.",
)
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Of that distance.")
@compensation_option
@recipe_options(Defaults(epochs="10", rate="0.02", warmup="0.1"))
@option_of("seed", help="Order, noise; of the study's chips.")
@option_of("chips", default=5, show_default=True, metavar=None, help="Of the study.")
@option_of("limit", help="Measure on the first N test images only.")
@place_options()
def harden(
    *,
    model: str,
    weights: str | None,
    output: Path | None,
    preset: str | None,
    seed: int,
    device: str,
    resume: bool,
    chips: int,
    limit: int | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Train MODEL, which is trained already, against the noise of chips; measure what it brings.

    MODEL is zoo:NAME or FILE.py:FACTORY. Each step computes with the weights of a fresh chip at a
    time of its own: the device's law, its drift, its compensation, effects. The study compares the
    network as it was, as it is, and both with recalibrated BatchNorm, on the same chips. Broken
    off, the same command goes on.
    """
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    source = taken(DataOptions, rest)
    assert source.data is not None
    check_model(model)
    check_data(source.data)
    preset = preset or "pcm"
    check_preset(preset, rest["times_s"])
    check_periphery(rest["periphery"], model)
    effects = effects_of(rest)
    place = place_of(rest)

    import_torch()
    from analogsim.cli.run_and_print import show, where_of
    from analogsim.cli.say import plain_warnings, tell
    from analogsim.cli.train_progress import TrainProgress
    from analogsim.inputs.batching import n_images
    from analogsim.studies.harden import Asked, run_hardening
    from analogsim.studies.harden_method import default_hardening_recipe, method_of
    from analogsim.training import usual_precision

    train_images, test_images = both_splits(source)
    recipe = replace(
        default_hardening_recipe(model, source.data),
        precision=usual_precision(device, output),
        seed=seed,
    )
    set_fields = {f.name: rest.get(f.name) for f in fields(recipe)}
    recipe = replace(recipe, **{name: one for name, one in set_fields.items() if one is not None})
    method = method_of(
        n_images(train_images),
        **{name: rest[name] for name in _METHOD},
        preset=preset,
        effects=effects,
        seed=seed,
    )
    asked = Asked(
        model=model,
        weights=None if weights is None else Path(weights),
        train=train_images,
        test=test_images,
        method=method,
        recipe=recipe,
        study={**vars(source), "limit": limit, "design": {"chips": chips}},
        device=device,
    )
    full = min(train_images.input_shape[1:], default=1)
    progress = TrainProgress([recipe.side(e, full) ** 2 for e in range(recipe.epochs)])
    with plain_warnings():
        found = run_hardening(
            asked,
            where_of(output, place),
            resume=resume,
            on_progress=progress.step,
            on_epoch=progress.epoch,
        )
    show(found.run, as_json=as_json)
    tell(f"hardened weights: {found.weights}")

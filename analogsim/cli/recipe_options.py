"""How a network is trained: options that `train` and `harden` share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from analogsim.cli.options import option_of
from analogsim.cli.say import detail
from analogsim.cli.shared import Command, all_of
from analogsim.spec.options import DataOptions

if TYPE_CHECKING:
    from analogsim.inputs.data import Data

# As recipes, which are kept beside the weights, call a number format.
_PRECISIONS = {"float32": "fp32", "bf16": "bf16"}


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What the help says of a command's own defaults."""

    epochs: str
    rate: str
    warmup: str


def recipe_options(defaults: Defaults) -> Callable[[Command], Command]:
    """The fields of a `Recipe` that users set; each is None where it is left out."""
    return all_of(
        click.option(
            "--epochs",
            type=int,
            help=f"Passes over the training images.  [default: {defaults.epochs}]",
        ),
        click.option("--batch-size", type=int, help="Images a step.  [default: 128; digits 64]"),
        click.option(
            "--lr",
            "learning_rate",
            type=float,
            help=f"Peak of the learning rate.  [default: {defaults.rate}; half if a stage "
            "has no norm, half for digits]",
        ),
        click.option(
            "--warmup", type=float, help=f"Fraction of rising rate.  [default: {defaults.warmup}]"
        ),
        click.option("--weight-decay", type=float, help="On weights only.  [default: 5e-4]"),
        click.option("--label-smoothing", type=float, help="From 0 to 1.  [default: 0]"),
        click.option("--crop", type=int, help="Largest move in pixels.  [default: 4; digits 1]"),
        click.option("--flip/--no-flip", default=None, help="Mirror half of the images."),
        click.option(
            "--grow",
            type=float,
            help="Fraction of the epochs on shrunk images, a quarter less work at 0.6.  "
            "[default: 0]",
        ),
        click.option(
            "--clip",
            "clip_norm",
            type=float,
            help="Largest gradient norm, 0 for any.  [default: 0; 2 if a stage has no norm]",
        ),
        click.option(
            "--dtype",
            "precision",
            type=click.Choice([*_PRECISIONS]),
            callback=lambda _ctx, _param, dtype: _PRECISIONS.get(dtype),
            help="Numbers that products are computed in.  [default: bf16 where the "
            "processor has it, else float32]",
        ),
        option_of("device", help="Processor that trains."),
        click.option(
            "--resume/--no-resume",
            default=True,
            show_default=True,
            help="Go on with an unfinished training of the same recipe in the folder.",
        ),
    )


def both_splits(source: DataOptions) -> "tuple[Data, Data]":
    """The training and the test images that the options name."""
    from analogsim.inputs.data import load_data, place_of  # torch takes seconds

    assert source.data is not None
    detail(f"read: data from {place_of(source.data, source.data_dir)}")
    train, test = (
        load_data(
            source.data,
            split=split,
            data_dir=source.data_dir,
            download=source.download,
            normalise=source.normalise,
        )
        for split in ("train", "test")
    )
    return train, test

"""`analogsim drift`: accuracy over time on programmed, drifting chips."""

from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.lists import times_option
from analogsim.cli.options import data_options, network_options
from analogsim.cli.study_options import (
    place_of,
    place_options,
    preset_of,
    preset_option,
    start,
    study_options,
    study_values,
)
from analogsim.inputs.names import measure_in_words
from analogsim.spec.study import Spec


@click.command(
    cls=Command,
    example="analogsim drift zoo:digits_cnn --preset pcm --times 1s,1d,1y --chips 5 \\\n"
    "    --data digits -o out/drift",
)
@network_options
@preset_option
@times_option(
    "1s,1h,1d,30d,1y",
    "Times since programming, as the device counts (pcm: from its first read, 20 s later).",
)
@data_options(required=True)
@study_options
@place_options()
def drift(*, preset: str | None, **values: Any) -> None:
    """Program several chips with MODEL, let them drift, and measure the accuracy over time.

    MODEL is zoo:NAME, FILE.py:FACTORY, or a folder of convert, train or harden. Intervals are over
    chips. The same command goes on with a run that was broken off, and prints a finished one again.
    """
    place = place_of(values)
    keys = study_values(values)
    model, what = keys["model"], measure_in_words(keys["measure"])
    preset = preset_of(model) if preset is None else preset
    question = f"How does the {what} of {model} change over time on {preset}?"
    spec = Spec(question=question, presets=(preset,), **keys)
    start(spec, place)

"""`analogsim attribute`: which source of error and which layer costs how much accuracy."""

from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.lists import times_option
from analogsim.cli.options import data_options, network_options, network_values, option_of
from analogsim.cli.shared import all_of
from analogsim.cli.study_options import (
    check_counts,
    compensation_option,
    computing_options,
    no_sweep,
    place_of,
    place_options,
    preset_of,
    preset_option,
    start,
)
from analogsim.errors import InputError
from analogsim.inputs.names import measure_in_words
from analogsim.keys import keys_of
from analogsim.spec.attribution import AttributionSpec
from analogsim.spec.study import DEFAULT_CHIPS, Spec


@click.command(
    cls=Command,
    example="analogsim attribute zoo:digits_cnn --times 1d --chips 3 --limit 60 \\\n"
    "    --data digits -o out/attribute",
)
@network_options
@preset_option
@times_option("1d", "Times since programming; layers are suggested for the last one.")
@compensation_option
@option_of(
    "chips",
    default=DEFAULT_CHIPS,
    show_default=True,
    metavar=None,
    help="Programmings that choose; as many fresh ones verify.",
)
@all_of(*(option_of(name) for name in keys_of(AttributionSpec) if name not in keys_of(Spec)))
@data_options(required=True)
@option_of("measure")
@no_sweep(
    "an attribution's own conditions are its sources and layers",
    "attribute at one setting at a time, such as --periphery 'standard?adc_bits=4'",
)
@computing_options("Add chips or times to the run in the folder.")
@place_options()
def attribute(*, preset: str | None, compensation: str, **values: Any) -> None:
    """Switch the sources of error and the layers of MODEL on one at a time, and off one at a time.

    MODEL is zoo:NAME, FILE.py:FACTORY, or a folder of convert, train or harden. All chips of one
    number share their draws, so that differences are paired; intervals are over chips. Layers that
    are suggested to stay digital are verified on fresh chips. A run that was broken off goes on
    with the same command; attribution.json, .csv, .png and .md hold the results.
    """
    check_counts(chips=values["chips"], limit=values["limit"])
    recover, top = values["recover"], values["top"]
    if recover is not None and top is not None:
        raise InputError(
            f"suggestion must have one of --recover and --top, got {100 * recover:g}% and {top}; "
            "leave one out"
        )
    place = place_of(values)
    keys = network_values(values)
    model, what = keys["model"], measure_in_words(keys["measure"])
    preset = preset_of(model) if preset is None else preset
    question = f"Which source and which layer costs {model} {what} on {preset}?"
    spec = AttributionSpec(
        question=question, presets=(preset,), compensation=(compensation,), **keys
    )
    start(spec, place)

"""`analogsim attribute`: which source of error and which layer costs how much accuracy."""

from pathlib import Path
from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.lists import ListOption, times_option
from analogsim.cli.options import data_options, network_options, split_options
from analogsim.cli.study_options import (
    computing_options,
    measure_option,
    place_options,
    preset_of,
    preset_option,
    start,
)
from analogsim.errors import InputError
from analogsim.inputs.names import measure_in_words
from analogsim.spec.attribution import attribution_of
from analogsim.spec.study import DEFAULT_CHIPS, parse_share, spec_from_options


@click.command(
    cls=Command,
    example="analogsim attribute zoo:digits_cnn --times 1d --chips 3 --limit 60 \\\n"
    "    --data digits -o out/attribute",
)
@network_options
@preset_option
@times_option("1d", "Times since programming; layers are suggested for the last one.")
@click.option(
    "--compensation",
    type=click.Choice(["none", "global", "exact", "column", "gain", "current"]),
    default="global",
    show_default=True,
    help="Drift compensation.",
)
@click.option(
    "--chips",
    type=int,
    default=DEFAULT_CHIPS,
    show_default=True,
    help="Programmings that choose; as many fresh ones verify.",
)
@click.option(
    "--only",
    type=click.Choice(["sources", "layers"]),
    help="Look at one of the two.  [default: both]",
)
@click.option(
    "--layers",
    cls=ListOption,
    metavar="PATTERN",
    help="Layers to look at, for example 'layer1.*'.  [default: all analog ones]",
)
@click.option(
    "--recover",
    metavar="P%",
    help="Suggest the fewest layers to keep digital that recover this part of the loss."
    "  [default: 50%]",
)
@click.option("--top", type=int, help="In place of --recover: suggest the N costliest layers.")
@click.option(
    "--screen",
    type=int,
    metavar="N",
    help="Look at all layers with N images first and measure the costliest five in full.",
)
@data_options(required=True)
@measure_option
@computing_options("Add chips or times to the run in the folder.")
@place_options()
def attribute(
    *,
    preset: str | None,
    times: tuple[float, ...],
    compensation: str,
    chips: int,
    only: str | None,
    layers: tuple[str, ...],
    recover: str | None,
    top: int | None,
    screen: int | None,
    limit: int | None,
    batch_size: int,
    device: str,
    measure: str,
    output: Path | None,
    extend: bool,
    print_spec: bool,
    **values: Any,
) -> None:
    """Switch the sources of error and the layers of MODEL on one at a time, and off one at a time.

    MODEL is zoo:NAME, FILE.py:FACTORY, or a folder of convert, train or harden. All chips of one
    number share their draws, so that differences are paired; intervals are over chips. Layers that
    are suggested to stay digital are verified on fresh chips. A run that was broken off goes on
    with the same command; attribution.json, .csv, .png and .md hold the results.
    """
    for option, value in (("--chips", chips), ("--limit", limit)):
        if value is not None and value < 1:
            raise InputError(f"{option} must be at least 1, got {value}; give more")
    if recover is not None and top is not None:
        raise InputError(
            f"suggestion must have one of --recover and --top, got {recover} and {top}; "
            "leave one out"
        )
    place = {name: values.pop(name) for name in ("on", "address", "workers", "as_json")}
    network, data_from = split_options(values)
    if preset is None:
        preset = preset_of(network.model)
    spec = spec_from_options(
        network,
        data_from,
        question=f"Which source and which layer costs {network.model} "
        f"{measure_in_words(measure)} on {preset}?",
        presets=(preset,),
        times=times,
        compensation=(compensation,),
        chips=chips,
        limit=limit,
        batch_size=batch_size,
        device=device,
        measure=measure,
    )
    share = None if recover is None else parse_share(recover, where="--recover")
    asked = {"only": only, "layers": layers, "recover": share, "top": top, "screen": screen}
    attribution = attribution_of(spec, **asked)
    start(attribution, place, output=output, extend=extend, print_spec=print_spec)

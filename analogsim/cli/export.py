"""`analogsim export`: what tools for energy, latency and area read."""

from pathlib import Path
from typing import Any, cast

import click

from analogsim.cli import complete
from analogsim.cli.command import Command
from analogsim.cli.first import import_torch
from analogsim.cli.options import data_options
from analogsim.cli.say import detail, plain_warnings, say_json, tell, voice_options, warn
from analogsim.cli.shared import output_option
from analogsim.errors import InputError
from analogsim.export import FORMATS, Source, check_format, make_source, read_source, write_export
from analogsim.inputs.names import check_data
from analogsim.spec.options import DataOptions, NetworkOptions

_IMAGES = 128


@click.command(cls=Command, example="analogsim export out/drift --to zigzag -o out/for-zigzag")
@click.argument("folder", metavar="RUN|CHIP", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "name",
    required=True,
    metavar="|".join(FORMATS),
    shell_complete=complete.formats,
    help="The tool that is to read it.",
)
@output_option("New folder for it.", required=True)
@click.option(
    "--tiles-only", is_flag=True, help="Leave out what no tile computes; the files say what it is."
)
@click.option(
    "--network",
    metavar="FILE.py:FACTORY",
    help="The network's code, for a chip whose network is not of the zoo.",
)
@click.option(
    "--preset",
    metavar="FILE.py:NAME",
    help="The device's code, for a chip on a device of your own.",
)
@data_options(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print files and counts as JSON.")
@voice_options
def export(
    *,
    folder: Path,
    name: str,
    output: Path,
    tiles_only: bool,
    network: str | None,
    preset: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write what a tool for energy reads of RUN (drift, compare, attribute) or CHIP (convert).

    Layers, arrays, products, conversions, and measured mean inputs and conductances. A chip needs
    --data to measure inputs with; a run has measured them.
    """
    check_format(name)
    data = DataOptions(**options)
    if (folder / "chip.json").is_file():
        source = _source_of_chip(folder, data, network, preset, tiles_only=tiles_only)
    else:
        for option, value in (("--data", data.data), ("--network", network), ("--preset", preset)):
            if value is not None:
                raise InputError(
                    f"{option} must go with a folder of convert, got {value!r} with {folder}; a "
                    "run has measured its inputs: leave it out"
                )
        source = read_source(folder, tiles_only=tiles_only)
    written = write_export(source, name, output)
    layers = source.work["layers"]
    adc, dac = (sum(one[what] for one in layers) for what in ("adc", "dac"))
    arrays = sum(one["count"] for one in source.arrays)
    if as_json:
        content = {
            "to": name,
            "files": [str(path) for path in written],
            "arrays": arrays,
            "adc": adc,
            "dac": dac,
            "left_out": list(source.left_out),
            "workload": source.work,
        }
        say_json("export", content)
        return
    click.echo(
        f"{len(layers)} layers on {arrays:,} arrays; {adc:,} ADC readings and {dac:,} row drives "
        "an input"
    )
    for path in written:
        click.echo(path)


def _source_of_chip(
    folder: Path, options: DataOptions, network: str | None, preset: str | None, *, tiles_only: bool
) -> Source:
    if options.data is None:
        raise InputError(
            f"chip {folder} must be exported with inputs to measure, got no --data; add --data DATA"
        )
    check_data(options.data)

    import_torch()
    from analogsim.crossbar.chip.workload import workload_of
    from analogsim.experiment.describe import coverage_entry, crossbar_entry
    from analogsim.experiment.workload import WorkloadEntry
    from analogsim.inputs.batching import batches
    from analogsim.studies.prepare import open_data, prepare, preset_of_model
    from device_models.registry import spec_of

    # All else is the folder's own.
    asked = NetworkOptions(model=str(folder), network=network)
    data = open_data(options, tell=tell, detail=detail)
    device = preset or preset_of_model(str(folder))
    assert device is not None, "it is a folder of convert"
    with plain_warnings():
        prepared = prepare(asked, options, device, data, warn=warn, detail=detail)
    assert prepared.chip is not None
    analog = prepared.analog
    images, _ = next(batches(data, _IMAGES, _IMAGES))
    return make_source(
        model=prepared.name,
        preset=spec_of(analog.device),
        periphery=analog.periphery.as_dict(),
        work=cast(WorkloadEntry, workload_of(prepared.chip, images)),
        crossbar=crossbar_entry(analog),
        coverage=coverage_entry(analog),
        tiles_only=tiles_only,
    )

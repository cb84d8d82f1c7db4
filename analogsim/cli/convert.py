"""`analogsim convert`: map a network onto tiles, program one chip, save it."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analogsim.cli import colour, complete
from analogsim.cli.command import Command
from analogsim.cli.first import import_torch
from analogsim.cli.options import data_options, network_options, network_values, one_device, taken
from analogsim.cli.say import detail, plain_warnings, say, say_json, tell, voice_options, warn
from analogsim.cli.shared import output_option
from analogsim.errors import InputError
from analogsim.inputs.names import check_data, check_model
from analogsim.spec.names import check_periphery, check_preset
from analogsim.spec.options import DataOptions, NetworkOptions

if TYPE_CHECKING:
    from analogsim.crossbar.chip.effect_gains import EffectGain


@click.command(
    cls=Command,
    example="analogsim convert zoo:digits_cnn --preset pcm --data digits -o out/chip",
)
@network_options
@click.option(
    "--preset",
    callback=one_device,
    default="pcm",
    show_default=True,
    help="Analog device; see analogsim presets.",
    shell_complete=complete.presets,
)
@output_option("New folder for the chip.  [required, but for --dry-run]")
@click.option("--chip", type=int, default=0, show_default=True, help="Number of the chip.")
@click.option("--dry-run", is_flag=True, help="Show the table; program and write nothing.")
@click.option("--input-shape", metavar="C,H,W", help="Shape of one input, where there is no data.")
@data_options(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@voice_options
def convert(
    *,
    preset: str,
    output: Path | None,
    chip: int,
    dry_run: bool,
    input_shape: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Convert MODEL, calibrate its input ranges, program one chip, write it to a folder.

    MODEL is zoo:NAME, FILE.py:FACTORY, or a folder of convert, train or harden.
    """
    keys = network_values(options)
    data_from = taken(DataOptions, keys)
    network = NetworkOptions(**keys)
    if output is None and not dry_run:
        raise InputError("convert must have a folder to write, got none; add -o DIR or --dry-run")
    shape = _shape(input_shape)
    check_model(network.model)
    check_preset(preset)
    check_periphery(network.periphery, network.model)
    if data_from.data is not None:
        check_data(data_from.data)

    import_torch()
    from analogsim.crossbar.chip.effect_gains import effect_gains, gain_table
    from analogsim.crossbar.chip.program import check_numbers, program
    from analogsim.crossbar.conversion.overview import overview
    from analogsim.crossbar.folder.checkpoint import FILES, save
    from analogsim.crossbar.forward.reads import reads_entry
    from analogsim.crossbar.mapping.layer_table import layer_table
    from analogsim.experiment.describe import coverage_entry, crossbar_entry, layer_entry
    from analogsim.experiment.folder import prepare_folder
    from analogsim.report.table import coverage_lines
    from analogsim.studies.prepare import open_data, prepare
    from device_models.registry import spec_of

    check_numbers(seed=network.seed, chip=chip)
    if output is not None and not dry_run:
        prepare_folder(output, FILES)
    data = None if data_from.data is None else open_data(data_from, tell=tell, detail=detail)
    with plain_warnings():
        prepared = prepare(
            network, data_from, preset, data, shape, need_weights=False, warn=warn, detail=detail
        )
    analog = prepared.analog
    report = analog.report
    gains: dict[str, list[EffectGain]] = {}
    if not dry_run:
        made = program(analog, seed=network.seed, chip=chip)
        report = made.report
        assert output is not None
        save(made, output, model=prepared.note)
        for name in dict.fromkeys(effect.info.name for effect in analog.effects):
            gains[name] = effect_gains(analog, name, seed=network.seed, chip=chip)
    not_modelled = analog.periphery.not_modelled(analog.tile)
    notes = [*prepared.notes, *analog.notes]
    if as_json:
        say_json(
            "conversion",
            {
                "model": prepared.name,
                "preset": spec_of(analog.device),
                "periphery": analog.periphery.as_dict(),
                "tile": analog.tile,
                "forward": analog.forward,
                "bn": analog.bn,
                "not_modelled": list(not_modelled),
                "notes": notes,
                "coverage": coverage_entry(analog),
                "crossbar": crossbar_entry(analog),
                "conversions": reads_entry(analog),
                "seed": network.seed,
                "chip": None if dry_run else chip,
                "folder": None if dry_run else str(output),
                "layers": [layer_entry(line) for line in report],
                "effect_gains": [
                    {"effect": name, **dataclasses.asdict(one)}
                    for name, found in gains.items()
                    for one in found
                ],
            },
        )
        return
    say(
        f"{prepared.name} on {spec_of(analog.device)}, periphery {analog.periphery.name}, "
        f"{analog.tile} tile, BN {analog.bn}"
    )
    say("\n".join([*coverage_lines(coverage_entry(analog)), ""]))
    click.echo(colour.layer_table(layer_table(report)))
    for name, found in gains.items():
        click.echo(f"\nIs {name!r} just a gain? |w' - w| / |w| right after programming:\n")
        click.echo(f"{gain_table(found)}\n")
    click.echo()
    for part, text in overview(analog):
        click.echo(f"{part.lower()}: {text}")
    for text in analog.periphery.added(analog.tile, [analog.device]):
        click.echo(f"added: {text}")
    for text in notes:
        tell(f"note: {text}")
    if not dry_run:
        click.echo(f"\n{output}")


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    # Nine digits: Python refuses to read a number of thousands of them.
    good = (part.strip().isdecimal() and len(part.strip()) <= 9 for part in parts)
    if not all(good) or not all(int(part) > 0 for part in parts):
        raise InputError(
            f"--input-shape must be whole numbers above 0, got {text[:60]!r}; "
            "write for example 3,32,32"
        )
    return tuple(int(part) for part in parts)

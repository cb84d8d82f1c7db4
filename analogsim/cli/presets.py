"""`analogsim presets`: devices and effects, what each models, and the numbers of a device."""

import dataclasses
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import click

from analogsim.cli import complete
from analogsim.cli.command import Command
from analogsim.cli.first import import_matplotlib, import_torch
from analogsim.cli.say import say_json
from analogsim.cli.shared import output_option
from analogsim.errors import InputError
from analogsim.experiment.folder import make_folder
from analogsim.spec.device import device_of
from device_models.constants import Constant, cited, options_of
from device_models.contract import Device, DeviceInfo
from device_models.effects.contract import WHEN, Effect, EffectInfo
from device_models.effects.registry import EFFECTS, parse_effect
from device_models.registry import DEVICES, spec_of


@click.command(cls=Command, example="analogsim presets pcm")
@click.argument("name", required=False, shell_complete=complete.presets)
@click.option("--check", is_flag=True, help="Use the device, and say where it breaks a rule.")
@click.option("--plot", is_flag=True, help="Draw how its cells behave, into the folder of -o.")
@output_option("Folder for the charts of --plot.", default=Path("out/device"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every number in full.")
@click.pass_context
def presets(
    ctx: click.Context,
    name: str | None,
    *,
    check: bool,
    plot: bool,
    output: Path,
    as_json: bool,
) -> None:
    """List the devices and effects, or say everything about the device or effect NAME.

    NAME may carry options, as everywhere: 'gaussian?eta=0.1' (in quotes, for the shell). It may
    be FILE.py:NAME, a device of your own, or a TOML file.

    --plot writes charts (PNG, SVG, CSV) from seeded draws of many weights: spread after
    programming, weights over time with bands, read noise.

    --check programs and drifts small tiles, and holds the device to what every device must keep to:
    one line a check. Exits with 1 if one fails.
    """
    if check and plot:
        raise InputError("--check must stand without --plot, got both; give one at a time")
    if check:
        ctx.exit(_check(name, as_json=as_json))
    if plot:
        _plot(name, output)
        return
    if name is None:
        if as_json:
            outlines = [_outline(DEVICES[key]()) for key in DEVICES]
            effects = [_effect_outline(one.info) for one in EFFECTS.values()]
            say_json("presets", {"presets": outlines, "effects": effects})
        else:
            click.echo("\n".join(_listing()))
        return
    if name.partition("?")[0] in EFFECTS:
        _say_effect(parse_effect(name), as_json=as_json)
        return
    device = device_of(name)
    if as_json:
        constants = [dataclasses.asdict(constant) for constant in device.constants()]
        content = dataclasses.asdict(device.info)
        # Reports say how to cite a device.
        del content["bibtex"]
        content["citation"] = cited(device)
        content |= {"options": dataclasses.asdict(device), "constants": constants}
        say_json("preset", content)
    else:
        click.echo("\n".join(_details(device)))


def _device(name: str | None, option: str) -> Device:
    if name is None or name.partition("?")[0] in EFFECTS:
        got = "no name" if name is None else f"effect {name}"
        raise InputError(
            f"{option} must be of one device, got {got}; name a device, as in analogsim presets "
            f"my_device.py:MyCell {option}"
        )
    return device_of(name)


def _plot(name: str | None, output: Path) -> None:
    device = _device(name, "--plot")
    import_torch()
    import_matplotlib()
    from analogsim.report.charts_folder import CHARTS_FOLDER, write_charts
    from analogsim.report.device_chart import device_charts
    from device_models.simulated import behaviour

    charts = device_charts(spec_of(device), behaviour(device))
    make_folder(output)
    write_charts(output, charts)
    for chart in charts:
        click.echo(f"{output / CHARTS_FOLDER / chart.name}.png  {chart.words}")


def _check(name: str | None, *, as_json: bool) -> int:
    device = _device(name, "--check")
    import_torch()
    from device_models.checking import check_device

    results = check_device(device)
    passed = all(one.ok is not False for one in results)
    if as_json:
        checks = [dataclasses.asdict(one) for one in results]
        say_json("device-check", {"preset": spec_of(device), "passed": passed, "checks": checks})
    else:
        said = {True: "ok", False: "fails", None: "-"}
        for one in results:
            click.echo(f"{said[one.ok]:<6} {one.name:<13} {one.text}")
    return 0 if passed else 1


def _outline(device: Device) -> dict[str, Any]:
    info = device.info
    return {
        "name": info.name,
        "title": info.title,
        "valid_times": info.valid_times,
        "citation": info.citation,
    }


def _effect_outline(info: EffectInfo) -> dict[str, Any]:
    return {"name": info.name, "title": info.title, "citation": info.citation}


def _say_effect(effect: Effect, *, as_json: bool) -> None:
    info, moment = effect.info, effect.moment
    options = {field.name: getattr(effect, field.name) for field in dataclasses.fields(effect)}
    if as_json:
        say_json("effect", {**dataclasses.asdict(info), "moment": moment, "options": options})
        return
    said = {
        "acts": f"as an effect (--effect), {WHEN[moment]}",
        "domain": info.domain,
        "citation": info.citation,
        "options": ", ".join(f"{key}={_value(value)}" for key, value in options.items()),
    }
    click.echo("\n".join(_about(info, said)))


def _about(info: DeviceInfo | EffectInfo, more: Mapping[str, str]) -> list[str]:
    """What a device or effect is and is not, and more of it, each behind its term."""
    said = {"models": info.models, "not modelled": info.not_modelled, "law": info.law, **more}
    entries = [_entry(term, text, left=14) for term, text in said.items()]
    return [f"{info.name}: {info.title}", "", *chain.from_iterable(entries)]


def _listing() -> list[str]:
    left = max(map(len, [*DEVICES, *EFFECTS])) + 2
    lines = []
    for name, device in DEVICES.items():
        info = device.info
        lines += _entry(name, info.title, left=left)
        lines += _entry("", f"valid times: {info.valid_times}", left=left)
        lines += _entry("", info.citation, left=left)
        lines.append("")
    lines += ["Effects, which act on the cells of any device (--effect):", ""]
    for name, effect in EFFECTS.items():
        lines += _entry(name, effect.info.title, left=left)
        lines += [*_entry("", effect.info.citation, left=left), ""]
    return [*lines, "Constants, law and limits of one: analogsim presets NAME"]


def _details(device: Device) -> list[str]:
    times = device.info.valid_times
    lines = _about(device.info, {"valid times": times, "citation": cited(device)})
    of_law = options_of(device)
    values = dataclasses.asdict(device)
    options = [f"{key}={_value(value)}" for key, value in values.items() if key not in of_law]
    shown = {one.option for one in device.constants()}
    options += [f"{key} (not set)" for key in of_law if values[key] is None and key not in shown]
    lines += _entry("options", ", ".join(options), left=14)
    if of_law:
        lines += _entry(
            "", f"and the constants, by the name beside each: {_example(device)}", left=14
        )
    # Most numbers of a device have one source: it stands once over them, not in each line.
    for source, constants in groupby(device.constants(), key=lambda constant: constant.source):
        lines += ["", *_entry("constants", f"from {source}", left=14)]
        lines += _constants(list(constants))
    return lines


def _example(device: Device) -> str:
    one = next(one for one in device.constants() if one.option)
    return f"'{device.info.name}?{one.option}={_value(one.value)}'"


def _constants(constants: Sequence[Constant]) -> list[str]:
    """Symbol, value, unit, option and meaning, aligned; unit 1 is dimensionless and not shown."""
    cells = [
        (one.symbol, _value(one.value), "" if one.unit == "1" else one.unit, one.option)
        for one in constants
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    lines = []
    for (symbol, value, unit, option), one in zip(cells, constants, strict=True):
        head = f"  {symbol:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  "
        head += f"{option:<{widths[3]}}  " if widths[3] else ""
        lines += _entry(head, one.meaning, left=len(head))
    return lines


def _entry(term: str, text: str, *, left: int) -> list[str]:
    """A term and its text, wrapped to the screen (80 columns in a pipe) with a hanging indent."""
    width = max(60, min(shutil.get_terminal_size((80, 24)).columns, 100))
    return textwrap.wrap(
        text,
        width=width,
        initial_indent=term.ljust(left),
        subsequent_indent=" " * left,
        # A formula or a reference must not be torn at a hyphen.
        break_on_hyphens=False,
        break_long_words=False,
    )


def _value(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)

"""The devices as Markdown, from `DeviceInfo`, `constants()` and the docstrings themselves."""

import base64
import dataclasses
import inspect
from html import escape
from itertools import groupby
from typing import Any

from markdown import code, plain, table

from analogsim.report.device_chart import device_charts
from analogsim.report.formula import formula
from analogsim.report.look import PAGE, png_bytes
from device_models import DEVICES, Constant, Device
from device_models.constants import options_of
from device_models.effects import EFFECTS
from device_models.effects.contract import WHEN
from device_models.effects.shorthand import SHORTHANDS
from device_models.gaussian_by_state import StateGaussian
from device_models.gaussian_matched import MatchedGaussian
from device_models.simulated import behaviour

_UNITS = {"1": "", "uS": "\u03bcS"}


def devices() -> list[str]:
    """Every device that has a name on the command line."""
    return [line for device in DEVICES.values() for line in _device(device, device())]


def controls() -> list[str]:
    """The noise that `compare --gaussian matched` makes; measured, so without constants."""
    return [line for device in (MatchedGaussian, StateGaussian) for line in _device(device, None)]


def effects() -> list[str]:
    """Every effect that has a name on the command line."""
    lines = []
    for kind in EFFECTS.values():
        info = kind.info
        lines += ["", f"### {info.name}", "", f"{plain(info.title)}.", ""]
        lines += ['<div class="law">', f"<div>{formula(info.law)}</div>", "</div>", ""]
        for term, text in (
            ("Modelled", info.models),
            ("Not modelled", info.not_modelled),
            ("Acts", f"{WHEN[kind.moment]}."),
            ("Holds for", info.domain),
            ("Source", info.citation),
        ):
            lines += [term, f": {plain(text)}", ""]
        for name, short in SHORTHANDS.items():
            if short.effect == info.name:
                said = f"{code(f'--{name} {short.example}')}, in a spec the key {code(name)}."
                lines += ["In short", f": {said}", ""]
        lines += _options(kind)
    return lines


def _device(kind: type[Device], made: Device | None) -> list[str]:
    info = kind.info
    lines = ["", f"## {info.name}", "", f"{plain(info.title)}.", ""]
    laws = [f"<div>{formula(clause)}</div>" for clause in info.law.split("; ")]
    lines += ['<div class="law">', *laws, "</div>", ""]
    for term, text in (
        ("Modelled", info.models),
        ("Not modelled", info.not_modelled),
        ("Valid times", info.valid_times),
        ("Source", info.citation),
    ):
        lines += [term, f": {plain(text)}", ""]
    lines += _options(kind)
    if made is None:
        return lines
    lines += _charts(made)
    for source, constants in groupby(made.constants(), key=lambda one: one.source):
        lines += ["", f"Constants, from: {plain(source)}.", ""]
        lines += table(("symbol", "value", "unit", "option", "meaning"), map(_row, constants))
    return lines


def _charts(made: Device) -> list[str]:
    """How its cells behave, as `analogsim presets NAME --plot` draws it; pictures in the page."""
    lines = ["", "::::{container} cards", ""]
    for chart in device_charts(made.info.name, behaviour(made)):
        png = base64.b64encode(png_bytes(chart.figure(PAGE), dpi=90)).decode()
        picture = f'<img src="data:image/png;base64,{png}" alt="{escape(chart.words)}">'
        lines += [f"**{chart.title}**", "", picture, "", plain(chart.caption), ""]
    return [*lines, "::::", ""]


def _options(kind: Any) -> list[str]:
    """The options with their defaults, and what the code says of the model."""
    lines = table(
        ("option", "default"),
        (
            (code(field.name), _default(field.default))
            for field in dataclasses.fields(kind)
            # A constant's default stands in the table of constants, if it has one.
            if field.name not in options_of(kind) or field.default is None
        ),
    )
    # The first paragraph is the law once more.
    _, *paragraphs = (inspect.getdoc(kind) or "").split("\n\n")
    return [*lines, *(line for one in paragraphs for line in (plain(one), ""))]


def _default(value: object) -> str:
    if value is dataclasses.MISSING:
        return "none: it is measured"
    if value is None:
        return "not set"
    return code(str(value).lower() if isinstance(value, bool) else str(value))


def _row(one: Constant) -> tuple[str, str, str, str, str]:
    value = f"{one.value:.12g}" if isinstance(one.value, float) else str(one.value)
    unit, option = _UNITS.get(one.unit, one.unit), code(one.option) if one.option else ""
    return formula(one.symbol), value, unit, option, formula(one.meaning)

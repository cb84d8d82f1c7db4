"""Effects with an option and a key of their own: `--faults on=1%,off=1%` for `--effect ...`.

One line in `SHORTHANDS` gives a command its option, specs their key (and its place in the schema),
sweeps their axis, and the docs their line. What is kept anywhere is the effect's own spec.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from device_models.effects.registry import parse_effect, spec_of_effect
from device_models.errors import DeviceError

NONE = "none"
"""The text for no effect, in every shorthand."""


@dataclass(frozen=True, kw_only=True)
class Shorthand:
    """A short text for one effect.

    Attributes:
        effect: its name.
        example: such a text.
        says: what it is for, as the help of an option says it.
        read: from the user's text to the effect's spec; it may raise `DeviceError`.
    """

    effect: str
    example: str
    says: str
    read: Callable[[str], str]


def spec_of_shorthand(name: str, text: str) -> str:
    """Return the spec of the effect that `text` asks for, in its shortest form.

    Args:
        name: in `SHORTHANDS`.
        text: as the shorthand reads it, `none`, or the effect's spec itself.

    Raises `DeviceError` for a text that it is not, and as `parse_effect`.
    """
    short, text = SHORTHANDS[name], text.strip()
    if not text:
        raise DeviceError(f"{name} must be an effect in short, got ''; write {short.example}")
    if text == NONE:
        text = short.effect
    elif text.partition("?")[0] != short.effect:
        text = short.read(text)
    return spec_of_effect(parse_effect(text))


def options_of(effect: str) -> Callable[[str], str]:
    """Reads `option=value,option=value`, where a number may be a percentage, for an effect."""

    def read(text: str) -> str:
        items = [item.strip().partition("=") for item in text.split(",")]
        return f"{effect}?" + "&".join(
            f"{option.strip()}{equals}{_fraction(value.strip(), effect)}"
            for option, equals, value in items
        )

    return read


def _fraction(text: str, effect: str) -> str:
    if not text.endswith("%"):
        return text
    try:
        return repr(float(text[:-1]) / 100)
    except ValueError as error:
        raise DeviceError(
            f"effect {effect!r} must have numbers in front of %, got {text!r}; write for example 1%"
        ) from error


def wires(text: str) -> str:
    """Reads a resistance, the name of a published one, or `row=1ohm,col=2ohm`; then options."""
    options: dict[str, str] = {}
    for item in text.split(","):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals and name in WIRES:
            options |= WIRES[name]
        elif not equals:
            options |= dict.fromkeys(("r_row", "r_col"), _ohm(name))
        elif f"r_{name}" in _RESISTANCES or name in _RESISTANCES:
            options[f"r_{name.removeprefix('r_')}"] = _ohm(value)
        else:
            options[name] = value
    return "wires?" + "&".join(f"{name}={value}" for name, value in options.items())


def _ohm(text: str) -> str:
    number = text.removesuffix("ohm").strip()
    try:
        return repr(float(number))
    except ValueError as error:
        raise DeviceError(
            f"effect 'wires' must have resistances in ohm or one of {', '.join(WIRES)}, got "
            f"{text!r}; write for example 1ohm, or row=1ohm,col=2ohm"
        ) from error


_RESISTANCES = ("r_row", "r_col", "r_driver", "r_sense")
WIRES: dict[str, dict[str, str]] = {
    # IOParameters.ir_drop_g_ratio: columns alone, 0.35 ohm from cell to cell.
    "aihwkit": {"r_col": "0.35"},
    # IOParametersIRDropT.ir_drop_rs: both cells of a weight on a column, sensed at either end.
    "irdrop_t": {"r_col": "0.15", "pairs": "rows", "sensed": "both"},
}
"""Published resistances of wires, by name: of aihwkit 1.2.0 (simulator/parameters/io.py)."""

SHORTHANDS: dict[str, Shorthand] = {
    "faults": Shorthand(
        effect="faults",
        example="on=1%,off=1%",
        says="Faulty cells: shares stuck on, off and open",
        read=options_of("faults"),
    ),
    "wires": Shorthand(
        effect="wires",
        example="1ohm",
        says="Resistance of the arrays' rows and columns, from cell to cell",
        read=wires,
    ),
}

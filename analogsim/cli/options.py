"""Options that several commands share, and the values that they give."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from analogsim.cli import complete
from analogsim.cli.lists import ListOption
from analogsim.cli.shared import Command, all_of
from analogsim.errors import InputError, shown
from analogsim.keys import keys_of
from analogsim.spec.options import DataOptions, NetworkOptions
from analogsim.spec.table import KEYS
from device_models.effects.shorthand import SHORTHANDS, spec_of_shorthand
from device_models.registry import DEVICES


def option_of(name: str, *names: str, **own: Any) -> Callable[[Command], Command]:
    """The option of a key of specs.

    Args:
        name: the key.
        names: the option's, where it is not called as the key is.
        own: what a command says otherwise, as click has it.
    """
    row = KEYS[name]
    rule = row.key.schema.get("items", row.key.schema)
    settings: dict[str, Any] = {"help": row.key.help, "metavar": row.key.metavar, **_type(rule)}
    if row.key.path:
        settings["type"] = click.Path()
    if row.key.complete:
        settings["shell_complete"] = getattr(complete, row.key.complete)
    is_list = row.key.schema.get("type") == "array"
    if is_list and rule.get("type") == "number":
        settings |= {"type": str, "callback": _numbers}
    elif is_list:
        settings["cls"] = ListOption
    if "anyOf" in rule:
        settings["callback"] = _read
    if not (row.required or row.key.schema.get("type") == "boolean" or row.default in (None, ())):
        shares = is_list and "anyOf" in rule
        default = tuple(f"{100 * one:g}%" for one in row.default) if shares else row.default
        settings |= {"default": default, "show_default": True}
    option = f"--{name.replace('_', '-')}"
    return click.option(*(names or (option, name)), **settings | own)


def _type(rule: Mapping[str, Any]) -> dict[str, Any]:
    if "enum" in rule:
        return {"type": click.Choice(rule["enum"])}
    if rule.get("type") == "boolean":
        return {"is_flag": True}
    return {"type": {"integer": int, "number": float}.get(str(rule.get("type")), str)}


def _read(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """A callback of shares: text as a spec reads it. Raises InputError."""
    assert param.name is not None
    return None if value is None else KEYS[param.name].key.read(value, param.opts[-1])


def _numbers(
    ctx: click.Context, param: click.Parameter, text: str | None
) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as err:
        raise InputError(
            f"{param.opts[0]} must be numbers separated by commas, got {text!r}; "
            "write for example 0.49,0.48,0.45"
        ) from err


def one_device(ctx: click.Context, param: click.Parameter, preset: str | None) -> str | None:
    """A callback of `--preset`. Raises InputError for several devices."""
    parts = (preset or "").split(",")
    if len(parts) > 1 and any(part.strip().partition("?")[0] in DEVICES for part in parts):
        raise InputError(
            f"--preset must be one device, got {shown(preset)}; measure several with analogsim "
            "compare --presets"
        )
    return preset


_EFFECTS = (
    option_of("effects", "--effect", "effects", cls=click.Option, multiple=True),
    *(
        click.option(
            f"--{name}",
            metavar=name.upper(),
            help=f"{short.says}: for example {short.example}; short for --effect "
            f"'{short.effect}?...', behind those.",
        )
        for name, short in SHORTHANDS.items()
    ),
)
model_argument = click.argument("model", metavar="MODEL", shell_complete=complete.models)


effect_options = all_of(*_EFFECTS)
"""What acts on the cells beside the device's law; see `effects_of`."""


def effects_of(values: dict[str, Any]) -> tuple[str, ...]:
    """Specs of the effects, out of a command's arguments.

    Raises:
        DeviceError: a shorthand for an effect is none.
    """
    short = [spec_of_shorthand(n, values[n]) for n in SHORTHANDS if values[n] is not None]
    return (*values["effects"], *short)


network_options = all_of(
    model_argument,
    *(option_of(n) for n in keys_of(NetworkOptions) if n not in ("model", "effects")),
    *_EFFECTS,
    click.option(
        "--dtype",
        type=click.Choice(["float32", "bf16"]),
        default="float32",
        show_default=True,
        help="bf16 is short for --forward native-bf16.",
    ),
)
"""MODEL and everything that decides its conversion but the device."""


def data_options(*, required: bool) -> Callable[[Command], Command]:
    """Which images to use."""
    first, *rest = keys_of(DataOptions)
    return all_of(option_of(first, required=required), *map(option_of, rest))


Kind = TypeVar("Kind")


def taken(kind: type[Kind], values: dict[str, Any]) -> Kind:
    """The keys of a dataclass of options, taken out of a command's arguments."""
    return kind(**{name: values.pop(name) for name in keys_of(kind)})


def network_values(values: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a command of `network_options` as specs have them.

    Raises:
        InputError: --dtype and --forward contradict each other.
        DeviceError: a shorthand for an effect is none.
    """
    rest = {name: value for name, value in values.items() if name not in (*SHORTHANDS, "dtype")}
    rest["forward"] = _forward(values["forward"], values["dtype"])
    return {**rest, "effects": effects_of(values)}


def _forward(forward: str, dtype: str) -> str:
    if dtype == "float32":
        return forward
    if forward in {"tile", "native-compiled"}:
        raise InputError(
            f"--dtype {dtype} must be used with native products, got --forward {forward}; "
            "leave one of the two out"
        )
    return "native-bf16"

"""Options that several commands share, and the values that they give."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from analogsim.cli import complete
from analogsim.cli.lists import ListOption
from analogsim.errors import InputError, shown
from analogsim.spec.options import DataOptions, NetworkOptions
from device_models.effects.shorthand import SHORTHANDS, spec_of_shorthand
from device_models.registry import DEVICES

Command = TypeVar("Command", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)


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
    click.option(
        "--effect",
        "effects",
        multiple=True,
        metavar="EFFECT",
        help="What acts on the cells beside the device's law, for example "
        "'stuck?rate_off=0.01' (once for each, in the order in which current meets them); see "
        "analogsim presets.",
        shell_complete=complete.effects,
    ),
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


def effect_options(command: Command) -> Command:
    """What acts on the cells beside the device's law; see `effects_of`."""
    for option in reversed(_EFFECTS):
        command = option(command)
    return command


def effects_of(values: dict[str, Any]) -> tuple[str, ...]:
    """Specs of the effects, out of a command's arguments.

    Raises:
        DeviceError: a shorthand for an effect is none.
    """
    short = [spec_of_shorthand(n, values[n]) for n in SHORTHANDS if values[n] is not None]
    return (*values["effects"], *short)


periphery_option = click.option(
    "--periphery",
    default="standard",
    show_default=True,
    metavar="NAME|FILE.toml[?FIELD=VALUE]",
    shell_complete=complete.peripheries,
    help="DAC, ADC, noise, slices and tile size around the devices: standard, ideal, "
    "isaac, prime, sonos, hermes, or a file; with single fields: "
    "'standard?adc_bits=4&output_noise=0'.",
)


def network_options(command: Command) -> Command:
    """MODEL and everything that decides its conversion but the device."""
    for option in reversed(
        (
            click.argument("model", metavar="MODEL", shell_complete=complete.models),
            click.option("--weights", type=_PATH, help=".safetensors, .pt, .pth or .th file."),
            click.option(
                "--network",
                metavar="FILE.py:FACTORY",
                help="The network's code, for a folder that was made from such a file.",
            ),
            click.option("--untrained", is_flag=True, help="Allow a zoo network without weights."),
            click.option(
                "--bn",
                cls=ListOption,
                type=click.Choice(["digital", "fold", "recalibrate", "recalibrate-once", "none"]),
                default=("digital",),
                show_default=True,
                help="BatchNorm: in digital periphery; folded into the weights; in digital with "
                "statistics estimated anew on each chip at each time, or once after programming; "
                "none says that the network has none (several in drift and compare).",
            ),
            click.option(
                "--recalibration",
                type=click.Choice(["average", "adabs"]),
                default="average",
                show_default=True,
                help="How statistics are estimated: cumulative average, or AdaBS (Joshi 2020).",
            ),
            click.option(
                "--recalibration-images",
                type=int,
                metavar="N",
                help="From the first N training images.  [default: 1000; adabs: 2600]",
            ),
            click.option(
                "--keep-digital",
                cls=ListOption,
                metavar="PATTERN",
                help="Layers that stay digital, for example 'layer1.*'.",
            ),
            click.option(
                "--grouped",
                type=click.Choice(["digital", "blocks"]),
                default="digital",
                show_default=True,
                help="Depthwise convolutions and those of many groups: digital, or on tiles, as "
                "many groups as fit along each tile's diagonal (its other cells hold 0).",
            ),
            *_EFFECTS,
            periphery_option,
            click.option(
                "--tile",
                type=click.Choice(["native", "torch", "cpp"]),
                default=None,
                help="The law of a product: native is the whole periphery; torch that of aihwkit's "
                "torch tile, without IR drop and read noise of products; cpp the whole one on "
                "aihwkit's C++ tile, whose noise has no seed.  "
                "[default: native; a run that goes on keeps its own]",
            ),
            click.option(
                "--forward",
                type=click.Choice(["auto", "native", "native-bf16", "native-compiled", "tile"]),
                default="auto",
                show_default=True,
                help="Who computes a product: the network's own convolutions, or aihwkit's tiles; "
                "native-bf16 rounds to bfloat16 (ideal periphery; about 1 % of the logits); "
                "native-compiled goes through torch's compiler (ideal periphery; needs g++).",
            ),
            click.option(
                "--dtype",
                type=click.Choice(["float32", "bf16"]),
                default="float32",
                show_default=True,
                help="bf16 is short for --forward native-bf16.",
            ),
            click.option("--seed", type=int, default=0, show_default=True, help="Root seed."),
            click.option(
                "--stream",
                type=click.Choice(["aihwkit", "philox"]),
                default="aihwkit",
                show_default=True,
                help="Draws of programming and drift: aihwkit's own, bit for bit, or the "
                "reproducible stream in one compiled pass, several times faster (PCM; numba).",
            ),
        )
    ):
        command = option(command)
    return command


def data_options(*, required: bool) -> Callable[[Command], Command]:
    """Which images to use."""

    def decorate(command: Command) -> Command:
        for option in reversed(
            (
                click.option(
                    "--data",
                    required=required,
                    metavar="DATA",
                    shell_complete=complete.data,
                    help="digits, cifar10, cifar100, folder:PATH, npz:FILE or FILE.py:FACTORY.",
                ),
                click.option(
                    "--data-dir", type=_PATH, help="Where CIFAR lies  [default: $ANALOGSIM_DATA]"
                ),
                click.option("--download", is_flag=True, help="Fetch CIFAR if it is missing."),
                *(
                    click.option(
                        option, metavar=form, callback=_numbers, help="Normalisation, per channel."
                    )
                    for option, form in (("--mean", "M[,M,M]"), ("--std", "S[,S,S]"))
                ),
            )
        ):
            command = option(command)
        return command

    return decorate


def split_options(values: dict[str, Any]) -> tuple[NetworkOptions, DataOptions]:
    """The values of `network_options` and `data_options` out of a command's arguments.

    Raises:
        InputError: --dtype and --forward contradict each other.
        DeviceError: a shorthand for an effect is none.
    """
    effects = effects_of(values)
    fields = NetworkOptions.__dataclass_fields__
    network = {name: values[name] for name in fields if name != "effects"} | {"effects": effects}
    network["forward"] = _forward(values["forward"], values["dtype"])
    data = {name: values[name] for name in DataOptions.__dataclass_fields__}
    return NetworkOptions(**network), DataOptions(**data)


def _forward(forward: str, dtype: str) -> str:
    if dtype == "float32":
        return forward
    if forward in {"tile", "native-compiled"}:
        raise InputError(
            f"--dtype {dtype} must be used with native products, got --forward {forward}; "
            "leave one of the two out"
        )
    return "native-bf16"

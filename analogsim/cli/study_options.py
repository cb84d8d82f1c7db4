"""Options of the commands that run a study."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import click
from click.core import ParameterSource

from analogsim.cli.first import import_matplotlib, import_torch
from analogsim.cli.options import network_values, one_device, option_of
from analogsim.cli.say import voice_options
from analogsim.cli.shared import Command, all_of, output_option
from analogsim.errors import InputError, shown
from analogsim.experiment.axes import read_axes
from analogsim.keys import keys_of
from analogsim.spec.file import AnySpec, as_toml
from analogsim.spec.names import check_names
from analogsim.spec.options import NetworkOptions, OfImages
from analogsim.spec.study import DEFAULT_CHIPS, Spec
from analogsim.spec.sweep import OWN_KEYS
from analogsim.spec.sweep_check import check_sweep

_PLACE = ("on", "address", "workers", "as_json", "output", "extend", "print_spec")
# Python reads no whole number of thousands of digits.
_CHIPS = re.compile(r"(?P<first>-?[0-9]{1,400})(-(?P<last>[0-9]{1,400}))?")


def numbers(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Number of the first chip or draw, and how many. Raises InputError."""
    if text is None:
        return None
    name = param.name
    match = _CHIPS.fullmatch(text.strip())
    if match is None or (match["last"] and int(match["last"]) < int(match["first"])):
        raise InputError(
            f"--{name} must be a number of {name}, or the first and the last, got {shown(text)}; "
            "write for example 10 or 10-19"
        )
    first = int(match["first"])
    if match["last"]:
        return first, int(match["last"]) - first + 1
    if first < 1:
        raise InputError(f"--{name} must be at least 1, got {first}; give more")
    return 0, first


preset_option = option_of(
    "presets",
    "--preset",
    cls=click.Option,
    metavar=None,
    callback=one_device,
    help="Analog device; see analogsim presets.  [default: pcm, or the folder's]",
)
compensation_option = option_of(
    "compensation", cls=click.Option, default="global", help="Drift compensation."
)


def computing_options(adds: str, **texts: str) -> Callable[[Command], Command]:
    """How much is computed where, in one go or added to a run.

    `adds` is the help of `--extend`, `texts` are those of keys.
    """
    return all_of(
        option_of("limit"),
        *(option_of(key, **_help(texts.get(key))) for key in ("batch_size", "device")),
        click.option("--extend", is_flag=True, help=adds),
        click.option(
            "--print-spec",
            is_flag=True,
            help="Print the spec that this command stands for, for analogsim run, and stop.",
        ),
    )


def _help(text: str | None) -> dict[str, str]:
    return {} if text is None else {"help": text}


# Other options say these, or every command has its own.
_ELSEWHERE = {*keys_of(NetworkOptions), *keys_of(OfImages), "presets", "times", "gaussian"}

study_options = all_of(
    *(
        option_of(name, **({"type": str, "callback": numbers} if name == "chips" else {}))
        for name, row in keys_of(Spec).items()
        if row.key.help and name not in _ELSEWHERE
    ),
    click.option(
        "--set",
        "sweep",
        multiple=True,
        metavar="NAME=VALUES",
        help="Sweep settings (every combination is measured): adc_bits=4..8, "
        "max_input_size=128,512, drift_scale=0..1:0.25; any field of the periphery, option "
        "of the device, seed, bn, compensation.",
    ),
    computing_options("Add chips, times, presets, points of a sweep to the run in the folder."),
)
"""Chips or precision, compensation and images, and whether they are added to a run."""


def study_values(values: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a command of `network_options` and `study_options` as a `Spec` has them.

    Raises:
        InputError: two designs, a wrong number or sweep, or as `network_values`.
    """
    rest = network_values(values)
    chips, precision = rest.pop("chips"), rest["precision"]
    if chips is not None and precision is not None:
        raise InputError(
            f"design must be either --chips or --precision, got {chips[1]} chips and "
            f"precision {100 * precision:g}%; leave one out"
        )
    check_counts(limit=rest["limit"])
    if len(set(rest["bn"])) < len(rest["bn"]):
        raise InputError(
            f"--bn must name each treatment once, got {', '.join(rest['bn'])}; leave one out"
        )
    first, count = chips or (0, DEFAULT_CHIPS)
    count = None if precision is not None else count
    return {**rest, "chips": count, "first_chip": first, **sweep_fields(rest["sweep"])}


def sweep_fields(texts: Sequence[str]) -> dict[str, Any]:
    """The fields of a `Spec` that `--set` decides.

    Raises:
        InputError: a text that is no axis, or an axis that has an option of its own, which was
            given too.
    """
    axes = read_axes(texts)
    fields: dict[str, Any] = {}
    for name in OWN_KEYS:
        if name in axes:
            fields[name] = _of_option(name, tuple(map(str, axes.pop(name))))
    return {**fields, "sweep": axes}


def _of_option(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    context = click.get_current_context()
    if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
        raise InputError(
            f"--set {name} must not stand beside --{name}, got {', '.join(values)}; give all of "
            "them by one of the two"
        )
    (option,) = (one for one in context.command.params if one.name == name)
    known = cast("click.Choice[str]", option.type).choices
    for value in values:
        if value not in known:
            raise InputError(
                f"--set {name} must be one of {', '.join(known)}, got {shown(value)}; choose one"
            )
    return values


def no_sweep(why: str, todo: str) -> Callable[[Command], Command]:
    """`--set` of a command that sweeps nothing, which refuses it with the reason."""

    def refuse(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> None:
        if given:
            raise InputError(f"--set must be left out: {why}, got {shown(given[0])}; {todo}")

    return click.option(
        "--set",
        multiple=True,
        hidden=True,
        expose_value=False,
        callback=refuse,
        help="Refused, with the reason.",
    )


def check_counts(**counts: int | None) -> None:
    """Raise InputError for one below 1, named by its option."""
    for name, count in counts.items():
        if count is not None and count < 1:
            raise InputError(f"--{name} must be at least 1, got {count}; give more")


def place_options(*, required: bool = True) -> Callable[[Command], Command]:
    """Where the study runs and where its results go."""
    without = "[required]" if required else "[default: out/demo, or out/demo-2, ...]"
    return all_of(
        output_option(f"Folder for records and report.  {without}"),
        click.option(
            "--on",
            type=click.Choice(["local", "ray"]),
            default="local",
            show_default=True,
            help="Compute on this machine or on a Ray cluster.",
        ),
        click.option("--address", help="Ray cluster.  [default: the one Ray finds]"),
        click.option(
            "--workers",
            type=int,
            help="Processes on this machine, also of a Ray here.  [default: the cores]",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print summary.json."),
        voice_options,
    )


def start(spec: AnySpec, place: dict[str, Any]) -> None:
    """Print the spec or run it; `place` is as `place_of` gives it.

    Raises:
        UsageError: there is no output folder.
        AnalogsimError: as `run_and_print`.
    """
    if isinstance(spec, Spec):
        check_sweep(spec)
    if place.pop("print_spec"):
        click.echo(as_toml(spec), nl=False)
        return
    if place["output"] is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    check_names(spec)

    import_torch()
    import_matplotlib()
    from analogsim.cli.run_and_print import run_and_print

    run_and_print(spec, **place)


def preset_of(model: str) -> str:
    """The preset of a folder that convert wrote, and pcm for any other MODEL."""
    if not Path(model).is_dir():
        return "pcm"
    from analogsim.studies.prepare import preset_of_model  # torch takes seconds

    return preset_of_model(model) or "pcm"


def place_of(values: dict[str, Any]) -> dict[str, Any]:
    """Where it is computed, or that it is not, taken out of a command's arguments."""
    return {name: values.pop(name) for name in _PLACE if name in values}

"""Options of the commands that run a study."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from analogsim.cli import complete
from analogsim.cli.lists import ListOption
from analogsim.cli.options import one_device
from analogsim.cli.say import voice_options
from analogsim.cli.sweep import sweep_fields
from analogsim.errors import InputError, shown
from analogsim.inputs.names import TOP1
from analogsim.spec.file import AnySpec, as_toml
from analogsim.spec.names import check_names
from analogsim.spec.study import DEFAULT_CHIPS, POINTS_WITHIN, Spec, parse_share
from analogsim.spec.sweep_check import check_sweep

Command = TypeVar("Command", bound=Callable[..., Any])

# Python reads no whole number of thousands of digits.
_CHIPS = re.compile(r"(?P<first>-?[0-9]{1,400})(-(?P<last>[0-9]{1,400}))?")


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """What `study_options` reads: the design, and which images."""

    compensation: tuple[str, ...]
    chips: tuple[int, int] | None
    precision: str | None
    measure: str
    yield_above: tuple[str, ...]
    sweep: tuple[str, ...]
    within: float
    limit: int | None
    batch_size: int
    device: str

    def as_spec(self) -> dict[str, Any]:
        """The fields of a `Spec` that these decide. Raises InputError for two designs."""
        if self.chips is not None and self.precision is not None:
            raise InputError(
                f"design must be either --chips or --precision, got {self.chips[1]} chips and "
                f"precision {self.precision}; leave one out"
            )
        if self.limit is not None and self.limit < 1:
            raise InputError(f"--limit must be at least 1, got {self.limit}; give more")
        precision = None
        if self.precision is not None:
            precision = parse_share(self.precision, where="--precision")
        first, chips = (0, DEFAULT_CHIPS) if self.chips is None else self.chips
        return {
            "compensation": self.compensation,
            "chips": None if precision is not None else chips,
            "first_chip": first,
            "precision": precision,
            "measure": self.measure,
            "yield_above": tuple(parse_share(y, where="--yield-above") for y in self.yield_above),
            "limit": self.limit,
            "batch_size": self.batch_size,
            "device": self.device,
            "within": self.within,
            **sweep_fields(self.sweep),
        }


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


measure_option = click.option(
    "--measure",
    default=TOP1,
    show_default=True,
    metavar="top1|top5|FILE.py:NAME",
    help="What is measured of each image: the right class first, among the first five, or a "
    "Measure of your own.",
)


preset_option = click.option(
    "--preset",
    callback=one_device,
    help="Analog device; see analogsim presets.  [default: pcm, or the folder's]",
    shell_complete=complete.presets,
)


def computing(
    adds: str,
    batch: str = "Images a batch; decides which product noise an image meets.",
    where: str = "Processor that computes the products.",
) -> tuple[Callable[[Command], Command], ...]:
    """How much is computed where, in one go or added to a run; `adds` and the rest are help."""
    return (
        click.option("--limit", type=int, help="Use the first N images only."),
        click.option("--batch-size", type=int, default=250, show_default=True, help=batch),
        click.option(
            "--device",
            type=click.Choice(["cpu", "cuda"]),
            default="cpu",
            show_default=True,
            help=where,
        ),
        click.option("--extend", is_flag=True, help=adds),
        click.option(
            "--print-spec",
            is_flag=True,
            help="Print the spec that this command stands for, for analogsim run, and stop.",
        ),
    )


def computing_options(adds: str, **texts: str) -> Callable[[Command], Command]:
    """The options of `computing` for a command of its own kind."""

    def decorate(command: Command) -> Command:
        for option in reversed(computing(adds, **texts)):
            command = option(command)
        return command

    return decorate


def study_options(command: Command) -> Command:
    """Chips or precision, compensation and images, and whether they are added to a run."""
    for option in reversed(
        (
            click.option(
                "--compensation",
                cls=ListOption,
                type=click.Choice(["none", "global", "exact", "column", "gain", "current"]),
                default=("global",),
                show_default=True,
                help="Drift compensation. With an ADC of few bits global misleads; "
                "current does not.",
            ),
            click.option(
                "--chips",
                metavar="N|FIRST-LAST",
                callback=numbers,
                help="Programmings, each on all images: N are those of number 0 to N-1; 10-19 is "
                f"a part of a study, see analogsim merge.  [default: {DEFAULT_CHIPS}]",
            ),
            click.option(
                "--precision",
                metavar="P%",
                help="In place of --chips: as many chips and as few images as it takes until "
                "every 95 % interval is +- P points, for example 0.5%.",
            ),
            measure_option,
            click.option(
                "--yield-above",
                cls=ListOption,
                metavar="A%",
                help="Report the share of chips that reach this accuracy.",
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
            click.option(
                "--within",
                type=float,
                default=POINTS_WITHIN,
                show_default=True,
                metavar="POINTS",
                help="How many points may be lost: a sweep says how far a setting can go.",
            ),
            *computing("Add chips, times, presets, points of a sweep to the run in the folder."),
        )
    ):
        command = option(command)
    return command


def place_options(*, required: bool = True) -> Callable[[Command], Command]:
    """Where the study runs and where its results go."""

    def decorate(command: Command) -> Command:
        for option in reversed(
            (
                click.option(
                    "-o",
                    "--output",
                    type=click.Path(path_type=Path),
                    help="Folder for records and report"
                    + (
                        ".  [required]"
                        if required
                        else ".  [default: out/demo, or out/demo-2, ...]"
                    ),
                ),
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
        ):
            command = option(command)
        return command

    return decorate


def start(
    spec: AnySpec,
    values: dict[str, Any],
    *,
    output: Path | None,
    print_spec: bool = False,
    extend: bool = False,
) -> None:
    """Print the spec or run it; `values` are those of `place_options`.

    Raises:
        UsageError: there is no output folder.
        AnalogsimError: as `run_and_print`.
    """
    if isinstance(spec, Spec):
        check_sweep(spec)
    if print_spec:
        click.echo(as_toml(spec), nl=False)
        return
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    check_names(spec)

    from analogsim.cli.run_and_print import run_and_print  # torch takes seconds

    run_and_print(spec, output, extend=extend, **values)


def preset_of(model: str) -> str:
    """The preset of a folder that convert wrote, and pcm for any other MODEL."""
    if not Path(model).is_dir():
        return "pcm"
    from analogsim.studies.prepare import preset_of_model  # torch takes seconds

    return preset_of_model(model) or "pcm"


def split_study(values: dict[str, Any]) -> tuple[StudyOptions, dict[str, Any], dict[str, Any]]:
    """Arguments of a command: those of a study, those of a place, and the rest."""
    study = {name: values.pop(name) for name in StudyOptions.__dataclass_fields__}
    place = {name: values.pop(name) for name in ("on", "address", "workers", "as_json")}
    return StudyOptions(**study), place, values

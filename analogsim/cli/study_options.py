"""Options of the commands that run a study."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from analogsim.cli.attribution_spec import AttributionSpec
from analogsim.cli.noise_spec import NoiseSpec
from analogsim.cli.spec import POINTS_WITHIN, Spec, parse_share
from analogsim.cli.spec_file import AnySpec, as_toml
from analogsim.cli.suite_spec import Suite
from analogsim.cli.sweep import check_sweep, sweep_fields
from analogsim.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_CHIPS = 10


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """What `study_options` reads: the design, and which images."""

    compensation: tuple[str, ...]
    chips: int | None
    precision: str | None
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
                f"design must be either --chips or --precision, got {self.chips} chips and "
                f"precision {self.precision}; leave one out"
            )
        if self.chips is not None and self.chips < 1:
            raise InputError(f"--chips must be at least 1, got {self.chips}; give more")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"--limit must be at least 1, got {self.limit}; give more")
        precision = None
        if self.precision is not None:
            precision = parse_share(self.precision, where="--precision")
        chips = DEFAULT_CHIPS if self.chips is None else self.chips
        return {
            "compensation": self.compensation,
            "chips": None if precision is not None else chips,
            "precision": precision,
            "yield_above": tuple(parse_share(y, where="--yield-above") for y in self.yield_above),
            "limit": self.limit,
            "batch_size": self.batch_size,
            "device": self.device,
            "within": self.within,
            **sweep_fields(self.sweep),
        }


def study_options(command: Command) -> Command:
    """Chips or precision, compensation and images, and whether they are added to a run."""
    for option in reversed(
        (
            click.option(
                "--compensation",
                type=click.Choice(["none", "global", "exact", "column", "gain", "current"]),
                multiple=True,
                default=("global",),
                show_default=True,
                help="Drift compensation (repeatable). With an ADC of few bits global misleads; "
                "current does not.",
            ),
            click.option(
                "--chips",
                type=int,
                help=f"Programmings, each on all images.  [default: {DEFAULT_CHIPS}]",
            ),
            click.option(
                "--precision",
                metavar="P%",
                help="In place of --chips: as many chips and as few images as it takes until "
                "every 95 % interval is +- P points, for example 0.5%.",
            ),
            click.option(
                "--yield-above",
                multiple=True,
                metavar="A%",
                help="Report the share of chips that reach this accuracy (repeatable).",
            ),
            click.option(
                "--set",
                "sweep",
                multiple=True,
                metavar="NAME=VALUES",
                help="Sweep a setting (repeatable: every combination is measured): adc_bits=4..8, "
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
            click.option("--limit", type=int, help="Use the first N images only."),
            click.option(
                "--batch-size",
                type=int,
                default=250,
                show_default=True,
                help="Images a batch; decides which product noise an image meets.",
            ),
            click.option(
                "--device",
                type=click.Choice(["cpu", "cuda"]),
                default="cpu",
                show_default=True,
                help="Where products are computed.",
            ),
            click.option(
                "--extend",
                is_flag=True,
                help="Add chips, times, presets, points of a sweep to the run in the folder.",
            ),
            click.option(
                "--print-spec",
                is_flag=True,
                help="Print the spec that this command stands for, for analogsim run, and stop.",
            ),
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
                    + ("." if required else ".  [default: out/demo, or out/demo-2, ...]"),
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
        AnalogsimError: as `study_and_print`.
    """
    if isinstance(spec, Spec):
        check_sweep(spec)
    if print_spec:
        click.echo(as_toml(spec), nl=False)
        return
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    # Torch takes seconds.
    from analogsim.cli.attribution import attribute_and_print
    from analogsim.cli.matched import matched_and_print
    from analogsim.cli.run_noise import noise_and_print
    from analogsim.cli.run_study import Where, study_and_print
    from analogsim.cli.run_suite import suite_and_print

    where = Where(output=output, extend=extend, **values)
    if isinstance(spec, Suite):
        suite_and_print(spec, where)
    elif isinstance(spec, NoiseSpec):
        noise_and_print(spec, where)
    elif isinstance(spec, AttributionSpec):
        attribute_and_print(spec, where)
    elif spec.gaussian is not None:
        matched_and_print(spec, where)
    else:
        study_and_print(spec, where)


def split_study(values: dict[str, Any]) -> tuple[StudyOptions, dict[str, Any], dict[str, Any]]:
    """Arguments of a command: those of a study, those of a place, and the rest."""
    study = {name: values.pop(name) for name in StudyOptions.__dataclass_fields__}
    place = {name: values.pop(name) for name in ("on", "address", "workers", "as_json")}
    return StudyOptions(**study), place, values

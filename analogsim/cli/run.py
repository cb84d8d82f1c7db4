"""`analogsim run`: one experiment from its spec."""

from pathlib import Path
from typing import Any

import click

from analogsim.cli.command import Command
from analogsim.cli.say import detail
from analogsim.cli.study_options import numbers, place_options, start
from analogsim.schema import dumps
from analogsim.spec.file import read_spec
from analogsim.spec.part import with_chips
from analogsim.spec.table import spec_schema


def _print_schema(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(dumps(spec_schema(), indent=2))
        ctx.exit()


@click.command(cls=Command, example="analogsim run experiments/digits.toml -o out/digits")
@click.argument("spec", metavar="SPEC.toml", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--chips",
    metavar="N|FIRST-LAST",
    callback=numbers,
    help="In place of the spec's chips (or draws): a part of a study, see analogsim merge.",
)
@place_options()
@click.option(
    "--extend", is_flag=True, help="Add chips, times, presets, points to the run in the folder."
)
@click.option("--print-spec", is_flag=True, help="Check the spec, print it and stop.")
@click.option(
    "--print-schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of specs, for an editor, and stop.",
)
def run(spec: Path, *, chips: tuple[int, int] | None, **place: Any) -> None:
    """Run the experiment that SPEC.toml describes (`-` is stdin), or go on with it.

    Every finished trial is safe on the disk at once. After a kill, a crash or Ctrl-C the same
    command goes on, and the records are those of an unbroken run. Paths in the spec are relative
    to the working folder, as on the command line; weights of [[networks]] and files of presets are
    relative to the spec.
    """
    detail(f"read: spec from {'stdin' if str(spec) == '-' else spec}")
    asked = read_spec(spec)
    if chips is not None:
        asked = with_chips(asked, *chips)
    start(asked, place)

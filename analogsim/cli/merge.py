"""`analogsim merge`: runs of the same spec on other chips, draws or networks become one."""

from pathlib import Path

import click

from analogsim.cli.command import Command, command_line
from analogsim.cli.report_kinds import report_folder
from analogsim.cli.say import detail, voice_options
from analogsim.cli.shared import output_option
from analogsim.studies.merge import merge_runs


@click.command(cls=Command, example="analogsim merge out/part-0 out/part-1 -o out/merged")
@click.argument(
    "runs", metavar="RUN RUN...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@output_option("New folder for the joined run.", required=True)
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of the table.")
@voice_options
def merge(runs: tuple[Path, ...], *, output: Path, as_json: bool) -> None:
    """Join RUNs of one spec on other chips (--chips 0-9, --chips 10-19) into one run.

    RUNs of drift and compare, of noise with other --draws, and of specs with [[networks]] of other
    networks or chips. Records, tables and report are those of a single run. RUNs stay as they are.
    Works without torch.
    """
    for run in runs:
        detail(f"read: run from {run}")
    merge_runs(runs, output, command=command_line())
    report_folder(output, as_json=as_json)

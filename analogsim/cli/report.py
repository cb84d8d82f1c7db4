"""`analogsim report`: rebuild a run's report from its records."""

from pathlib import Path

import click

from analogsim.cli.command import Command
from analogsim.cli.report_kinds import report_folder
from analogsim.cli.say import detail, voice_options


@click.command(cls=Command, example="analogsim report out/drift")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of the table.")
@voice_options
def report(folder: Path, *, as_json: bool) -> None:
    """Rebuild summary, plot and page of the run in DIR.

    Reads what the run left in its folder, so it also works for a run that was broken off, and on
    a machine without torch.
    """
    detail(f"read: run from {folder}")
    report_folder(folder, as_json=as_json)

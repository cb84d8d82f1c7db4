"""`analogsim report`: rebuild a run's report from its records."""

from pathlib import Path

import click

from analogsim.cli import colour
from analogsim.cli.command import Command
from analogsim.cli.report_kinds import report_other
from analogsim.cli.say import tell
from analogsim.report import build_report, format_table, summary
from analogsim.schema import dumps


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of the table.")
def report(folder: Path, *, as_json: bool) -> None:
    """Rebuild summary, plot and page of the run in DIR.

    Reads what the run left in its folder, so it also works for a run that was broken off, and on
    a machine without torch.
    """
    if report_other(folder, as_json=as_json):
        return
    # Printed first: a folder that can only be read has its numbers told all the same.
    result = summary(folder)
    if as_json:
        click.echo(dumps(result, indent=2))
        build_report(folder)
        return
    click.echo(colour.result_table(format_table(result)))
    for note in result["notes"]:
        tell(f"note: {note}")
    click.echo(f"\n{build_report(folder)}")

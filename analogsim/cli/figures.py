"""`analogsim figures`: a run's charts as figures for a paper."""

from pathlib import Path

import click

from analogsim.cli.command import Command
from analogsim.cli.first import import_matplotlib
from analogsim.cli.lists import ListOption
from analogsim.cli.say import say_json
from analogsim.cli.shared import output_option
from analogsim.findings.kinds import charts_in
from analogsim.report.figures import FIGURES_FOLDER, FORMATS, WIDTHS, write_figures


@click.command(cls=Command, example="analogsim figures out/drift --width one,two --format pdf,svg")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--width",
    "widths",
    cls=ListOption,
    type=click.Choice(tuple(WIDTHS)),
    default=("one",),
    show_default=True,
    help="One column (3.5 in) or the width of the page (7.16 in), as IEEE journals have them.",
)
@click.option(
    "--format",
    "formats",
    cls=ListOption,
    type=click.Choice(FORMATS),
    default=("pdf",),
    show_default=True,
    help="pdf with embedded TrueType fonts, svg with text as outlines, png at 600 dots an inch.",
)
@click.option("--chart", "charts", cls=ListOption, metavar="NAME", help="Only these charts.")
@output_option(f"Folder for the figures  [default: DIR/{FIGURES_FOLDER}]")
@click.option("--json", "as_json", is_flag=True, help="Print the list of files as JSON.")
def figures(
    folder: Path,
    *,
    widths: tuple[str, ...],
    formats: tuple[str, ...],
    charts: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Draw the charts of the run in DIR for a paper, 8 pt text, vector formats.

    Reads what `analogsim report` reads, and works without torch. Prints the files it wrote.
    """
    import_matplotlib()
    written = write_figures(
        charts_in(folder),
        folder / FIGURES_FOLDER if output is None else output,
        widths=tuple(dict.fromkeys(widths)),
        formats=tuple(dict.fromkeys(formats)),
        only=charts,
        ours=output is None,
    )
    if as_json:
        say_json("figures", {"files": [str(path) for path in written]})
        return
    for path in written:
        click.echo(path)

"""Figures for papers: charts as files of a journal's column or page width."""

from collections.abc import Sequence
from pathlib import Path

from analogsim.errors import InputError, OutputError
from analogsim.experiment.folder import write_bytes_atomic
from analogsim.own_files import own_folder
from analogsim.report.chart import Chart
from analogsim.report.look import (
    ONE_COLUMN,
    TWO_COLUMNS,
    Look,
    on_white,
    pdf_bytes,
    png_bytes,
    settled,
    svg_text,
)

WIDTHS = {"one": ONE_COLUMN, "two": TWO_COLUMNS}
FORMATS = ("pdf", "svg", "png")
FIGURES_FOLDER = "figures"

# What IEEE asks of line drawings; PDF and SVG have no resolution.
_DPI = 600


def write_figures(
    charts: Sequence[Chart],
    output: Path,
    *,
    widths: Sequence[str],
    formats: Sequence[str],
    only: Sequence[str] = (),
    ours: bool = False,
) -> list[Path]:
    """Draw the charts of a run into `output`; returns what was written.

    Files are named NAME_WIDTH.FORMAT, for example `accuracy_one.pdf`. PDF embeds its fonts as
    TrueType; in SVG text becomes outlines, because an SVG cannot carry a font.

    Args:
        charts: of a run of any kind.
        output: made if needed; files of the same names are replaced.
        widths: among `WIDTHS`.
        formats: among `FORMATS`.
        only: names of charts; none is all.
        ours: `output` lies in a run's folder, where links are refused.

    Raises:
        InputError: a width, format or chart is none.
        OutputError: `output` cannot be written.
    """
    for what, asked, there in (("width", widths, tuple(WIDTHS)), ("format", formats, FORMATS)):
        for one in asked:
            if one not in there:
                raise InputError(
                    f"figures {what} must be one of {', '.join(there)}, got {one!r}; choose one"
                )
    names = [chart.name for chart in charts]
    for name in only:
        if name not in names:
            raise InputError(
                f"figures chart must be one of {', '.join(names)}, got {name!r}; choose one that "
                "this run has"
            )
    try:
        if ours:
            own_folder(output)
        else:
            output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"output {output} must be a folder that can be made, got '{error.strerror}'; choose "
            "another place"
        ) from error
    written = []
    for chart in charts:
        if only and chart.name not in only:
            continue
        for width in widths:
            written += _write(chart, output, width, WIDTHS[width], formats)
    return written


def _write(
    chart: Chart, output: Path, width: str, look: Look, formats: Sequence[str]
) -> list[Path]:
    figure = settled(chart.figure(look), look)
    paths = []
    for kind in formats:
        path = output / f"{chart.name}_{width}.{kind}"
        if kind == "pdf":
            content = pdf_bytes(figure, look)
        elif kind == "svg":
            content = on_white(svg_text(figure, look, outlines=True)).encode(errors="replace")
        else:
            content = png_bytes(figure, look, dpi=_DPI)
        write_bytes_atomic(path, content)
        paths.append(path)
    return paths

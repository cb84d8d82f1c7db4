"""A folder's charts as files: PNG, SVG and data of each, in `charts/`."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from analogsim.experiment.folder import write_bytes_atomic
from analogsim.own_files import own_folder
from analogsim.report.chart import Chart
from analogsim.report.look import PAGE, on_white, png_bytes, settled, svg_text
from analogsim.report.series import for_page, number_series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHARTS_FOLDER = "charts"


def write_charts(
    folder: Path, charts: Iterable[Chart], also: Collection[str] = ()
) -> dict[str, str]:
    """Write the files of each chart; returns its drawing for a page, by its name.

    `also` are files of them that lie in the folder itself too. Raises OutputError.
    """
    place = own_folder(folder / CHARTS_FOLDER)
    drawings = {}
    for chart in charts:
        figure = _figure(chart)
        parts = number_series(figure)
        drawing = svg_text(figure)
        drawings[chart.name] = for_page(drawing, figure, parts) if parts else drawing
        on_page = on_white(drawing)
        for kind, content in (
            ("png", png_bytes(figure)),
            ("svg", on_page.encode(errors="replace")),
            ("csv", chart.csv().encode(errors="replace")),
        ):
            name = f"{chart.name}.{kind}"
            write_bytes_atomic(place / name, content)
            if name in also:
                write_bytes_atomic(folder / name, content)
    return drawings


def _figure(chart: Chart) -> "Figure":
    return settled(chart.figure(PAGE), PAGE)

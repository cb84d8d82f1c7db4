"""Rebuilds everything in a run's folder that is derived: summary, charts and page."""

from pathlib import Path

from analogsim.experiment.folder import write_bytes_atomic, write_json_atomic
from analogsim.own_files import own_folder
from analogsim.report.chart import Chart
from analogsim.report.chart_list import charts_of
from analogsim.report.csv_file import csv_text
from analogsim.report.extras import read_extras
from analogsim.report.look import PAGE, on_white, png_bytes, settled, svg_text
from analogsim.report.page import render_page
from analogsim.report.summary import read_run, summarise_run

SUMMARY_FILE = "summary.json"
PLOT_FILE = "accuracy.png"
VECTOR_FILE = "accuracy.svg"
MATCHED_PLOT_FILE = "matched.png"
PAGE_FILE = "report.html"
CSV_FILE = "records.csv"
CHARTS_FOLDER = "charts"


def build_report(folder: Path) -> Path:
    """Write summary, charts, page and records.csv; returns the page's path.

    Reads run.json and records.jsonl, and layers.json, matched.json, attribution.json and spec.toml
    if they are there; the same files give the same report. Raises InputError as `read_run` and
    `summarise`, and OutputError if the folder cannot be written.
    """
    run = read_run(folder)
    extras = read_extras(folder)
    summary = summarise_run(run)
    charts = charts_of(run, summary, extras)
    write_json_atomic(folder / SUMMARY_FILE, summary)
    write_bytes_atomic(folder / CSV_FILE, csv_text(run.trials).encode(errors="replace"))
    svgs = {chart.name: _write_chart(folder, chart) for chart in charts}
    page = render_page(run, summary, extras, charts, svgs)
    # A file name that is not UTF-8 reaches us as half a character; it must not stop a report.
    write_bytes_atomic(folder / PAGE_FILE, page.encode(errors="replace"))
    return folder / PAGE_FILE


def _write_chart(folder: Path, chart: Chart) -> str:
    """Write a chart's PNG, SVG and CSV; returns the drawing without a background."""
    place = own_folder(folder / CHARTS_FOLDER)
    figure = settled(chart.draw(PAGE), PAGE)
    svg, png = svg_text(figure), png_bytes(figure)
    files = {f"{chart.name}.png": png, f"{chart.name}.svg": on_white(svg).encode(errors="replace")}
    for name, content in files.items():
        write_bytes_atomic(place / name, content)
        # The names by which they were known before there were more charts.
        if name in {PLOT_FILE, VECTOR_FILE, MATCHED_PLOT_FILE}:
            write_bytes_atomic(folder / name, content)
    write_bytes_atomic(place / f"{chart.name}.csv", chart.csv().encode(errors="replace"))
    return svg

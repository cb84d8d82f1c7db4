"""Rebuilds everything in a run's folder that is derived: summary, charts and page."""

from pathlib import Path

from analogsim.experiment.folder import write_bytes_atomic, write_json_atomic
from analogsim.report.attribution import PLOT_FILE as ATTRIBUTION_PLOT_FILE
from analogsim.report.attribution import TEXT_FILE
from analogsim.report.attribution_table import attribution_page
from analogsim.report.chart_list import charts_of
from analogsim.report.charts_folder import write_charts
from analogsim.report.csv_file import csv_text
from analogsim.report.extras import read_extras
from analogsim.report.page import render_page
from analogsim.report.summary import read_run, summarise_run

SUMMARY_FILE = "summary.json"
PLOT_FILE = "accuracy.png"
VECTOR_FILE = "accuracy.svg"
MATCHED_PLOT_FILE = "matched.png"
PAGE_FILE = "report.html"
CSV_FILE = "records.csv"
# Where they were before there were more charts.
_ALSO = (PLOT_FILE, VECTOR_FILE, MATCHED_PLOT_FILE, ATTRIBUTION_PLOT_FILE)


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
    write_bytes_atomic(
        folder / CSV_FILE, csv_text(run.trials, run.header.quantity).encode(errors="replace")
    )
    if extras.attribution is not None:
        text = attribution_page(extras.attribution, run.warnings)
        write_bytes_atomic(folder / TEXT_FILE, text.encode(errors="replace"))
    page = render_page(run, summary, extras, charts, write_charts(folder, charts, _ALSO))
    # A file name that is not UTF-8 reaches us as half a character; it must not stop a report.
    write_bytes_atomic(folder / PAGE_FILE, page.encode(errors="replace"))
    return folder / PAGE_FILE

"""Rebuilds everything in a run's folder that is derived: summary, plot and page."""

from pathlib import Path

from analogsim.experiment.folder import write_bytes_atomic, write_json_atomic
from analogsim.report.csv_file import csv_text
from analogsim.report.page import render_page
from analogsim.report.plot import draw, png_bytes, svg_text
from analogsim.report.summary import read_run, summarise_run

SUMMARY_FILE = "summary.json"
PLOT_FILE = "accuracy.png"
VECTOR_FILE = "accuracy.svg"
PAGE_FILE = "report.html"
CSV_FILE = "records.csv"


def build_report(folder: Path) -> Path:
    """Write summary, plot, page and records.csv; returns the page's path.

    Reads run.json and records.jsonl alone, so the same two files give the same report. Raises
    InputError as `read_run` and `summarise`, and OutputError if the folder cannot be written.
    """
    run = read_run(folder)
    summary = summarise_run(run)
    figure = draw(run.trials, summary["digital_accuracy"], run.rows)
    page = render_page(run, summary, svg_text(figure, transparent=True))
    write_json_atomic(folder / SUMMARY_FILE, summary)
    write_bytes_atomic(folder / CSV_FILE, csv_text(run.trials).encode())
    write_bytes_atomic(folder / PLOT_FILE, png_bytes(figure))
    write_bytes_atomic(folder / VECTOR_FILE, svg_text(figure).encode())
    # A file name that is not UTF-8 reaches us as half a character; it must not stop a report.
    write_bytes_atomic(folder / PAGE_FILE, page.encode(errors="replace"))
    return folder / PAGE_FILE

"""What `analogsim report` does with each kind of study, and with a suite's kept file."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from analogsim.cli import colour
from analogsim.cli.first import import_matplotlib
from analogsim.cli.say import say, tell
from analogsim.findings.kinds import kind_of, results_of
from analogsim.own_files import read_text
from analogsim.report import format_table
from analogsim.report.attribution_table import format_attribution
from analogsim.report.comparison import FORMAT, read_comparison_file
from analogsim.report.extras import read_extras
from analogsim.report.matched_table import format_comparison
from analogsim.report.opening import opening, opening_text
from analogsim.report.summary import read_run, summarise_run
from analogsim.report.table import warning_lines
from analogsim.schema import dumps, loads
from analogsim.studies.result import Run
from analogsim.suites.build import build_suite, format_suite
from analogsim.suites.kept import MOST, read_kept


def report_folder(path: Path, *, as_json: bool) -> None:
    """Rebuild what is derived, and print the tables (or the summary as JSON) and the page's path.

    A file is a suite's results.json or a comparison's matched.json, under any name: its tables are
    printed and nothing is written.

    Raises:
        InputError: it is broken.
        OutputError: its folder cannot be written.
    """
    if path.is_file() and _is_comparison(path.resolve()):
        comparison = read_comparison_file(path.resolve())
        say(dumps(comparison, indent=2) if as_json else format_comparison(comparison))
        return
    kind = kind_of(path)
    import_matplotlib()
    if kind == "suite":
        _suite(path, as_json=as_json)
        return
    run = Run(path, kind="noise" if kind == "noise" else "chips")
    of_noise = (run.text(), run.summary(), run.notes) if kind == "noise" else None
    tables, document, notes = of_noise or _chips(path)
    # Printed first: a folder that can only be read has its numbers told all the same.
    if as_json:
        click.echo(dumps(document, indent=2))
    else:
        say(tables)
        for note in notes:
            tell(f"note: {note}")
    page = run.report()
    if not as_json:
        click.echo(f"\n{page}")


def _is_comparison(file: Path) -> bool:
    """By its format; what is no JSON is said by who reads it as a suite's."""
    with suppress(OSError, ValueError, RecursionError):
        content = loads(read_text(file, MOST))
        return isinstance(content, dict) and content.get("format") == FORMAT
    return False


def _chips(path: Path) -> tuple[str, Mapping[str, Any], Sequence[str]]:
    """Tables, JSON and notes; what else they were measured for may be absent or broken."""
    run, extras = read_run(path), read_extras(path)
    found = summarise_run(run)
    said = warning_lines(found["warnings"])
    if extras.attribution is not None:
        lines = [format_attribution(extras.attribution), *said]
    else:
        lines = [colour.result_table(format_table(found))]
        if extras.comparison is not None:
            lines = [format_comparison(extras.comparison), *said]
        lines += ["", opening_text(opening(run, found, extras))]
    return "\n".join(lines), found, run.notes


def _suite(path: Path, *, as_json: bool) -> None:
    file = results_of(path)
    kept = read_kept(file)
    say(read_text(file, MOST) if as_json else format_suite(kept), end="" if as_json else "\n")
    if path.is_file():
        return
    page = build_suite(kept, path)
    if not as_json:
        click.echo(f"\n{page}")

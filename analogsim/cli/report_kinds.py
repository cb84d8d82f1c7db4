"""`analogsim report` of what is no plain run: a noise study, a suite, or a suite's kept file."""

from pathlib import Path

import click

from analogsim.cli.say import say, tell
from analogsim.experiment.header import HEADER_FILE, read_header
from analogsim.own_files import read_text
from analogsim.schema import dumps
from analogsim.scopes.build import build_noise
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.study import KIND
from analogsim.scopes.summary import noise_summary
from analogsim.scopes.table import format_noise
from analogsim.suites.build import build_suite, format_suite
from analogsim.suites.kept import MOST, RESULTS_FILE, read_kept


def report_other(path: Path, *, as_json: bool) -> bool:
    """Report what is there, if it is one of these; whether it was.

    A file is a suite's results.json, under any name: its tables are printed and nothing is
    written.

    Raises:
        InputError: it is broken.
        OutputError: its folder cannot be written.
    """
    if path.is_file() or (path / RESULTS_FILE).is_file():
        _suite(path, as_json=as_json)
        return True
    if not (path / HEADER_FILE).is_file() or read_header(path).spec.get("kind") != KIND:
        return False
    result = read_noise(path)
    if as_json:
        click.echo(dumps(noise_summary(result), indent=2))
        build_noise(path)
        return True
    say(format_noise(result))
    for note in result.notes:
        tell(f"note: {note}")
    click.echo(f"\n{build_noise(path)[1]}")
    return True


def _suite(path: Path, *, as_json: bool) -> None:
    # The file that a user names may be a link; what lies in a folder may not.
    file = path.resolve() if path.is_file() else path / RESULTS_FILE
    kept = read_kept(file)
    say(read_text(file, MOST) if as_json else format_suite(kept), end="" if as_json else "\n")
    if path.is_file():
        return
    page = build_suite(kept, path)
    if not as_json:
        click.echo(f"\n{page}")

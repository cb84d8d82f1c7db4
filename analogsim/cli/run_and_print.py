"""What the commands that run a study do with its spec: run it, print the result."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from analogsim.cli import colour
from analogsim.cli.command import command_line
from analogsim.cli.progress import ProgressReporter
from analogsim.cli.say import detail, plain_warnings, say, tell, warn
from analogsim.own_files import read_text
from analogsim.schema import dumps
from analogsim.spec.file import AnySpec
from analogsim.studies.result import Run
from analogsim.studies.run import run_spec
from analogsim.studies.where import Progress, Where
from analogsim.suites.kept import MOST, RESULTS_FILE


def run_and_print(spec: AnySpec, output: Path, *, as_json: bool, **place: Any) -> None:
    """Run a study of any kind, print its tables (or its JSON) on stdout.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `run_spec`.
    """
    with plain_warnings():
        run = run_spec(spec, where_of(output, place))
    show(run, as_json=as_json)


def where_of(output: Path, place: dict[str, Any]) -> Where:
    """The place of a command's study, which reports on stderr."""
    return Where(
        output=output,
        command=command_line(),
        watch=partial(_watching, output),
        tell=tell,
        warn=warn,
        detail=detail,
        **place,
    )


@contextmanager
def _watching(output: Path) -> Iterator[Progress]:
    """Progress on stderr; how to go on if the user interrupts what is done meanwhile."""
    try:
        with ProgressReporter() as progress:
            yield progress
    except KeyboardInterrupt:
        sys.stderr.write(
            f"interrupted: finished trials are safe in {output}; "
            f"the same command goes on: {command_line()}\n"
        )
        raise


def show(run: Run, *, as_json: bool) -> None:
    """Print a run's tables, or its JSON, on stdout."""
    if as_json and run.kind == "suite":
        say(read_text(run.folder / RESULTS_FILE, MOST), end="")
        return
    if as_json:
        click.echo(dumps(run.summary(), indent=2))
        return
    click.echo(colour.result_table(run.text()))
    for note in run.notes if run.kind == "noise" else ():
        tell(f"note: {note}")
    click.echo(f"\n{run.page}")

"""What `run` does with a spec of several networks: a run folder each, then the combined tables."""

import dataclasses
from contextlib import suppress
from pathlib import Path

import click

from analogsim.cli.attribution import compute_attribution
from analogsim.cli.attribution_spec import AttributionSpec
from analogsim.cli.matched import compute_matched
from analogsim.cli.noise_spec import NoiseSpec
from analogsim.cli.prepare import command_line
from analogsim.cli.run_noise import compute_noise
from analogsim.cli.run_study import Where, compute_study
from analogsim.cli.say import say
from analogsim.cli.spec import Spec
from analogsim.cli.suite_spec import Suite
from analogsim.errors import InputError, OutputError
from analogsim.experiment.lock import locked
from analogsim.own_files import is_litter, own_folder, read_text
from analogsim.report import build_report
from analogsim.report.charts_folder import CHARTS_FOLDER
from analogsim.report.figures import FIGURES_FOLDER
from analogsim.schema import dumps, loads
from analogsim.scopes.build import build_noise
from analogsim.suites.attributed import read_attributed
from analogsim.suites.build import PAGE_FILE, PLOT_FILE, build_suite, format_suite
from analogsim.suites.crossbar import read_crossbar
from analogsim.suites.kept import MOST, RESULTS_FILE, Kept, read_kept, write_kept
from analogsim.suites.kept_form import Result


def suite_and_print(suite: Suite, where: Where) -> None:
    """Run the networks one after the other, each in a folder of its own; print the tables.

    Broken off, the same command goes on: what a network's folder holds is not computed again.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as the study of one network.
    """
    labels = {entry.label for entry, _ in suite.members}
    with locked(where.output):
        _check_folder(where.output, labels)
        networks = []
        for at, (entry, spec) in enumerate(suite.members, start=1):
            click.echo(f"network {at} of {len(suite.members)}: {entry.label}", err=True)
            here = dataclasses.replace(where, output=own_folder(where.output / entry.label))
            networks.append((entry, _computed(spec, here)))
        path = where.output / RESULTS_FILE
        write_kept(
            path,
            Kept(
                question=suite.question,
                command=_command(path),
                # As JSON reads it back.
                spec=loads(dumps(suite.content)),
                networks=tuple(networks),
            ),
        )
        # What is printed comes from the file, as a later `analogsim report` of it does.
        kept = read_kept(path)
        page = build_suite(kept, where.output)
    if where.as_json:
        say(read_text(path, MOST), end="")
        return
    say(format_suite(kept))
    click.echo(f"\n{page}")


def _command(path: Path) -> str:
    """The command of the results that are there, as a run's header keeps it; else the present."""
    with suppress(InputError):
        return read_kept(path).command
    return command_line()


def _computed(spec: Spec | NoiseSpec, where: Where) -> Result:
    """Run one network, build its report and read what it measured."""
    if isinstance(spec, NoiseSpec):
        compute_noise(spec, where)
        return build_noise(where.output)[0]
    if isinstance(spec, AttributionSpec):
        compute_attribution(spec, where)
    elif spec.gaussian is not None:
        compute_matched(spec, where)
    else:
        compute_study(spec, where)
    build_report(where.output)
    attributed = isinstance(spec, AttributionSpec)
    return read_attributed(where.output) if attributed else read_crossbar(where.output)


def _check_folder(folder: Path, labels: set[str]) -> None:
    """Refuse a folder that holds something else than this suite's networks."""
    known = {*labels, RESULTS_FILE, PAGE_FILE, PLOT_FILE, CHARTS_FOLDER, FIGURES_FOLDER}
    for path in folder.iterdir():
        if path.name not in known and not is_litter(path):
            raise OutputError(
                f"output {folder} must be empty or this suite's, got one that holds {path.name}; "
                "choose another folder"
            )

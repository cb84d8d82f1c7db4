"""A spec of several networks: a run folder each, then the combined tables."""

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from analogsim.errors import InputError, OutputError
from analogsim.experiment.lock import locked
from analogsim.inputs.names import TOP1
from analogsim.own_files import is_litter, own_folder
from analogsim.report import build_report
from analogsim.report.charts_folder import CHARTS_FOLDER
from analogsim.report.figures import FIGURES_FOLDER
from analogsim.schema import dumps, loads
from analogsim.scopes.build import build_noise
from analogsim.spec.attribution import AttributionSpec
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.study import Spec
from analogsim.spec.suite import Suite
from analogsim.studies.attribution import compute_attribution
from analogsim.studies.chips import compute_chips
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.noise import compute_noise
from analogsim.studies.where import Where
from analogsim.suites.attributed import read_attributed
from analogsim.suites.build import PAGE_FILE, PLOT_FILE, build_suite
from analogsim.suites.crossbar import read_crossbar
from analogsim.suites.kept import RESULTS_FILE, Kept, read_kept, write_kept
from analogsim.suites.kept_form import Result
from analogsim.suites.noised import kept_of
from analogsim.suites.summarised import read_summarised


def compute_suite(suite: Suite, where: Where, given: Mapping[str, Given] | None = None) -> None:
    """Run the networks one after the other, each in a folder of its own; build the tables.

    Broken off, the same goes on: what a network's folder holds is not computed again.

    Args:
        suite: the networks and their specs.
        where: the folder, and where trials are computed.
        given: what is held in memory of a network of chips, by its label.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as the study of one network.
    """
    labels = {entry.label for entry, _ in suite.members}
    with locked(where.output):
        _check_folder(where.output, labels)
        networks = []
        for at, (entry, spec) in enumerate(suite.members, start=1):
            where.tell(f"network {at} of {len(suite.members)}: {entry.label}")
            here = dataclasses.replace(where, output=own_folder(where.output / entry.label))
            held = (given or {}).get(entry.label, NOTHING)
            networks.append((entry, _computed(spec, here, held)))
        path = where.output / RESULTS_FILE
        write_kept(
            path,
            Kept(
                question=suite.question,
                command=_command(path, where.command),
                # As JSON reads it back.
                spec=loads(dumps(suite.content)),
                networks=tuple(networks),
            ),
        )
        # What is shown comes from the file, as a later report of it does.
        build_suite(read_kept(path), where.output)


def _command(path: Path, present: str) -> str:
    """The command of the results that are there, as a run's header keeps it; else the present."""
    with suppress(InputError):
        return read_kept(path).command
    return present


def _computed(spec: Spec | NoiseSpec, where: Where, given: Given) -> Result:
    """Run one network, build its report and read what it measured."""
    if isinstance(spec, NoiseSpec):
        compute_noise(spec, where, given)
        return kept_of(build_noise(where.output)[0])
    if isinstance(spec, AttributionSpec):
        compute_attribution(spec, where, given)
    else:
        compute_chips(spec, where, given)
    build_report(where.output)
    if isinstance(spec, AttributionSpec):
        return read_attributed(where.output)
    summarised = spec.sweep or spec.measure != TOP1
    return read_summarised(where.output) if summarised else read_crossbar(where.output)


def _check_folder(folder: Path, labels: set[str]) -> None:
    """Refuse a folder that holds something else than this suite's networks."""
    known = {*labels, RESULTS_FILE, PAGE_FILE, PLOT_FILE, CHARTS_FOLDER, FIGURES_FOLDER}
    for path in folder.iterdir():
        if path.name not in known and not is_litter(path):
            raise OutputError(
                f"output {folder} must be empty or this suite's, got one that holds {path.name}; "
                "choose another folder"
            )

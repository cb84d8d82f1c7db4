"""A study of any kind from its spec to its folder, its page included."""

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from analogsim.errors import InputError, OutputError
from analogsim.experiment.lock import locked
from analogsim.findings.kinds import result_of
from analogsim.own_files import is_litter, own_folder
from analogsim.report.charts_folder import CHARTS_FOLDER
from analogsim.report.figures import FIGURES_FOLDER
from analogsim.schema import dumps, loads
from analogsim.spec.attribution import AttributionSpec
from analogsim.spec.file import AnySpec
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.suite import Suite
from analogsim.studies.attribution import compute_attribution
from analogsim.studies.chips import compute_chips
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.noise import compute_noise
from analogsim.studies.result import Run
from analogsim.studies.where import Where
from analogsim.suites.build import PAGE_FILE, PLOT_FILE, build_suite
from analogsim.suites.kept import RESULTS_FILE, Kept, read_kept, write_kept


def run_spec(spec: AnySpec, where: Where, given: Given = NOTHING) -> Run:
    """Run what the folder lacks, and build its page; a finished run is read again.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: an option, the data or the folder
            cannot be used, or the workers end.
    """
    if isinstance(spec, Suite):
        compute_suite(spec, where)
        return Run(where.output, kind="suite")
    if isinstance(spec, NoiseSpec):
        compute_noise(spec, where, given)
        found = Run(where.output, kind="noise")
    elif isinstance(spec, AttributionSpec):
        compute_attribution(spec, where, given)
        found = Run(where.output, kind="attribution")
    else:
        compute_chips(spec, where, given)
        found = Run(where.output, kind="chips" if spec.gaussian is None else "matched")
    found.report()
    return found


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
            run_spec(spec, here, held)
            networks.append((entry, result_of(here.output)))
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


def _check_folder(folder: Path, labels: set[str]) -> None:
    """Refuse a folder that holds something else than this suite's networks."""
    known = {*labels, RESULTS_FILE, PAGE_FILE, PLOT_FILE, CHARTS_FOLDER, FIGURES_FOLDER}
    for path in folder.iterdir():
        if path.name not in known and not is_litter(path):
            raise OutputError(
                f"output {folder} must be empty or this suite's, got one that holds {path.name}; "
                "choose another folder"
            )

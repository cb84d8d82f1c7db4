"""Runs that are parts of one, joined: of other chips, draws or networks."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from analogsim.errors import InputError
from analogsim.findings.kinds import kind_of
from analogsim.studies.merge_chips import joined, write_joined
from analogsim.studies.merge_suite import merge_suites
from analogsim.studies.result import Run


def merge(folders: Sequence[str | PathLike[str]], output: str | PathLike[str]) -> Run:
    """Join finished runs of one spec into one run, as `analogsim merge` does.

    Records, tables and page are those of a run in one go, bit for bit but for when it was made and
    how long it took. The parts stay as they are. Works without torch.

    Args:
        folders: of runs of `drift` or `compare` on other chips, of `noise` with other draws, or of
            specs with [[networks]] of other networks or other chips; in any order, but that
            networks stand in that of the folders.
        output: a new or empty folder.

    Raises:
        InputError: a folder is no such run or not finished, specs differ in more than their chips,
            draws or networks, or chips are in two runs or in none.
        OutputError: the output holds something, or cannot be written.
    """
    paths = [Path(folder) for folder in folders]
    said = ", ".join(repr(str(path)) for path in paths)
    merge_runs(paths, Path(output), command=f"analogsim.merge([{said}], {str(Path(output))!r})")
    found = Run(Path(output))
    found.report()
    return found


def merge_runs(folders: Sequence[Path], output: Path, *, command: str) -> None:
    """As `merge`, but for the page; `command` is for the record."""
    if len(folders) < 2:
        raise InputError(f"merge must have two runs or more, got {len(folders)}; name the others")
    suites = ["suite" == kind_of(folder) for folder in folders]
    if any(suites) and not all(suites):
        raise InputError(
            f"runs to merge must be of one kind, got a suite in {folders[suites.index(True)]} and "
            f"none in {folders[suites.index(False)]}; leave one out"
        )
    if all(suites):
        merge_suites(folders, output, command=command)
    else:
        write_joined(joined(folders), output, command=command)

"""Suites of the same studies, joined: of other networks, of other chips of the same, or of both."""

import itertools
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analogsim import schema
from analogsim.errors import InputError, OutputError, shown
from analogsim.experiment.digest import DESIGN, chip_numbers
from analogsim.experiment.folder import prepare_folder, unwritable
from analogsim.experiment.header import read_header
from analogsim.findings.kinds import result_of
from analogsim.spec.part import content_with_chips
from analogsim.spec.table import NETWORKS
from analogsim.studies.merge_chips import Joined, joined, write_joined
from analogsim.studies.result import Run
from analogsim.suites.entry import Entry
from analogsim.suites.kept import RESULTS_FILE, Kept, read_kept, write_kept
from analogsim.suites.kept_form import Result


@dataclass(kw_only=True)
class _Member:
    """A network: its place, the keys of its entry, and the folders of its runs."""

    entry: Entry
    keys: Mapping[str, Any]
    folders: list[Path] = field(default_factory=list)


def merge_suites(folders: Sequence[Path], output: Path, *, command: str) -> None:
    """Write the suite of all networks and chips of several suites, but for its page.

    A network that is in several of them must have other chips in each.

    Raises:
        InputError: a folder is no suite, specs differ in more than networks and chips, a network
            has other chips than the others, or as `joined`.
        OutputError: the output holds something, or cannot be written.
    """
    parts = [(folder, read_kept(folder / RESULTS_FILE)) for folder in folders]
    first = parts[0][1]
    for folder, kept in parts[1:]:
        _check_same(folders[0], first.spec, folder, kept.spec)
    members: dict[str, _Member] = {}
    for folder, kept in parts:
        _gather(folder, kept, members)
    wholes = {label: joined(one.folders) for label, one in members.items() if len(one.folders) > 1}
    chips = _chips(members, wholes)
    prepare_folder(output)
    networks = [
        (one.entry, _written(one, wholes.get(label), output / label, command))
        for label, one in members.items()
    ]
    content: dict[str, Any] = {key: first.spec[key] for key in first.spec if key != NETWORKS}
    if wholes and chips is not None:
        content = content_with_chips(content, chips.start, len(chips))
    content[NETWORKS] = [dict(one.keys) for one in members.values()]
    write_kept(
        output / RESULTS_FILE,
        Kept(question=first.question, command=command, spec=content, networks=tuple(networks)),
    )


def _check_same(one: Path, mine: Any, other: Path, others: Any) -> None:
    """Refuse suites of two specs. Raises InputError with the first key that differs."""
    a, b = (
        {key: value for key, value in content_with_chips(spec, 0, 1).items() if key != NETWORKS}
        for spec in (mine, others)
    )
    for key in {**a, **b}:
        if a.get(key) != b.get(key):
            raise InputError(
                f"suites to merge must be of one spec but for networks and chips, got {key} "
                f"{shown(a.get(key))} in {one} and {shown(b.get(key))} in {other}; merge parts of "
                "the same spec"
            )


def _gather(folder: Path, kept: Kept, members: dict[str, _Member]) -> None:
    """Add the networks of a part. Raises InputError for one that is another one's namesake."""
    # A label may be a stranger's: only what lies in the folder has its name.
    names = {path.name for path in folder.iterdir() if path.is_dir() and not path.is_symlink()}
    entries = kept.spec.get(NETWORKS)
    if not schema.fits(entries, list[dict[str, Any]]) or len(entries) != len(kept.networks):  # type: ignore[arg-type]
        raise InputError(
            f"{folder / RESULTS_FILE} spec must name its networks, got {shown(entries)}; restore "
            "the file"
        )
    for (entry, _), keys in zip(kept.networks, entries, strict=True):  # type: ignore[arg-type]
        label = entry.label
        if label not in names:
            raise InputError(
                f"suite folder {folder} must hold the folder of network {shown(label)}, got none; "
                "give the folder that the suite's run wrote"
            )
        there = members.setdefault(label, _Member(entry=entry, keys=keys))
        if (there.entry, there.keys) != (entry, keys):
            raise InputError(
                f"network {shown(label)} must be the same in all suites, got another entry of "
                f"that label in {folder}; give it a label of its own"
            )
        there.folders.append(folder / label)


def _chips(members: Mapping[str, _Member], wholes: Mapping[str, Joined]) -> range | None:
    """The chips of all networks; None without a design. Raises InputError for different ones."""
    found = {
        label: wholes[label].chips
        if label in wholes
        else chip_numbers(read_header(one.folders[0]).spec.get(DESIGN))
        for label, one in members.items()
    }
    for (a, chips), (b, others) in itertools.pairwise(found.items()):
        if chips != others:
            raise InputError(
                f"networks of the merged suite must have the same chips, got {_span(chips)} of "
                f"{a} and {_span(others)} of {b}; add the part that lacks"
            )
    return next(iter(found.values()))


def _span(chips: range | None) -> str:
    return "none" if chips is None else f"{chips[0]} to {chips[-1]}"


def _written(one: _Member, whole: Joined | None, output: Path, command: str) -> Result:
    """Write a network's run; what it measured."""
    if whole is not None:
        write_joined(whole, output, command=command)
        Run(output).report()
    else:
        try:
            # Links stay links, which we never read through.
            shutil.copytree(one.folders[0], output, symlinks=True)
        except shutil.Error as error:
            raise InputError(
                f"run folder {one.folders[0]} must hold files that can be copied, got "
                f"{shown(str(error.args[0][0][2]))}; restore it"
            ) from error
        except OSError as error:
            raise OutputError(unwritable(output, error)) from error
    return result_of(output)

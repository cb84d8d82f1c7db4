"""Runs of one spec on other chips, joined into the run that has all of them.

A chip's draws have its number as their address: it is the same in whichever run it was made.
"""

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analogsim import own_files
from analogsim.errors import InputError, shown
from analogsim.experiment.axes import place_of
from analogsim.experiment.digest import DESIGN, POINTS, chip_numbers
from analogsim.experiment.folder import prepare_folder, write_bytes_atomic
from analogsim.experiment.header import RunHeader, read_header, write_header
from analogsim.experiment.layers_file import LAYERS_FILE
from analogsim.experiment.records import RECORDS_FILE, check_finished, read_records
from analogsim.experiment.trial import Key, Trial
from analogsim.findings.kinds import kind_of
from analogsim.report.extras import SPEC_FILE
from analogsim.report.labels import format_duration
from analogsim.spec.file import read_spec
from analogsim.spec.study import Spec
from analogsim.studies.spec_file import write_spec


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A run that is finished: its trials by key, in the order in which one process makes them."""

    folder: Path
    header: RunHeader
    chips: range
    trials: Mapping[Key, Trial]


def merge_runs(folders: Sequence[Path], output: Path, *, command: str) -> None:
    """Write the run that all chips of several runs make to a new folder, but for its report.

    Its records are those of a single run with these chips, in the order of one process.

    Args:
        folders: of finished runs of `drift` or `compare`, in any order.
        output: new or empty.
        command: for the record.

    Raises:
        InputError: a folder is no such run or lacks a trial, specs differ in more than their chips,
            or chips are in two runs or in none.
        OutputError: the output holds something, or cannot be written.
    """
    if len(folders) < 2:
        raise InputError(f"merge must have two runs or more, got {len(folders)}; name the others")
    parts = sorted(map(_read, folders), key=lambda part: part.chips.start)
    for part in parts[1:]:
        _check_same(parts[0], part)
    for before, after in itertools.pairwise(parts):
        _check_next(before, after)
    first, last = parts[0], parts[-1]
    prepare_folder(output)
    trials = [trial for part in parts for trial in part.trials.values()]
    lines = "".join(f"{trial.to_json()}\n" for trial in trials)
    write_bytes_atomic(output / RECORDS_FILE, lines.encode())
    with suppress(OSError):
        # Of chip 0 in all of them; a report does without.
        layers = own_files.read_bytes(first.folder / LAYERS_FILE)
        write_bytes_atomic(output / LAYERS_FILE, layers)
    chips = range(first.chips.start, last.chips.stop)
    # There may be none, or a device's file may be gone.
    with suppress(InputError):
        spec = read_spec(first.folder / SPEC_FILE)
        if isinstance(spec, Spec):
            joined = dataclasses.replace(spec, chips=len(chips), first_chip=chips.start)
            write_spec(joined, output)
    design = {**first.header.spec[DESIGN], "chips": len(chips)}
    notes = dict.fromkeys(note for part in parts for note in part.header.notes)
    header = dataclasses.replace(
        first.header,
        command=command,
        spec={**first.header.spec, DESIGN: design},
        created=min(part.header.created for part in parts),
        notes=[*notes, *_of_versions(parts)],
    )
    # Last: without it the folder is no run's.
    write_header(output, header)


def _read(folder: Path) -> _Part:
    kind = kind_of(folder)
    if kind != "chips":
        raise InputError(
            f"run folder {folder} must be one of drift or compare, got one of kind {kind}; leave "
            "it out"
        )
    header = read_header(folder)
    chips = chip_numbers(header.spec.get(DESIGN))
    if chips is None:
        raise InputError(
            f"run folder {folder} must have a design with chips, got "
            f"{shown(header.spec.get(DESIGN))}; run it with --chips"
        )
    records = read_records(folder)
    check_finished(folder, header, records)
    there = {trial.key: trial for trial in records}
    trials: dict[Key, Trial] = {}
    for key in _keys(header.spec, chips):
        if key not in there:
            preset, bn, compensation, t_s, chip, _ = key
            raise InputError(
                f"run folder {folder} must be finished, got none for chip {chip} on {preset} (BN "
                f"{bn}, compensation {compensation}) at {format_duration(t_s)}; let it finish: "
                f"{header.command}"
            )
        trials[key] = there[key]
    return _Part(folder=folder, header=header, chips=chips, trials=trials)


def _keys(spec: Mapping[str, Any], chips: range) -> Iterator[Key]:
    """The trials of a spec, in the order in which one process makes them."""
    places = [place_of(point) for point in spec.get(POINTS) or [{}]]
    named = [spec.get(key, ()) for key in ("presets", "bn")]
    pairs = [spec.get(key, ()) for key in ("times_s", "compensations")]
    # The product lists its arguments first, and a folder may be a stranger's.
    for chip in chips:
        for preset, bn, place, t_s, compensation in itertools.product(*named, places, *pairs):
            yield preset, bn, compensation, t_s, chip, place


def _check_same(one: _Part, other: _Part) -> None:
    """Refuse runs of two specs. Raises InputError with the first key that differs."""
    specs = one.header.spec, other.header.spec
    pairs = {key: [spec.get(key) for spec in specs] for key in {**specs[0], **specs[1]}}
    pairs["digital accuracy"] = [part.header.digital["accuracy"] for part in (one, other)]
    for key, (mine, others) in pairs.items():
        if mine != others and key != DESIGN:
            raise InputError(
                f"runs to merge must be of one spec but for their chips, got {key} "
                f"{shown(json.dumps(mine))} in {one.folder} and {shown(json.dumps(others))} in "
                f"{other.folder}; merge runs of the same command"
            )


def _check_next(before: _Part, after: _Part) -> None:
    """Refuse chips that are in two runs, or in none. Raises InputError."""
    gap = range(before.chips.stop, after.chips.start)
    twice = range(after.chips.start, min(before.chips.stop, after.chips.stop))
    if twice:
        raise InputError(
            f"runs to merge must have each chip once, got {_numbers(twice)} in {before.folder} "
            f"and in {after.folder}; leave one of the two out"
        )
    if gap:
        raise InputError(
            f"runs to merge must have all chips between the first and the last, got none with "
            f"{_numbers(gap)}; run it with --chips {gap[0]}-{gap[-1]}"
        )


def _numbers(chips: range) -> str:
    return f"chip {chips[0]}" if len(chips) == 1 else f"chips {chips[0]} to {chips[-1]}"


def _of_versions(parts: Sequence[_Part]) -> list[str]:
    """What is said of runs that not the same libraries made."""
    said = [
        f"Chips {part.chips[0]} to {part.chips[-1]} were made with other versions: "
        f"{', '.join(f'{name} {version}' for name, version in part.header.versions.items())}."
        for part in parts
        if part.header.versions != parts[0].header.versions
    ]
    return said

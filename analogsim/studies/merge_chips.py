"""Runs of one network on other chips, or other draws of noise, joined into the run of them all.

A chip's draws have its number as their address: it is the same in whichever run it was made.
"""

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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
from analogsim.scopes.levels import levels_of
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.variances import FILE as VARIANCES_FILE
from analogsim.spec.file import read_spec
from analogsim.spec.study import Spec
from analogsim.studies.spec_file import write_spec

_WITHOUT = {
    "matched": "whose Gaussian noise is matched to the errors of all chips together",
    "attribution": "whose suggestion is made by all chips together, and verified on the next ones",
}
"""Kinds of which a part is no part of the whole, and why."""


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A run that is finished: its trials by key, in the order in which one process makes them.

    `unit` is what its `chips` are.
    """

    folder: Path
    header: RunHeader
    unit: Literal["chip", "draw"]
    chips: range
    trials: Mapping[Key, Trial]

    def named(self, chips: range) -> str:
        """Some of its numbers in words."""
        if len(chips) == 1:
            return f"{self.unit} {chips[0]}"
        return f"{self.unit}s {chips[0]} to {chips[-1]}"


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Parts that make a whole, from the first chips to the last."""

    parts: Sequence[_Part]

    @property
    def chips(self) -> range:
        """The numbers of all chips (or draws)."""
        return range(self.parts[0].chips.start, self.parts[-1].chips.stop)


def joined(folders: Sequence[Path]) -> Joined:
    """Read the parts, and hold them to each other.

    Raises:
        InputError: a folder is no run of chips or draws or lacks a trial, specs differ in more than
            their chips, or chips are in two runs or in none.
    """
    parts = sorted(map(_read, folders), key=lambda part: part.chips.start)
    for part in parts[1:]:
        _check_same(parts[0], part)
    for before, after in itertools.pairwise(parts):
        _check_next(before, after)
    return Joined(parts=parts)


def write_joined(whole: Joined, output: Path, *, command: str) -> None:
    """Write the run that all chips make to a new folder, but for its report.

    Its records are those of a single run with these chips, in the order of one process.

    Raises:
        OutputError: the output holds something, or cannot be written.
    """
    parts, chips = whole.parts, whole.chips
    first = parts[0]
    prepare_folder(output)
    trials = [trial for part in parts for trial in part.trials.values()]
    lines = "".join(f"{trial.to_json()}\n" for trial in trials)
    write_bytes_atomic(output / RECORDS_FILE, lines.encode())
    for name in (LAYERS_FILE, VARIANCES_FILE):
        with suppress(OSError):
            # Of chip 0, or of the network, in all of them; a report does without.
            content = own_files.read_bytes(first.folder / name)
            write_bytes_atomic(output / name, content)
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
    if kind not in ("chips", "noise"):
        why = f", {_WITHOUT[kind]}" if kind in _WITHOUT else ""
        raise InputError(
            f"run folder {folder} must be one of drift, compare or noise, got one of kind "
            f"{kind}{why}; run it in one go"
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
    keys = _draw_keys(folder, chips) if kind == "noise" else _keys(header.spec, chips)
    unit: Literal["chip", "draw"] = "draw" if kind == "noise" else "chip"
    for key in keys:
        if key not in there:
            preset, bn, compensation, t_s, chip, _ = key
            raise InputError(
                f"run folder {folder} must be finished, got none for {unit} {chip} on {preset} (BN "
                f"{bn}, compensation {compensation}) at {format_duration(t_s)}; let it finish: "
                f"{header.command}"
            )
        trials[key] = there[key]
    return _Part(folder=folder, header=header, unit=unit, chips=chips, trials=trials)


def _keys(spec: Mapping[str, Any], chips: range) -> Iterator[Key]:
    """The trials of a spec, in the order in which one process makes them."""
    places = [place_of(point) for point in spec.get(POINTS) or [{}]]
    named = [spec.get(key, ()) for key in ("presets", "bn")]
    pairs = [spec.get(key, ()) for key in ("times_s", "compensations")]
    # The product lists its arguments first, and a folder may be a stranger's.
    for chip in chips:
        for preset, bn, place, t_s, compensation in itertools.product(*named, places, *pairs):
            yield preset, bn, compensation, t_s, chip, place


def _draw_keys(folder: Path, draws: range) -> Iterator[Key]:
    """As `_keys`, of a noise study. Raises InputError as `read_noise`."""
    found = read_noise(folder)
    scopes = (found.same[scope] for scope in found.scopes)
    levels = levels_of(scopes, found.references, found.etas)
    for draw, level in itertools.product(draws, levels):
        yield level.preset, level.bn, "none", 0.0, draw, ()


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
            f"runs to merge must have each {before.unit} once, got {before.named(twice)} in "
            f"{before.folder} and in {after.folder}; leave one of the two out"
        )
    if gap:
        raise InputError(
            f"runs to merge must have all {before.unit}s between the first and the last, got none "
            f"with {before.named(gap)}; run it with --{before.unit}s {gap[0]}-{gap[-1]}"
        )


def _of_versions(parts: Sequence[_Part]) -> list[str]:
    """What is said of runs that not the same libraries made."""
    said = [
        f"{part.unit.title()}s {part.chips[0]} to {part.chips[-1]} were made with other versions: "
        f"{', '.join(f'{name} {version}' for name, version in part.header.versions.items())}."
        for part in parts
        if part.header.versions != parts[0].header.versions
    ]
    return said

"""The records of a run, `records.jsonl`: one finished trial a line, safe on the disk at once.

A run that is killed loses the trial it was in and no other. The line it was writing may be
torn: it is the last, has no line end, and is dropped with a note when it is read.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar, overload

from analogsim import bounded, own_files, schema
from analogsim.errors import InputError, OutputError, shown
from analogsim.experiment.axes import place_of
from analogsim.experiment.digest import POINTS
from analogsim.experiment.header import RunHeader
from analogsim.experiment.trial import Key, Trial

RECORDS_FILE = "records.jsonl"
# More than 10^6 trials over 10^4 images each; a larger file is a damaged one.
_MOST = 4096 * bounded.MIB


class Record(Protocol):
    """A line of such a file, `Trial` for one: what was measured on one chip, or on some."""

    @property
    def key(self) -> Key:
        """What tells it from the others of its file."""

    @property
    def what(self) -> str:
        """As progress calls it."""

    @property
    def spec_digest(self) -> str:
        """Of what decides its numbers."""

    def problems(self) -> list[str]:
        """What is wrong with it, a sentence each."""

    def to_json(self) -> str:
        """One line of strict JSON, without its line end."""

    @classmethod
    def from_json(cls, line: str, *, where: str) -> Self:
        """Check and rebuild. Raises InputError that starts with `where`, which is file and line."""


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Records(Sequence[R], Generic[R]):
    """The records of a file in its order, and what is to be said about the reading."""

    trials: tuple[R, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.trials)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[R, ...]: ...
    def __getitem__(self, index: int | slice) -> R | tuple[R, ...]:
        return self.trials[index]


def read_records(folder: Path) -> Records[Trial]:
    """The trials of a folder; as `read_lines`."""
    return read_lines(folder, Trial)


def read_lines(folder: Path, kind: type[R]) -> Records[R]:
    """Read `records.jsonl`; a file that does not exist holds nothing.

    A torn last line is dropped, and `notes` says so. Raises InputError that names file and
    line for any other line that is not a `kind`, and if the file cannot be read.
    """
    path = folder / RECORDS_FILE
    try:
        content = own_files.read_bytes(path, _MOST)
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise InputError(
            f"{path} must be readable, got '{error.strerror}'; check its permissions"
        ) from error
    whole, torn = _split_tail(content)
    trials = []
    for number, line in enumerate(whole.split(b"\n"), start=1):
        where = f"{path} line {number}"
        if line.strip():
            trials.append(kind.from_json(_decode(line, where), where=where))
    notes: tuple[str, ...] = ()
    if torn:
        number = whole.count(b"\n") + 1
        notes = (
            f"{RECORDS_FILE} line {number} was torn when the run was broken off "
            f"({len(torn)} bytes); it is left out.",
        )
    return Records(trials=tuple(trials), notes=notes)


def _split_tail(content: bytes) -> tuple[bytes, bytes]:
    """Whole lines, and the torn rest. A last line that only lacks its line end is whole."""
    head, end, tail = content.rpartition(b"\n")
    try:
        schema.loads(tail.decode())
    except ValueError:
        # UnicodeDecodeError is a ValueError: a cut can go through a character.
        return head + end, tail
    return content, b""


def _decode(line: bytes, where: str) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where} must be UTF-8 text, got '{error}'; restore the line or delete it"
        ) from error


def check_finished(folder: Path, header: RunHeader, records: Sequence[Trial]) -> None:
    """Refuse a folder without a trial, or with trials of another experiment than its header's.

    Raises InputError.
    """
    path = folder / RECORDS_FILE
    if not records:
        raise InputError(
            f"{path} must hold at least one finished trial, got none; let the run finish one: "
            f"{header.command}"
        )
    points = {place_of(point) for point in header.spec.get(POINTS, ({},))}
    for trial in records:
        if place_of(trial.point) not in points:
            raise InputError(
                f"{path} point must be one of the {len(points)} of the header's spec, got "
                f"{shown(trial.point)} (chip {trial.chip}); keep experiments in separate folders"
            )
        if trial.spec_digest != header.spec_digest:
            raise InputError(
                f"{path} spec_digest must be {header.spec_digest} as in the header, got "
                f"{trial.spec_digest} (chip {trial.chip}, preset {trial.preset}); "
                "keep experiments in separate folders"
            )


class RecordWriter:
    """Appends records to `records.jsonl`; each is on the disk when `write` returns.

    A torn last line of a run that was broken off is cut away first: the next record would
    otherwise be glued to it, and both be lost. Raises OutputError where it cannot write.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / RECORDS_FILE
        try:
            # Not through Python's buffer: after a full disk it would write again when closed.
            is_new = not self.path.exists()
            self._file = own_files.open_regular(self.path, os.O_RDWR | os.O_CREAT)
            if is_new:
                own_files.sync_folder(folder)
            self._end = self._mend()
        except OSError as error:
            raise OutputError(
                f"output {self.path} must be writable, got '{error.strerror}'; "
                "choose another folder"
            ) from error

    def _mend(self) -> int:
        """Cut a torn end off, close a last line; return the length."""
        content = own_files.read_bytes(self.path, _MOST)
        whole, torn = _split_tail(content)
        if torn:
            os.ftruncate(self._file, len(whole))
        if whole and not whole.endswith(b"\n"):
            os.pwrite(self._file, b"\n", len(whole))
            return len(whole) + 1
        return len(whole)

    def write(self, record: Record) -> None:
        """Append one record: one line, written and synchronised. Raises OutputError."""
        found = record.problems()
        assert not found, found
        if not own_files.is_in_place(self._file, self.path):
            raise OutputError(
                f"output {self.path} must stay where it is while a run writes to it, got another "
                "file or none in its place; restore it, or run again: what it lacks is computed "
                "anew"
            )
        line = record.to_json().encode() + b"\n"
        try:
            done = 0
            while done < len(line):
                done += os.pwrite(self._file, line[done:], self._end + done)
            os.fsync(self._file)
        except OSError as error:
            # A disk that is full may still give back what half a line took.
            with suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise OutputError(
                f"output {self.path} must take another line, got '{error.strerror}'; make room "
                "and run again: the lines before it are safe"
            ) from error
        self._end += len(line)

    def close(self) -> None:
        """Close the file; nothing is lost if this is never reached."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

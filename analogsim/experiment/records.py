"""The trials of a run, `records.jsonl`: one finished trial a line, safe on the disk at once.

A run that is killed loses the trial it was in and no other. The line it was writing may be
torn: it is the last, has no line end, and is dropped with a note when it is read.
"""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self, get_type_hints, overload

from analogsim import schema
from analogsim.errors import InputError, OutputError
from analogsim.experiment.folder import prepare_folder, write_bytes_atomic, write_json_atomic
from analogsim.experiment.header import (
    HEADER_FILE,
    DeviceEntry,
    Digital,
    Layer,
    RunHeader,
    check_format,
    read_header,
    write_header,
)

__all__ = [
    "HEADER_FILE",
    "RECORDS_FILE",
    "DeviceEntry",
    "Digital",
    "Layer",
    "RecordWriter",
    "Records",
    "RunHeader",
    "Trial",
    "prepare_folder",
    "read_header",
    "read_records",
    "write_bytes_atomic",
    "write_header",
    "write_json_atomic",
]

RECORDS_FILE = "records.jsonl"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One chip at one time over one set of images.

    `t_s` is the time since programming in seconds, `accuracy` the fraction of images that are
    right, `n_nan` how many images gave NaN, `seed` the root seed, `wall_s` what it took.
    """

    FORMAT: ClassVar[str] = "analogsim-trial"
    VERSION: ClassVar[int] = 1

    preset: str
    t_s: float
    chip: int
    bn: str
    compensation: str
    n_images: int
    n_correct: int
    accuracy: float
    n_nan: int
    seed: int
    periphery: str
    tile: str
    forward: str
    spec_digest: str
    wall_s: float
    device: str = "cpu"
    versions: dict[str, str]

    def to_json(self) -> str:
        """One line of strict JSON, without its line end."""
        return schema.dumps({"format": self.FORMAT, "version": self.VERSION, **asdict(self)})

    @classmethod
    def from_json(cls, line: str, *, where: str) -> Self:
        """Check and rebuild. `where` names file and line.

        Raises InputError that starts with `where` and names every problem of the line.
        """
        try:
            content = schema.loads(line)
        except ValueError as error:
            raise InputError(
                f"{where} must be JSON, got '{error}'; restore the line or delete it"
            ) from error
        check_format(content, name=cls.FORMAT, version=cls.VERSION, where=where)
        fields = {key: value for key, value in content.items() if key not in {"format", "version"}}
        found = list(_problems(fields, cls))
        if found:
            raise InputError(f"{where} {'; '.join(found)}; restore the line or delete it")
        return cls(**fields)


def _problems(fields: dict[str, Any], cls: type[Trial]) -> Iterator[str]:
    every = get_type_hints(cls)
    hints = {field.name: every[field.name] for field in dataclasses.fields(cls)}
    found = list(schema.field_problems(fields, hints))
    yield from found
    if found:
        return
    n_images, n_correct, accuracy = fields["n_images"], fields["n_correct"], fields["accuracy"]
    for name in ("t_s", "chip", "wall_s"):
        if fields[name] < 0:
            yield f"{name} must be 0 or more, got {fields[name]}"
    if n_images < 1:
        yield f"n_images must be 1 or more, got {n_images}"
        return
    for name in ("n_correct", "n_nan"):
        if not 0 <= fields[name] <= n_images:
            yield f"{name} must be from 0 to n_images = {n_images}, got {fields[name]}"
    # A tolerance, because accuracy may have gone through a float32.
    if not 0 <= accuracy <= 1 or abs(accuracy - n_correct / n_images) > 1e-6:
        yield (
            f"accuracy must be the fraction n_correct / n_images = {n_correct}/{n_images}, "
            f"got {accuracy}"
        )


@dataclass(frozen=True, kw_only=True)
class Records(Sequence[Trial]):
    """The trials of a run in the order of the file, and what is to be said about the reading."""

    trials: tuple[Trial, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.trials)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Trial, ...]: ...
    def __getitem__(self, index: int | slice) -> Trial | tuple[Trial, ...]:
        return self.trials[index]


def read_records(folder: Path) -> Records:
    """Read `records.jsonl`; a file that does not exist holds no trials.

    A torn last line is dropped, and `notes` says so. Raises InputError that names file and
    line for any other line that is not a trial, and if the file cannot be read.
    """
    path = folder / RECORDS_FILE
    try:
        content = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise InputError(
            f"{path} must be readable, got '{error.strerror}'; check its permissions"
        ) from error
    whole, torn = _split_tail(content)
    trials = []
    for number, line in enumerate(whole.split(b"\n"), start=1):
        where = f"{path} line {number}"
        if line.strip():
            trials.append(Trial.from_json(_decode(line, where), where=where))
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


class RecordWriter:
    """Appends trials to `records.jsonl`; each is on the disk when `write` returns.

    A torn last line of a run that was broken off is cut away first: the next trial would
    otherwise be glued to it, and both be lost. Raises OutputError where it cannot write.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / RECORDS_FILE
        try:
            self._file: BufferedRandom = self.path.open("a+b")
            self._mend()
        except OSError as error:
            raise OutputError(
                f"output {self.path} must be writable, got '{error.strerror}'; "
                "choose another folder"
            ) from error

    def _mend(self) -> None:
        self._file.seek(0)
        whole, torn = _split_tail(self._file.read())
        if torn:
            self._file.truncate(len(whole))
        elif whole and not whole.endswith(b"\n"):
            self._file.write(b"\n")
        self._file.flush()

    def write(self, trial: Trial) -> None:
        """Append one trial: one line, flushed and synchronised. Raises OutputError."""
        found = list(_problems(asdict(trial), Trial))
        assert not found, found
        try:
            self._file.write(trial.to_json().encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(
                f"output {self.path} must take another line, got '{error.strerror}'; make room "
                "and run again: the lines before it are safe"
            ) from error

    def close(self) -> None:
        """Close the file; nothing is lost if this is never reached."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

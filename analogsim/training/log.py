"""The log of a training: one JSON object an epoch, on the disk before the next one starts."""

import os
from pathlib import Path
from typing import Any

from analogsim import own_files
from analogsim.errors import InputError, OutputError
from analogsim.experiment.folder import unwritable, write_bytes_atomic
from analogsim.schema import dumps, loads

LOG_FILE = "metrics.jsonl"


def append_epoch(folder: Path, entry: dict[str, Any]) -> int:
    """Append an epoch and return the length of the log in bytes. Raises OutputError."""
    path = folder / LOG_FILE
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with os.fdopen(own_files.open_regular(path, flags), "ab") as file:
            file.write(dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
    except OSError as error:
        raise OutputError(unwritable(path, error)) from error


def cut_log(folder: Path, length: int) -> None:
    """Take off what was logged after the last state, for example half a line.

    Raises:
        InputError: the log is shorter than the state says, or cannot be read.
    """
    path = folder / LOG_FILE
    content = _read(path) if path.exists() else b""
    if len(content) < length:
        raise InputError(
            f"training log {path} must hold at least {length} bytes, got {len(content)}; "
            "restore it, or train again in another folder"
        )
    if len(content) > length:
        write_bytes_atomic(path, content[:length])


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The epochs so far, in order. Raises InputError."""
    return [loads(line) for line in _read(folder / LOG_FILE).decode().splitlines()]


def _read(path: Path) -> bytes:
    try:
        return own_files.read_bytes(path)
    except OSError as err:
        raise InputError(
            f"training log {path} must be readable, got '{err.strerror}'; restore it, or train "
            "again in another folder"
        ) from err

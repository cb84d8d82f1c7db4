"""The log of a training: one JSON object an epoch, on the disk before the next one starts."""

import os
from pathlib import Path
from typing import Any

from analogsim.errors import InputError, OutputError
from analogsim.experiment.folder import unwritable, write_bytes_atomic
from analogsim.schema import dumps, loads

LOG_FILE = "metrics.jsonl"


def append_epoch(folder: Path, entry: dict[str, Any]) -> int:
    """Append an epoch and return the length of the log in bytes. Raises OutputError."""
    path = folder / LOG_FILE
    try:
        with path.open("ab") as file:
            file.write(dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
    except OSError as error:
        raise OutputError(unwritable(path, error)) from error


def cut_log(folder: Path, length: int) -> None:
    """Take off what was logged after the last state, for example half a line.

    Raises:
        InputError: the log is shorter than the state says.
    """
    path = folder / LOG_FILE
    content = path.read_bytes() if path.is_file() else b""
    if len(content) < length:
        raise InputError(
            f"training log {path} must hold at least {length} bytes, got {len(content)}; "
            "restore it, or train again in another folder"
        )
    if len(content) > length:
        write_bytes_atomic(path, content[:length])


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The epochs so far, in order."""
    return [loads(line) for line in (folder / LOG_FILE).read_text().splitlines()]

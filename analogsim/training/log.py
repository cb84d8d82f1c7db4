"""The log of a training: one JSON object an epoch, on the disk before the next one starts."""

import os
from pathlib import Path
from typing import Any

from analogsim import own_files
from analogsim.errors import InputError, OutputError
from analogsim.experiment.folder import unwritable, write_bytes_atomic
from analogsim.schema import dumps, loads, problems

LOG_FILE = "metrics.jsonl"
_NEEDED = {"seconds", "test_accuracy", "train_accuracy"}
_REMEDY = "restore it, or train again in another folder"


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
        InputError: the log cannot be read, or is shorter than the state says.
    """
    path = folder / LOG_FILE
    content = _content(path)
    if len(content) < length:
        raise InputError(
            f"training log {path} must hold at least {length} bytes, got {len(content)}; {_REMEDY}"
        )
    if len(content) > length:
        write_bytes_atomic(path, content[:length])


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The epochs so far, in order.

    Raises:
        InputError: it cannot be read, or is something else.
    """
    path = folder / LOG_FILE
    try:
        epochs = [loads(line) for line in _content(path).decode().splitlines()]
    except ValueError as err:
        raise InputError(
            f"training log {path} must be lines of JSON, got '{err}'; {_REMEDY}"
        ) from err
    for number, epoch in enumerate(epochs, start=1):
        found = list(problems(epoch, dict[str, float], f"line {number}"))
        if not found and not epoch.keys() >= _NEEDED:
            found = [f"line {number} must have {', '.join(sorted(_NEEDED))}, got others"]
        if found:
            raise InputError(f"training log {path} {'; '.join(found)}; {_REMEDY}")
    return epochs


def _content(path: Path) -> bytes:
    """Nothing where there is no log yet."""
    try:
        return own_files.read_bytes(path)
    except FileNotFoundError:
        return b""
    except OSError as err:
        raise InputError(
            f"training log {path} must be readable, got '{err.strerror}'; {_REMEDY}"
        ) from err

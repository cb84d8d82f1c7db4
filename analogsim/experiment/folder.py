"""A run's folder on the disk: made once, never overwritten, and files that are whole or absent."""

import os
from contextlib import suppress
from pathlib import Path

from analogsim import schema
from analogsim.errors import OutputError


def prepare_folder(folder: Path | str) -> Path:
    """Make an empty output folder, with its parents, and return it.

    Raises OutputError for a file, a folder that holds anything, and a place that cannot be
    written. It is called before the computing starts, so that hours are not lost at the end.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        first = next(path.iterdir(), None)
    except (FileExistsError, NotADirectoryError):
        raise OutputError(
            f"output {path} must be a folder, got a path through a file; choose another folder"
        ) from None
    except OSError as error:
        raise OutputError(_unwritable(path, error)) from error
    if first is not None:
        raise OutputError(
            f"output {path} must be an empty folder, got one that holds {first.name}; "
            "choose another folder or move that one away"
        )
    probe = path / ".analogsim-probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(_unwritable(path, error)) from error
    return path


def is_litter(path: Path) -> bool:
    """Whether a file is what a run that was killed leaves behind: hidden, and of no worth."""
    return path.name.startswith(".")


def write_bytes_atomic(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new one, never half.

    Raises OutputError if the place cannot be written; an old file is then untouched.
    """
    # Beside the target: a rename is only atomic within one file system.
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise OutputError(_unwritable(path, error)) from error


def write_json_atomic(path: Path, value: object) -> None:
    """Write strict JSON, indented, whole or not at all.

    Raises ValueError for NaN or Infinity (a bug of ours), OutputError as `write_bytes_atomic`.
    """
    write_bytes_atomic(path, (schema.dumps(value, indent=2) + "\n").encode())


def _unwritable(path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"output {path} must be writable, got '{reason}'; choose another place"

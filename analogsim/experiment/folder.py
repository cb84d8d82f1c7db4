"""A run's folder on the disk: made once, never overwritten, and files that are whole or absent."""

import errno
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
    make_folder(path)
    try:
        first = next(path.iterdir(), None)
    except OSError as error:
        raise OutputError(unwritable(path, error)) from error
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
        raise OutputError(unwritable(path, error)) from error
    return path


def make_folder(path: Path) -> None:
    """Make a folder and its parents, if they are not there. Raises OutputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OutputError(
            f"output {path} must be a folder, got a path through a file; choose another folder"
        ) from None
    except OSError as error:
        raise OutputError(unwritable(path, error)) from error


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
        raise OutputError(unwritable(path, error)) from error


def write_json_atomic(path: Path, value: object) -> None:
    """Write strict JSON, indented, whole or not at all.

    Raises ValueError for NaN or Infinity (a bug of ours), OutputError as `write_bytes_atomic`.
    """
    write_bytes_atomic(path, (schema.dumps(value, indent=2) + "\n").encode())


def unwritable(path: Path, error: OSError) -> str:
    """What is said of a place that cannot be written, and what to do."""
    reason = error.strerror or str(error)
    return f"output {path} must be writable, got '{reason}'; {_MEND.get(error.errno, _ELSE)}"


_AGAIN = "and give the same command again: the files that are there are kept"
_ELSE = "choose another place"
_MEND: dict[int | None, str] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), f"make room, {_AGAIN}"),
    **dict.fromkeys((errno.EROFS, errno.EIO), f"mend the disk, {_AGAIN}, or {_ELSE}"),
}

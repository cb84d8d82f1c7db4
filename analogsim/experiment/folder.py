"""A run's folder on the disk: made once, never overwritten, and files that are whole or absent."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from analogsim import own_files, schema
from analogsim.errors import OutputError


def prepare_folder(folder: Path | str, arrived: Sequence[str] = ()) -> Path:
    """Make an empty output folder, with its parents, and return it.

    Raises OutputError for a file, a folder that holds anything (but for what a killed process
    left, see `own_files.first_other`), and a place that cannot be written. It is called before the
    computing starts, so that hours are not lost at the end.
    """
    path = Path(folder)
    make_folder(path)
    try:
        first = own_files.first_other(path, arrived)
    except OSError as error:
        raise OutputError(unwritable(path, error)) from error
    if first is not None:
        raise OutputError(
            f"output {path} must be an empty folder, got one that holds {first.name}; "
            "choose another folder or move that one away"
        )
    probe = path / ".analogsim-probe"
    try:
        os.close(own_files.create_file(probe))
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


def write_bytes_atomic(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, as `own_files.write_whole`. Raises OutputError."""
    try:
        own_files.write_whole(path, content)
    except OSError as error:
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

"""Files and folders that analogsim writes for itself: opened as what they are, never through links.

A run's folder may come from somebody else. A link in it would have us read or overwrite what lies
elsewhere, and a pipe would be waited for. A folder or file that a user names may be a link: this
is for what lies inside of it.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from analogsim import bounded
from analogsim.errors import OutputError

ARRIVING = ".analogsim-part"
"""Inside a folder that `arriving` fills."""

# Not every system has all of them. Without O_NONBLOCK a pipe is waited for.
_FLAGS = ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_BINARY")
_SAFE = sum(getattr(os, name, 0) for name in _FLAGS)


def is_litter(path: Path) -> bool:
    """Whether a file is what a run that was killed leaves behind: hidden, and of no worth."""
    return path.name.startswith(".")


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """`os.open` of a regular file; the caller closes it.

    Raises:
        OSError: there is none, or a link, or something else. Nor is a file opened for writing that
            has a second name: what is written would appear there too.
    """
    if path.is_symlink():
        raise OSError(errno.ELOOP, f"{path.name} is a link", str(path))
    file = os.open(path, flags | _SAFE, 0o666)
    found = os.fstat(file)
    wrong = None
    if stat.S_ISDIR(found.st_mode):
        wrong = OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    elif not stat.S_ISREG(found.st_mode):
        wrong = OSError(errno.EINVAL, f"{path.name} is a pipe or device", str(path))
    elif flags & (os.O_WRONLY | os.O_RDWR) and found.st_nlink > 1:
        wrong = OSError(errno.EMLINK, f"{path.name} has a second name (a hard link)", str(path))
    if wrong is not None:
        os.close(file)
        raise wrong
    return file


def read_bytes(path: Path, most: int = bounded.SETTINGS) -> bytes:
    """The bytes of a file. Raises OSError as `open_regular` and `bounded.read_bytes`."""
    with os.fdopen(open_regular(path), "rb") as file:
        return bounded.read_open(file, path, most)


def read_text(path: Path, most: int = bounded.SETTINGS) -> str:
    """The text of a UTF-8 file. Raises OSError as `read_bytes`, and UnicodeDecodeError."""
    return read_bytes(path, most).decode("utf-8-sig")


def create_file(path: Path) -> int:
    """Open a new file for writing, in place of what a killed process left. Raises OSError."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o666)


def is_in_place(file: int, path: Path) -> bool:
    """Whether an open file is still the one of that name: not removed, moved or replaced."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(file), os.lstat(path))
    return False


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new one, never half.

    A file that has this content already is left alone. Raises OSError; an old file is then
    untouched.
    """
    if _holds(path, content):
        return
    # Beside the target: a rename is only atomic within one file system.
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(create_file(draft), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _holds(path: Path, content: bytes) -> bool:
    with suppress(OSError):
        return read_bytes(path, len(content)) == content
    return False


def own_folder(path: Path) -> Path:
    """A folder inside of one of ours, made where it is missing.

    Raises:
        OutputError: it cannot be made, or is a link or file.
    """
    try:
        path.mkdir(exist_ok=True)
        if path.is_symlink():
            raise OSError(errno.ELOOP, f"{path.name} is a link", str(path))
    except OSError as error:
        raise OutputError(
            f"output {path} must be a folder that can be made, got '{error.strerror}'; move away "
            "what is in its place"
        ) from error
    return path


def sync_folder(path: Path) -> None:
    """Have the names in a folder on the disk: without it a power cut may undo a rename.

    Raises OSError.
    """
    if os.name != "posix":
        return
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    except OSError as error:
        # Some network file systems cannot.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(file)


def first_other(folder: Path, arrived: Sequence[str] = ()) -> Path | None:
    """What keeps a folder from counting as empty; None if nothing does.

    `arrived` are names that `arriving` moves: where it began, those are ours.
    """
    began = (folder / ARRIVING, *(folder / name for name in arrived[-1:]))
    ours = arrived if any(path.exists() for path in began) else ()
    others = (one for one in folder.iterdir() if not is_litter(one) and one.name not in ours)
    return next(others, None)


@contextmanager
def arriving(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """A hidden folder inside `folder`, whose files move there when all are written and synced.

    The last of `names` moves last, and is another one if any of them is: where it is, the others
    are, and where it all arrives again only what is missing moves. What a killed process left is
    replaced.

    Raises:
        OutputError: `folder` holds something else.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first = first_other(folder, names)
    if first is not None:
        raise OutputError(f"folder {folder} must be empty, got files in it; choose another")
    last = folder / names[-1]
    is_whole = last.exists()
    draft = own_folder(folder / ARRIVING)
    for path in (*draft.iterdir(), *(folder / name for name in names if not is_whole)):
        path.unlink(missing_ok=True)
    try:
        yield draft
        there = [name for name in names if (draft / name).exists()]
        for name in there:
            file = open_regular(draft / name)
            try:
                os.fsync(file)
            finally:
                os.close(file)
        if is_whole and not _holds(last, read_bytes(draft / last.name)):
            raise OutputError(
                f"folder {folder} must be empty or hold what is written, got another {last.name}; "
                "choose another"
            )
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    for name in there:
        if name == last.name:
            sync_folder(folder)
        if not (folder / name).exists():
            os.replace(draft / name, folder / name)
    shutil.rmtree(draft)
    sync_folder(folder)

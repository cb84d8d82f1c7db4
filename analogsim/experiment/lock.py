"""One process at a time in a folder.

The lock is the operating system's and ends with its process, however that ends. Where a file
system has none (some network and FUSE mounts) a file stands in for it, which only one process can
make. That file goes at the end of a run, also of one that fails or is interrupted. After a kill it
stays, and the message says what to delete: nobody can tell from here whether a process of another
machine still runs, and two that both took a left one away would both go on.
"""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from analogsim import own_files
from analogsim.errors import OutputError
from analogsim.experiment.folder import make_folder, unwritable

LOCK_FILE = ".lock"
STAND_IN_FILE = ".lock-stand-in"
# Beside it, so that a run in which nothing is left to do changes no file.
HOLDER_FILE = ".lock-holder"
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one process. Makes it if needed.

    Raises:
        OutputError: another process holds it, or it cannot be written.
    """
    make_folder(folder)
    stand_in = folder / STAND_IN_FILE
    with ExitStack() as stack:
        try:
            file = own_files.open_regular(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT)
            stack.callback(os.close, file)
            held = _lock(file)
            if held is None:
                file = os.open(stand_in, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
                stack.callback(os.close, file)
                stack.callback(partial(stand_in.unlink, missing_ok=True))
                _sign(file)
            elif not held:
                raise OutputError(_in_use(folder, folder / HOLDER_FILE, "wait for it"))
        except FileExistsError:
            end = f"wait for it, or delete {stand_in} if that process has ended"
            raise OutputError(_in_use(folder, stand_in, end)) from None
        except OSError as error:
            raise OutputError(unwritable(folder, error)) from error
        if held:
            stack.enter_context(_named(folder / HOLDER_FILE))
        yield


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say who holds the lock as long as it is held; no run depends on it."""
    with suppress(OSError):
        file = own_files.create_file(path)
        try:
            _sign(file)
        finally:
            os.close(file)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def _sign(file: int) -> None:
    os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _lock(file: int) -> bool | None:
    """Whether this process has the lock now; None where the file system has no locks."""
    import fcntl  # there is none on Windows, where nothing but running needs it

    try:
        # Not flock: forked workers would keep that one when this process is killed.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def _in_use(folder: Path, holder: Path, end: str) -> str:
    name = "another process"
    with suppress(OSError, ValueError):
        name = own_files.read_text(holder)[:200] or name
    return (
        f"output {folder} must be used by one run at a time, got a second one while {name} runs "
        f"there; {end} or choose another folder"
    )

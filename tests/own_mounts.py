"""Mounts that only a forked process sees: read-only ones, and small ones. They end with it."""

import ctypes
import os
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

_NEW_MOUNTS, _NEW_USER = 0x20000, 0x10000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18


def _checked(done: int) -> None:
    if done:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _mount(source: str, target: Path | str, kind: str, flags: int, data: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    parts = [part.encode() for part in (source, os.fspath(target), kind)]
    _checked(libc.mount(*parts, ctypes.c_ulong(flags), data.encode()))


def read_only(folder: Path) -> None:
    """Mount a folder over itself, so that nobody can write to it; root neither."""
    _mount(os.fspath(folder), folder, "", _BIND)
    _mount("", folder, "", _BIND | _REMOUNT | _READ_ONLY)


def small(folder: Path, size: int) -> None:
    """A file system of so many bytes, in memory."""
    _mount("tmpfs", folder, "tmpfs", 0, f"size={size}")


def grown(folder: Path, size: int) -> None:
    """More room for it."""
    _mount("", folder, "", _REMOUNT, f"size={size}")


def _unshared() -> None:
    """Mounts of this process's own: as root, or as the root of a user namespace of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if user == 0:
        _checked(libc.unshare(_NEW_MOUNTS))
    else:
        _checked(libc.unshare(_NEW_MOUNTS | _NEW_USER))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _mount("", "/", "", _RECURSIVE | _PRIVATE)


def apart(work: Callable[[], None]) -> None:
    """Do it in a forked process with mounts of its own, and fail as it fails."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = b""
        try:
            # A pool of threads does not come along.
            torch.set_num_threads(1)
            _unshared()
            work()
        except BaseException:  # noqa: BLE001 - pytest must not go on twice
            said = traceback.format_exc().encode(errors="replace")
        finally:
            with os.fdopen(write, "wb") as pipe:
                pipe.write(said)
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert not said, said.decode()


@cache
def why_not() -> str:
    """Why this process may not mount; empty where it may."""
    try:
        apart(lambda: None)
    except AssertionError as error:
        return str(error).strip().rpartition("\n")[2]
    return ""


def needs_mounts() -> None:
    """Skip a test where it may not."""
    if why_not():
        pytest.skip(f"needs mounts of its own: root, or user namespaces ({why_not()})")

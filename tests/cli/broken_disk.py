"""A process that dies at a chosen change of the disk, without the cost of a process."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

# What changes the disk, or has a change reach it; `os.open` where it makes a file.
_BY_FILE = ("pwrite", "fsync", "ftruncate")
_BY_PATH = ("open", "replace", "mkdir", "unlink", "rmdir")


class Killed(BaseException):
    """No `except Exception` and no clean-up of errors meets it, as none meets SIGKILL."""


class Disk:
    """Counts changes. From change number `dies_at` on, each of them raises `Killed` instead."""

    def __init__(self, folder: Path, dies_at: int | None) -> None:
        self.folder, self.dies_at = str(folder), dies_at
        self.calls: list[str] = []

    def _is_counted(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> bool:
        if name in _BY_FILE:
            return True
        if name == "open" and not args[1] & os.O_CREAT:
            return False
        # `shutil.rmtree` names what it removes from inside.
        return named.get("dir_fd") is not None or str(args[0]).startswith(self.folder)

    def met(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, as long as the process lives; a record in which it dies is torn."""

        def changed(*args: Any, **named: Any) -> Any:
            if not self._is_counted(name, args, named):
                return call(*args, **named)
            self.calls.append(name)
            over = -1 if self.dies_at is None else len(self.calls) - self.dies_at
            if over < 1:
                return call(*args, **named)
            if name == "pwrite" and over == 1:
                file, content, place = args
                call(file, content[: len(content) // 2], place)
            raise Killed

        return changed


@contextmanager
def disk(folder: Path, dies_at: int | None = None) -> Iterator[Disk]:
    """Count the changes in `folder`, and die at number `dies_at` (from 0)."""
    counted = Disk(folder, dies_at)
    made = {name: counted.met(name, getattr(os, name)) for name in (*_BY_FILE, *_BY_PATH)}
    with patch.multiple(os, **made):
        yield counted

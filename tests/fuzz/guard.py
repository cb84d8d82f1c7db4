"""What a reader may do with a stranger's bytes, watched from outside in a forked process.

It gives a value, or raises the project's own error with a sentence that can be printed. It writes
nothing, starts nothing, opens no connection, says nothing past its errors, and takes neither
seconds of the processor nor gigabytes.
"""

import faulthandler
import mmap
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import torch

from analogsim.errors import AnalogsimError

SECONDS, ASLEEP = 5, 300
"""Of the processor for one file; and by the clock, for one that waits."""
MEMORY = 1 << 30
_BATCH = 500
_STARTS = ("subprocess.", "socket.", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.kill")
_CALLS = {"os.system", "pickle.find_class", "urllib.Request", "webbrowser.open", "os.startfile"}
_CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod"}
_CHANGES |= {"os.truncate", "os.utime", "os.chown", "shutil.rmtree", "shutil.move"}
_NO_MEMORY = (
    "MemoryError", "Unable to allocate", "not enough memory", "Cannot allocate", "bad_all",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Target:
    """A reader, and how a file for it is made.

    Attributes:
        make: fills an empty folder: with sound files (None), or by a generator's draws alone.
        read: what a user calls with what lies there; whatever it gives is good.
        longest: characters of a line of its errors.
        lines: how many lines an error may have: specs name all their problems.
        writes: it may write inside the folder.
        every: a reader that takes long gets one file in so many.
    """

    make: Callable[[Path, Random | None], None]
    read: Callable[[Path], object]
    longest: int = 1000
    lines: int = 1
    writes: bool = False
    every: int = 1


@dataclass(frozen=True, kw_only=True)
class Found:
    """Of many files: how many were taken and refused, and the faults as (seed, what it was)."""

    taken: int
    refused: int
    faults: tuple[tuple[int, str], ...]


def fuzz(target: Target, seeds: range, *, seconds: int = SECONDS, asleep: int = ASLEEP) -> Found:
    """Read a file of each seed, in processes of their own."""
    counts = mmap.mmap(-1, 24)
    faults: list[tuple[int, str]] = []
    at = seeds.start
    while at < seeds.stop:
        part = range(at, min(at + _BATCH, seeds.stop))
        with tempfile.TemporaryFile() as told:
            status = _in_child(lambda: _many(target, part, counts, told, seconds, asleep))  # noqa: B023
            told.seek(0)
            for line in told.read().decode().splitlines():
                seed, _, what = line.partition(" ")
                faults.append((int(seed), what))
        if os.WIFSIGNALED(status):
            died = int.from_bytes(counts[:8], "little")
            faults.append((died, f"ended by {signal.Signals(os.WTERMSIG(status)).name}"))
            at = died + 1
        else:
            assert os.WEXITSTATUS(status) == 0, "the watching process failed"
            at = part.stop
    taken, refused = (int.from_bytes(counts[n : n + 8], "little") for n in (8, 16))
    return Found(taken=taken, refused=refused, faults=tuple(faults))


def _in_child(work: Callable[[], None]) -> int:
    """Fork, work, and exit without anything of the parent's; the wait status."""
    with warnings.catch_warnings(action="ignore"):  # Python 3.12 warns of threads
        child = os.fork()
    if child == 0:
        code = 1
        try:
            # Where a child crashes is told by its seed.
            faulthandler.disable()
            stderr = os.dup(2)
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it is, pytest must not go on twice
            os.write(stderr, traceback.format_exc().encode(errors="replace"))
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def _many(
    target: Target, seeds: range, counts: mmap.mmap, told: Any, seconds: int, asleep: int
) -> None:
    torch.set_num_threads(1)
    for one in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(one, signal.SIG_DFL)
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as printed:
        for file in (sys.stdout, sys.stderr):
            file.flush()
        for number in (1, 2):
            os.dup2(printed.fileno(), number)
        watch = _Watch(Path(name), target.writes)
        sys.addaudithook(watch.hook)
        _bound_memory()
        for seed in seeds:
            counts[:8] = seed.to_bytes(8, "little")
            folder = Path(name) / str(seed)
            folder.mkdir()
            target.make(folder, Random(seed))
            signal.setitimer(signal.ITIMER_PROF, seconds)
            signal.setitimer(signal.ITIMER_REAL, asleep)
            before = _peak()
            size = os.fstat(printed.fileno()).st_size
            what, refused = _one(target, folder, watch)
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            with suppress(ValueError, OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            if os.fstat(printed.fileno()).st_size != size:
                what.append(f"printed {os.pread(printed.fileno(), 200, size)!r}")
            if _peak() - before > MEMORY // 2:
                what.append(f"took {_peak() - before >> 20} MiB")
            place = 16 if refused else 8
            done = int.from_bytes(counts[place : place + 8], "little") + 1
            counts[place : place + 8] = done.to_bytes(8, "little")
            told.write("".join(f"{seed} {' '.join(w.split())}\n" for w in what).encode())
            told.flush()
            _emptied(folder)


def faults_here(read: Callable[[Path], object], folder: Path) -> tuple[list[str], bool]:
    """As `fuzz`, in this process and without its bounds: what is wrong, and whether it refused."""
    target = Target(make=lambda *_: None, read=read)
    return _one(target, folder, _watch_here())


@lru_cache(maxsize=1)
def _watch_here() -> "_Watch":
    watch = _Watch(Path(os.devnull), writes=False)
    # There is no way to take it out again; it looks away while nothing is read.
    sys.addaudithook(watch.hook)
    return watch


class _Watch:
    """An audit hook: what happens while a reader reads."""

    def __init__(self, folder: Path, writes: bool) -> None:
        self.folder, self.writes, self.on = f"{folder}/", writes, False
        self.seen: list[str] = []

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        inside = self.writes and args and str(args[0]).startswith(self.folder)
        changes = event in _CHANGES and not inside
        # A number is a file that was opened by name before.
        named = not isinstance(args[0], int) if args else False
        if event == "open" and isinstance(args[2], int) and named and not inside:
            changes = bool(args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        starts = event.startswith(_STARTS) and event != "socket.gethostname"
        if changes or event in _CALLS or starts:
            self.seen.append(f"{event}{args}"[:300])
            raise PermissionError("not while a stranger's file is read")


def _one(target: Target, folder: Path, watch: _Watch) -> tuple[list[str], bool]:
    """What is wrong with how one file was read, and whether it was refused."""
    what: list[str] = []
    refused = False
    watch.seen.clear()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        watch.on = True
        try:
            target.read(folder)
        except AnalogsimError as error:
            refused = True
            what += _faults_of(str(error), target)
        except BaseException as error:  # noqa: BLE001 - SystemExit too
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            what.append(f"raised {type(error).__name__} at {place}: {str(error)[:300]}")
        finally:
            watch.on = False
    what += [f"warned {one.message}"[:300] for one in warned if not _is_ours(one.category)]
    return [*what, *watch.seen], refused


def _is_ours(kind: type[Warning]) -> bool:
    return kind.__module__ == "analogsim.errors"


def _faults_of(text: str, target: Target) -> Iterator[str]:
    lines = text.split("\n")
    if len(lines) > target.lines:
        yield f"{len(lines)} lines: {text[:300]!r}"
    if any(len(line) > target.longest for line in lines):
        yield f"an error of {max(map(len, lines))} characters: {text[:200]}"
    # Half characters of file names are escaped where they are printed.
    odd = [c for c in text if not (c.isprintable() or c == "\n" or "\ud800" <= c <= "\udfff")]
    if odd:
        yield f"not printable: {odd[0]!r} in {text[:300]!r}"
    if any(one in text for one in _NO_MEMORY):
        yield f"asked for more memory than there is: {text[:300]}"
    if "; " not in text and "\n" not in text:
        yield f"no way out in: {text[:300]}"


def _bound_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _emptied(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    folder.rmdir()


@contextmanager
def made(target: Target, seed: int) -> Iterator[Path]:
    """The folder of one seed, to look at what it was."""
    with tempfile.TemporaryDirectory() as name:
        target.make(Path(name), Random(seed))
        yield Path(name)

"""How long a run will take and how much memory it has, said once, from its first trials."""

import multiprocessing
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from analogsim.doctor.place import available_memory_gib

LONG_S = 60.0
"""What takes longer is announced."""
# Workers hand in their first trials in a heap: one alone says little, unless it took long.
_ENOUGH_S, _ALONE_S, _ENOUGH = 2.0, 20.0, 8


def seconds_left(fresh: int, left: int, elapsed_s: float) -> float | None:
    """Seconds until the end; None while too little is known.

    Args:
        fresh: trials that this process has seen finish; not those of a run that it goes on with.
        left: trials that are still to be done.
        elapsed_s: since the first of the fresh ones began.
    """
    early = elapsed_s < _ENOUGH_S or (elapsed_s < _ALONE_S and fresh < _ENOUGH)
    if fresh < 1 or left < 1 or early:
        return None
    return elapsed_s / fresh * left


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What this process and its workers hold, in GiB; `free_gib` is None where nobody says."""

    used_gib: float
    processes: int
    free_gib: float | None


def memory_now() -> Memory:
    """Shared pages count once, where the system tells them apart (Linux)."""
    workers = [child.pid for child in multiprocessing.active_children()]
    shares = [_own_bytes(pid) for pid in (os.getpid(), *workers) if pid is not None]
    used = sum(share for share in shares if share is not None) or _largest_bytes()
    return Memory(used_gib=used / 2**30, processes=len(shares), free_gib=available_memory_gib())


def announcement(left_s: float, left: str, memory: Memory) -> str | None:
    """The sentence; None for what is over soon. `left` says what is still to be done."""
    if left_s <= LONG_S:
        return None
    processes = "1 process" if memory.processes == 1 else f"{memory.processes} processes"
    free = "" if memory.free_gib is None else f", {memory.free_gib:.1f} GiB are free"
    return (
        f"estimate: about {duration(left_s)} for {left}, with {memory.used_gib:.1f} GiB of "
        f"memory in {processes}{free}"
    )


def duration(seconds: float) -> str:
    """A time to read: `45 s`, `12 min`, `3 h 5 min` or `4 d 2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"


def _own_bytes(pid: int) -> int | None:
    """A process's share of the memory; shared pages are divided among those that share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def _largest_bytes() -> int:
    """The most that this process has held; macOS counts in bytes, Linux in KiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10

"""Threads for work on weights, each with torch's own parallelism off.

torch's vectorised powers differ in the last bit between the body and the tail of a loop, and the
number of torch threads moves the tails (torch 2.10 to 2.15): a chip would then depend on it. With
one torch thread for each of ours, weights are the same on any number of cores, and aihwkit's
own on one thread. It is also faster: torch draws on one thread, and releases the interpreter lock
while it does.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")

_lock = threading.Lock()
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def each(function: Callable[[Item], object], items: Iterable[Item], *, serial: bool) -> None:
    """Call `function` on every item, on as many threads as torch uses.

    Args:
        function: must not touch torch's global generator unless `serial`.
        items: independent pieces of work.
        serial: one after the other, still outside the caller's torch threads.
    """
    pool = _pool(1 if serial else torch.get_num_threads())
    for _ in pool.map(function, items):
        pass


def _pool(threads: int) -> ThreadPoolExecutor:
    # A forked process has none of its parent's threads.
    key = (os.getpid(), threads)
    with _lock:
        if key not in _pools:
            before = torch.get_num_threads()
            started = threading.Barrier(threads + 1)

            def start() -> None:
                torch.set_num_threads(1)
                # The first question makes a thread take over the setting; later would be too
                # late, since the caller's own setting is put back below.
                torch.get_num_threads()
                started.wait()

            _pools[key] = ThreadPoolExecutor(threads, "analogsim")
            for _ in range(threads):
                _pools[key].submit(start)
            started.wait()
            # The setting is a thread's own, but torch also keeps the last one for new threads.
            torch.set_num_threads(before)
        return _pools[key]

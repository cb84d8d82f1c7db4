"""Processes that are forked from this one, and the signals that must not reach them."""

import multiprocessing
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM)


def new_process(target: Callable[..., None], *args: Any) -> BaseProcess:
    """A process that is not started; it ends with this one, and begins with `answer_signals`."""
    return multiprocessing.get_context("fork").Process(target=target, args=args, daemon=True)


def start(process: BaseProcess, *, then: Callable[[], None] = lambda: None) -> None:
    """Start a process and do `then`, which no signal comes in between.

    One that is just born would answer Ctrl-C with a traceback, and one of which nobody knows yet
    would be left behind.
    """
    with warnings.catch_warnings(), signals_wait():
        # Python warns of threads at a fork: what is started here uses none of the parent's.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
        then()


def answer_signals() -> None:
    """Take SIGTERM, but leave Ctrl-C to the parent: it reaches the whole group."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


@contextmanager
def signals_wait() -> Iterator[None]:
    """Keep Ctrl-C and SIGTERM for the end of the block.

    The mask alone holds them back from this thread only. Where another thread takes one, this one
    is interrupted wherever it is: in a hook of the fork, say, which would swallow the exception.
    """
    held: list[int] = []
    ours = {}
    if threading.current_thread() is threading.main_thread():
        # Not those that Python cannot put back, nor those that raise nothing.
        ours = {n: handler for n in _ENDING if callable(handler := signal.getsignal(n))}
    for number in ours:
        signal.signal(number, lambda number, frame: held.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in ours.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])

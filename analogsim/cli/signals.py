"""Ctrl-C and SIGTERM: the program ends in one line, however early they come.

It imports nothing that takes time, so that it is ready first.
"""

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Terminated(KeyboardInterrupt):
    """The system asks this process to end (SIGTERM): as Ctrl-C, with another exit code."""


def on_signals(handler: Callable[[int, FrameType | None], NoReturn]) -> None:
    """Let `leave_at_once` or `interrupt` answer both."""
    for number in _WORDS:
        # A shell's background ignores Ctrl-C, and so do we there.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def leave_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """End the process: nothing is being computed."""
    # A bar of progress hides the cursor.
    show = "\x1b[?25h" if os.isatty(2) and os.environ.get("TERM") != "dumb" else ""
    os.write(2, f"{show}{_WORDS[signal.Signals(number)]}\n".encode())
    os._exit(128 + number)


def interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Interrupt what is done: it may have something to say, and workers to end.

    Not an import, of which the first seconds are full: libraries take an exception there for a
    module that is missing, and go on without it.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            leave_at_once(number, frame)
        frame = frame.f_back
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated

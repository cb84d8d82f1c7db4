"""The program's start, from its first moment on: its streams and its signals."""

import atexit
import os
import sys
from typing import NoReturn

from analogsim.cli.signals import interrupt, leave_at_once, on_signals


def main() -> NoReturn:
    """Run the command line and exit; the console script."""
    on_signals(leave_at_once)
    _hold_streams()
    from analogsim.cli.main import main as run  # click takes a while

    on_signals(interrupt)
    try:
        run()
    except SystemExit as end:
        ended = end
    finally:
        on_signals(leave_at_once)
    _leave(ended)


def _leave(end: SystemExit) -> NoReturn:
    """End the process as Python would, but for taking apart what it has imported.

    That would free torch's objects one by one, a fifth of the time that importing it took.
    """
    if not isinstance(end.code, int):
        raise end
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            pass  # it was said where it was met
    os._exit(end.code)


def _hold_streams() -> None:
    """Give a sink to each standard stream that is closed.

    A file of ours that took its number would get what C libraries print.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It takes the lowest number that is free, which is the stream's own.
            setattr(sys, name, open(os.devnull, mode))

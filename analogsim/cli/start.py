"""The program's start, from its first moment on: its streams and its signals."""

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
    finally:
        on_signals(leave_at_once)


def _hold_streams() -> None:
    """Give a sink to each standard stream that is closed.

    A file of ours that took its number would get what C libraries print.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It takes the lowest number that is free, which is the stream's own.
            setattr(sys, name, open(os.devnull, mode))

"""What is imported before a command computes or draws, and how that is made quick.

Torch is imported by a command before what else it computes with.
"""

import gc
import importlib
import os
import sys

_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
# Still half a millisecond or so: longer than from one of torch's operations to the next.
_SPINS = "10000"
# Python's own, 700, looks through a study's young objects 300 times.
_YOUNG = 10_000


def import_torch() -> None:
    """Import torch while Python looks for no garbage, and keep what it brings out of every search.

    It makes 260,000 objects that stay and are looked through again and again: a tenth of its time
    or more. Once only: what is kept so is never freed.
    """
    if "torch" in sys.modules or not gc.isenabled():
        return
    wait_briefly()
    gc.disable()
    try:
        importlib.import_module("torch")
    finally:
        gc.enable()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


def wait_briefly() -> None:
    """Have torch's threads wait for each other by counting to less, before torch is there.

    Its OpenMP counts to 300,000 after each sum that threads shared, some milliseconds, before a
    thread sleeps. Where other programs use the machine that is three quarters of a small study's
    processor time. What the environment says of waiting is left as it is.
    """
    if not any(name in os.environ for name in _WAITING):
        os.environ["GOMP_SPINCOUNT"] = _SPINS


def import_matplotlib() -> None:
    """Import matplotlib without the lists of properties that it writes into its docstrings.

    They take a third of its time, and no command shows them.
    """
    if "matplotlib.figure" in sys.modules:
        return
    artist = importlib.import_module("matplotlib.artist")
    written = artist.kwdoc
    vars(artist)["kwdoc"] = lambda artist: ""
    try:
        importlib.import_module("matplotlib.figure")
    finally:
        vars(artist)["kwdoc"] = written

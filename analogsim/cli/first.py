"""What is imported before a command computes or draws, and how that is made quick.

Torch is imported by a command before what else it computes with.
"""

import gc
import importlib
import sys

# Python's own, 700, looks through a study's young objects 300 times.
_YOUNG = 10_000


def import_torch() -> None:
    """Import torch while Python looks for no garbage, and keep what it brings out of every search.

    It makes 260,000 objects that stay and are looked through again and again: a tenth of its time
    or more. Once only: what is kept so is never freed.
    """
    if "torch" in sys.modules or not gc.isenabled():
        return
    gc.disable()
    try:
        importlib.import_module("torch")
    finally:
        gc.enable()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


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

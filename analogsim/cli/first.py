"""Torch, imported by a command before what else it computes with."""

import gc
import importlib
import sys


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

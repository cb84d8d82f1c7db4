"""Importing the noise's launches, which need Triton, on first use.

A CPU needs no Triton, and the CPU builds of torch come without it.
"""

import importlib
from types import ModuleType

from analogsim.errors import InputError


def import_launch() -> ModuleType:
    """The module `analogsim.gaussian.launch`.

    Raises:
        InputError: Triton cannot be imported.
    """
    try:
        return importlib.import_module("analogsim.gaussian.launch")
    except ImportError as error:
        raise InputError(
            f"noise on a CUDA device must have Triton, got ImportError: {error}; "
            "install a CUDA build of torch, which brings it"
        ) from error

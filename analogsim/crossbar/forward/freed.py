"""Freed memory goes back to the system, on glibc, where a large network has just been copied."""

import ctypes
import functools
import platform
from collections.abc import Callable


def give_back() -> bool:
    """Return the heap's free pages; True if there were any.

    Conversion and programming go through several copies of the weights. glibc keeps their pages
    for what comes next, which for a large network is smaller pieces elsewhere.
    """
    trim = _malloc_trim()
    return trim is not None and trim(0) == 1


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return trim

"""A tile's outputs through noise, ADC and the digital factors in one pass, compiled by numba.

Importing this file needs numba (extra `fast`). The compiled code is kept beside this file, or in
numba's own folder where that cannot be written: compiling takes seconds, and each worker of a run
would do it again. numba keeps it until this file changes: when `jit.py` or `stream.py` change,
change `_EDITION` too.
"""

import numpy as np
from numba import njit

from analogsim.draws.jit import normals
from analogsim.draws.stream import Floats, UInts

_EDITION = 1


def _compile(function):
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # nowhere to keep it
        return njit(nogil=True, error_model="numpy")(function)


@njit(forceinline=True)
def _digital(v, factor, offset, bound, rounded):
    v = np.rint(v) if rounded else v
    # So that NaN stays NaN.
    v = -bound if v < -bound else v
    v = bound if v > bound else v
    return v * factor + offset


# On parts of the arrays, so that indices start at 0 and need no look at their sign.
@njit(forceinline=True)
def _finish(y, z, sigma, bound, rounded, factor, offset, total):
    if total.size > 0:
        for j in range(y.size):
            v = _digital(y[j] + sigma * z[j], factor[j], offset[j], bound, rounded)
            y[j] = v + total[j]
    else:
        for j in range(y.size):
            y[j] = _digital(y[j] + sigma * z[j], factor[j], offset[j], bound, rounded)


@_compile
def convert(
    y: Floats,
    sigma: np.float32,
    bound: np.float32,
    rounded: bool,
    factor: Floats,
    offset: Floats,
    total: Floats,
    words: UInts,
) -> None:
    """Convert `y` (n,), in place; see `crossbar.converter`.

    `factor` and `offset` are repeated to one length, a multiple of 4. `total` is (n,) or empty.
    `words`: as in `jit.normals`; nothing is drawn where `sigma` is 0.
    """
    length = factor.size
    z = np.zeros(length, dtype=np.float32)
    for first in range(0, y.size, length):
        count = min(length, y.size - first)
        if sigma > np.float32(0):
            normals(z, (count + 3) // 4 * 4, first // 4, words)
        part = slice(first, first + count)
        own = total[part] if total.size > 0 else total
        _finish(y[part], z, sigma, bound, rounded, factor, offset, own)

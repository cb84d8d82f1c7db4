"""A converter's table of codes applied to a tile's outputs in one pass, compiled by numba.

As `forward/converter_jit.py`, which rounds instead: noise, code, digital factors. numba keeps the
compiled code until this file changes: when `draws/jit.py` changes, change `_EDITION` too.
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
def _code(v, first, thresholds, width, half):
    """The interval of `v`: near that of an ideal converter, from where it is sought."""
    code = int(min(max(np.ceil(v + half) - 1, 0), width - 1))
    while code < width - 1 and v > thresholds[first + code]:
        code += 1
    while code > 0 and not v > thresholds[first + code - 1]:
        code -= 1
    return code


@_compile
def convert(
    y: Floats,
    sigma: Floats,
    rows: UInts,
    thresholds: Floats,
    values: Floats,
    width: int,
    half: np.float32,
    factor: Floats,
    offset: Floats,
    total: Floats,
    words: UInts,
) -> None:
    """Convert `y` (n,), in steps, in place.

    `sigma`, `rows`, `factor` and `offset` are by channel, repeated to one length, a multiple of 4.
    Row r of the tables has its `width` values from r * width on, its thresholds likewise.
    `total` is (n,) or empty. `words`: as in `jit.normals`; nothing is drawn where `sigma` is 0.
    """
    length = factor.size
    z = np.zeros(length, dtype=np.float32)
    noisy = sigma.max() > 0
    for first in range(0, y.size, length):
        count = min(length, y.size - first)
        if noisy:
            normals(z, (count + 3) // 4 * 4, first // 4, words)
        for j in range(count):
            v = y[first + j] + sigma[j] * z[j]
            row = int(rows[j])
            out = v
            # So that NaN stays NaN.
            if v == v:
                out = values[row * width + _code(v, row * (width - 1), thresholds, width, half)]
            out = out * factor[j] + offset[j]
            y[first + j] = out + total[first + j] if total.size > 0 else out

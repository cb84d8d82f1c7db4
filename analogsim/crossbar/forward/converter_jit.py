"""A tile's outputs through noise, ADC and the digital factors in one pass, compiled by numba.

Importing this file needs numba (extra `fast`). The compiled code is kept beside this file, or in
numba's own folder where that cannot be written: compiling takes seconds, and each worker of a run
would do it again. numba keeps it until this file changes: when `jit.py`, `drop_jit.py` or
`stream.py` change, change `_EDITION` too.
"""

import numpy as np
from numba import njit

from analogsim.crossbar.forward.drop_jit import drop
from analogsim.draws.jit import compile_, normals
from analogsim.draws.stream import Floats, UInts

_EDITION = 1


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


@compile_
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


@njit(forceinline=True)
def _spread(z, moment, spread, variance):
    for j in range(moment.size):
        z[j] *= np.sqrt(variance + spread[j] * moment[j])


@compile_
def convert_array(
    y: Floats,
    current: Floats,
    dropped: Floats,
    moment: Floats,
    unit: np.float32,
    spread: Floats,
    sigma: np.float32,
    bound: np.float32,
    rounded: bool,
    factor: Floats,
    offset: Floats,
    total: Floats,
    words: UInts,
) -> None:
    """As `convert`, with IR drop and read noise of the products; see `array_terms`.

    `current` and `dropped` are (n,) or empty, as is `moment`; `spread` is repeated as `factor`.
    """
    length = factor.size
    z = np.zeros(length, dtype=np.float32)
    one = np.float32(1)
    for first in range(0, y.size, length):
        count = min(length, y.size - first)
        part = slice(first, first + count)
        if current.size > 0:
            drop(y[part], current[part], dropped[part], unit)
        own = total[part] if total.size > 0 else total
        scale = sigma
        if moment.size > 0 or sigma > np.float32(0):
            normals(z, (count + 3) // 4 * 4, first // 4, words)
        if moment.size > 0:
            _spread(z, moment[part], spread, sigma * sigma)
            scale = one
        _finish(y[part], z, scale, bound, rounded, factor, offset, own)

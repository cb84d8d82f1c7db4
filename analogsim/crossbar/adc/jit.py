"""A converter's table of codes applied to a tile's outputs in one pass, compiled by numba.

As `forward/converter_jit.py`, which rounds instead: noise, code, digital factors. numba keeps the
compiled code until this file changes: when `draws/jit.py` changes, change `_EDITION` too.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analogsim.draws.jit import compile_, normals
from analogsim.draws.stream import Floats, UInts

Ints = NDArray[np.int32]

_EDITION = 2


@njit
def _search(v, row, thresholds, values):
    """The value of `v` among all of a table's."""
    width = values.shape[1]
    low, high = 0, width - 1
    while low < high:
        middle = (low + high) // 2
        if v > thresholds[row, middle]:
            low = middle + 1
        else:
            high = middle
    return values[row, low]


@njit(forceinline=True)
def _place(v, first, scale, shift, last):
    """The bin of `v`, without a branch; NaN has the first one."""
    zero = np.float32(0)
    where = v * scale + shift
    where = where if where > zero else zero
    where = where if where < last else last
    # Unsigned: no look at an index's sign.
    return np.uint32(first + np.int32(where))


# On parts of the arrays, so that indices start at 0 and need no look at their sign.
@njit(forceinline=True)
def _codes(y, z, sigma, first, edges, below, scale, shift, last, factor, offset):
    """Bins of one threshold at most, behind which the value is 1 more: no branch is needed."""
    for j in range(y.size):
        v = y[j] + sigma[j] * z[j]
        k = _place(v, first[j], scale, shift, last)
        out = below[k] + np.float32(v > edges[k])
        # So that NaN stays NaN.
        out = out if v == v else v
        y[j] = out * factor[j] + offset[j]


@njit(forceinline=True)
def _any_codes(
    y, z, sigma, first, edges, below, above, scale, shift, last, factor, offset, thresholds, values
):
    """Any bins; those without a threshold of their own are searched."""
    count = np.int32(last) + 1
    for j in range(y.size):
        v = y[j] + sigma[j] * z[j]
        k = _place(v, first[j], scale, shift, last)
        edge = edges[k]
        out = above[k] if v > edge else below[k]
        if edge != edge:
            out = _search(v, first[j] // count, thresholds, values)
        out = out if v == v else v
        y[j] = out * factor[j] + offset[j]


@compile_
def convert(
    y: Floats,
    sigma: Floats,
    first: Ints,
    edges: Floats,
    below: Floats,
    above: Floats,
    simple: bool,
    place: tuple[np.float32, np.float32, np.float32],
    thresholds: Floats,
    values: Floats,
    factor: Floats,
    offset: Floats,
    total: Floats,
    variance: Floats,
    words: UInts,
) -> None:
    """Convert `y` (n,), in steps, in place.

    `sigma`, `first`, `factor` and `offset` are by channel, repeated to one length, a multiple of 4;
    `first` says where a channel's bins begin. `edges` to `place`: see `bins.py`; what they leave
    open is sought in `thresholds` and `values`, a row a table. `total` is (n,) or empty, as is
    `variance`, which comes to that of `sigma`. `words`: as in `jit.normals`; nothing is drawn where
    neither is.
    """
    length = factor.size
    z = np.zeros(length, dtype=np.float32)
    noisy = sigma.max() > 0 or variance.size > 0
    spread = np.ones(length, dtype=np.float32) if variance.size > 0 else sigma
    scale, shift, last = place
    for start in range(0, y.size, length):
        piece = min(length, y.size - start)
        if noisy:
            normals(z, (piece + 3) // 4 * 4, start // 4, words)
        if variance.size > 0:
            more = variance[start : start + piece]
            for j in range(piece):
                z[j] *= np.sqrt(sigma[j] * sigma[j] + more[j])
        part = y[start : start + piece]
        if simple:
            _codes(part, z, spread, first, edges, below, scale, shift, last, factor, offset)
        else:
            _any_codes(
                part,
                z,
                spread,
                first,
                edges,
                below,
                above,
                scale,
                shift,
                last,
                factor,
                offset,
                thresholds,
                values,
            )
        if total.size > 0:
            own = total[start : start + piece]
            for j in range(piece):
                part[j] += own[j]

"""Patches of images as codes of a DAC with a range a patch, and their outputs, compiled by numba.

Importing this file needs numba (extra `fast`); see `converter_jit.py`.
"""

import numpy as np
from numba import njit

from analogsim.crossbar.forward.drop_jit import share
from analogsim.draws.jit import compile_, normals
from analogsim.draws.stream import Floats, UInts

_EDITION = 1


# Places are unsigned: they need no look at their sign, which would keep loops from being vectors.
@njit(forceinline=True)
def _at(place):
    return np.uintp(place)


# Of bits: a maximum of floats would be compared one by one. NaN is above all.
@njit(forceinline=True)
def _largest(bits, first, length, most):
    for j in range(length):
        size = bits[first + _at(j)] & np.int32(0x7FFFFFFF)
        most = size if size > most else most
    return most


@compile_
def lay_out(
    codes: Floats,
    ranges: Floats,
    x: Floats,
    bits: np.ndarray,
    begin: int,
    where: np.ndarray,
    runs: np.ndarray,
    dac: np.float32,
) -> None:
    """Fill `codes` (vectors, columns) and `ranges` (vectors,) from images.

    Args:
        codes: in units of the DAC's step, or of the range where there is no DAC.
        ranges: the largest |x| of each vector.
        x: images, flat, channel after channel, padded.
        bits: `x` as int32.
        begin: number of the first vector.
        where: height and width of the output; then how far apart images, rows and pixels lie.
        runs: (runs, 2): place behind a patch's first pixel, and length.
        dac: step of the DAC; 0 is none.
    """
    rows, columns = where[0], where[1]
    rounded = dac > np.float32(0)
    unit = dac if rounded else np.float32(1)
    found = np.empty(1, dtype=np.int32)
    for v in range(codes.shape[0]):
        image, place = divmod(begin + v, rows * columns)
        i, j = divmod(place, columns)
        start = image * where[2] + i * where[3] + j * where[4]
        most = np.int32(0)
        for r in range(runs.shape[0]):
            most = _largest(bits, _at(start + runs[r, 0]), runs[r, 1], most)
        found[0] = most
        size = found.view(np.float32)[0]
        ranges[v] = size
        by = np.float32(0) if size == np.float32(0) else np.float32(1) / (size * unit)
        column = _at(0)
        for r in range(runs.shape[0]):
            first, length = _at(start + runs[r, 0]), runs[r, 1]
            if rounded:
                for k in range(length):
                    codes[_at(v), column + _at(k)] = np.rint(x[first + _at(k)] * by)
            else:
                for k in range(length):
                    codes[_at(v), column + _at(k)] = x[first + _at(k)] * by
            column += _at(length)


@njit(forceinline=True)
def _noisy(a, z, moment, spread, variance):
    for j in range(a.size):
        a[j] += z[j] * np.sqrt(variance + spread[j] * moment[j])


@njit(forceinline=True)
def _plain(a, z, sigma):
    for j in range(a.size):
        a[j] += z[j] * sigma


@njit(forceinline=True)
def _to_codes(a):
    for j in range(a.size):
        a[j] = np.rint(a[j])


@njit(forceinline=True)
def _beyond(a, bound):
    count = np.int32(0)
    for j in range(a.size):
        count += np.int32(abs(a[j]) > bound)
    return count


@njit(forceinline=True)
def _fill(a, y, current, first, count, unit, outputs):
    """What the array gives, without noise; in `a`, flat."""
    for r in range(count):
        v, base = _at(first + r), _at(r * outputs)
        if current.shape[0] > 0:
            for o in range(outputs):
                lost = share(current[v, _at(o)] * unit) * y[v, _at(outputs) + _at(o)]
                a[base + _at(o)] = y[v, _at(o)] - lost
        else:
            for o in range(outputs):
                a[base + _at(o)] = y[v, _at(o)]


@compile_
def finish(
    total: Floats,
    begin: int,
    width: int,
    column: int,
    y: Floats,
    current: Floats,
    moment: Floats,
    ranges: Floats,
    unit: np.float32,
    sigma: np.float32,
    spread: Floats,
    factor: Floats,
    bound: np.float32,
    rounded: bool,
    again: bool,
    words: UInts,
    left: np.ndarray,
) -> int:
    """Add a tile's outputs, through noise and ADC, to those of the layer; see `dynamic.py`.

    Args:
        total: (vectors, width) of the layer, flat; from row `begin` and column `column` on.
        y: (vectors, outputs), in steps of the ADC; with what a full drop takes behind it where
            there is `current`.
        current: (vectors, outputs), or without a row.
        moment: (vectors, outputs), or without a row.
        ranges: (vectors,).
        unit, spread: as in `array_terms.py`; `spread` repeated to the length of a block.
        sigma: of the output noise.
        factor: (outputs,), behind the ADC.
        bound: of the outputs.
        rounded: whether there is an ADC.
        again: whether vectors with an output beyond the bound are left out.
        words: as in `jit.normals`.
        left: (vectors,), filled with the numbers of those that are left out.

    Returns:
        how many are left out.
    """
    outputs, block = factor.size, spread.size
    rows, read = block // outputs, moment.shape[0] > 0
    a, z = np.empty(block, dtype=np.float32), np.zeros(block, dtype=np.float32)
    out_of = 0
    for first in range(0, y.shape[0], rows):
        count = min(rows, y.shape[0] - first)
        some, own = a[: count * outputs], z[: count * outputs]
        _fill(some, y, current, first, count, unit, outputs)
        if read or sigma > np.float32(0):
            normals(z, (some.size + 3) // 4 * 4, first * outputs // 4, words)
        if read:
            squares = moment[first : first + count].reshape(-1)
            _noisy(some, own, squares, spread[: some.size], sigma * sigma)
        elif sigma > np.float32(0):
            _plain(some, own, sigma)
        if rounded:
            _to_codes(some)
        some_beyond = again and _beyond(some, bound) > 0
        for r in range(count):
            v, base = first + r, _at(r * outputs)
            if some_beyond and _beyond(some[r * outputs : (r + 1) * outputs], bound) > 0:
                left[out_of] = v
                out_of += 1
                continue
            place, full = _at((begin + v) * width + column), ranges[v]
            for o in range(outputs):
                b = some[base + _at(o)]
                b = -bound if b < -bound else b
                b = bound if b > bound else b
                total[place + _at(o)] += b * (factor[o] * full)
    return out_of

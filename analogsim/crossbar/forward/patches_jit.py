"""Patches of images as codes of a DAC with a range a patch, and their outputs, compiled by numba.

Importing this file needs numba (extra `fast`); see `converter_jit.py`.
"""

import numpy as np
from numba import njit

from analogsim.crossbar.forward.drop_jit import drop
from analogsim.draws.jit import normals
from analogsim.draws.stream import Floats, UInts

_EDITION = 1


def _compile(function):
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # nowhere to keep it
        return njit(nogil=True, error_model="numpy")(function)


# Of bits: a maximum of floats would be compared one by one. NaN is above all.
@njit(forceinline=True)
def _largest(bits, most):
    for j in range(bits.size):
        size = bits[j] & np.int32(0x7FFFFFFF)
        most = size if size > most else most
    return most


@njit(forceinline=True)
def _round(out, x, by):
    for j in range(out.size):
        out[j] = np.rint(x[j] * by)


@njit(forceinline=True)
def _scale(out, x, by):
    for j in range(out.size):
        out[j] = x[j] * by


@_compile
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
            first = start + runs[r, 0]
            most = _largest(bits[first : first + runs[r, 1]], most)
        found[0] = most
        size = found.view(np.float32)[0]
        ranges[v] = size
        by = np.float32(0) if size == np.float32(0) else np.float32(1) / (size * unit)
        out, column = codes[v], 0
        for r in range(runs.shape[0]):
            first, length = start + runs[r, 0], runs[r, 1]
            part = out[column : column + length]
            if rounded:
                _round(part, x[first : first + length], by)
            else:
                _scale(part, x[first : first + length], by)
            column += length


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
def _add(out, a, factor, full, bound):
    for j in range(a.size):
        v = a[j]
        v = -bound if v < -bound else v
        v = bound if v > bound else v
        out[j] += v * (factor[j] * full)


@_compile
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
    rows = block // outputs
    drops, read = current.shape[0] > 0, moment.shape[0] > 0
    a, z = np.empty(block, dtype=np.float32), np.zeros(block, dtype=np.float32)
    out_of = 0
    for first in range(0, y.shape[0], rows):
        count = min(rows, y.shape[0] - first)
        some = a[: count * outputs]
        for r in range(count):
            row = a[r * outputs : (r + 1) * outputs]
            row[:] = y[first + r, :outputs]
            if drops:
                drop(row, current[first + r], y[first + r, outputs:], unit)
        if read or sigma > np.float32(0):
            normals(z, (some.size + 3) // 4 * 4, first * outputs // 4, words)
        if read:
            squares = moment[first : first + count].reshape(-1)
            _noisy(some, z[: some.size], squares, spread[: some.size], sigma * sigma)
        elif sigma > np.float32(0):
            _plain(some, z[: some.size], sigma)
        if rounded:
            _to_codes(some)
        for r in range(count):
            v = first + r
            row = a[r * outputs : (r + 1) * outputs]
            if again and _beyond(row, bound) > 0:
                left[out_of] = v
                out_of += 1
                continue
            place = (begin + v) * width + column
            _add(total[place : place + outputs], row, factor, ranges[v], bound)
    return out_of

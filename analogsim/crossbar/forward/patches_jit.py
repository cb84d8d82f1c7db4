"""Patches of images as codes of a DAC with a range a patch, compiled by numba.

Importing this file needs numba (extra `fast`); see `converter_jit.py`.
"""

import numpy as np
from numba import njit

from analogsim.draws.stream import Floats

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

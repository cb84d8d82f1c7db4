"""A training's converters on a CPU, one pass over memory each, compiled by numba.

Importing this file needs numba (extra `fast`). Numbers are float32, or bfloat16 as its bits in
uint16: these are widened in registers, and all is computed in float32. The compiled code is kept
beside this file, see `crossbar/forward/converter_jit.py`: when `draws/jit.py`, `stream.py` or
`drop_jit.py` change, change `_EDITION` too.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload

from analogsim.crossbar.forward.drop_jit import share, slope
from analogsim.draws.jit import coarse_normals, compile_
from analogsim.draws.stream import Floats, UInts

_EDITION = 2
_PIECE = 2048
_16, _1, _HALF = np.uint32(16), np.uint32(1), np.uint32(0x7FFF)
_0 = np.float32(0)


def _read(values, j):
    """The number at `j`."""


def _write(values, j, v):
    """Put a number at `j`; bfloat16 rounds to the nearest, ties to even."""


@overload(_read, jit_options={"forceinline": True})
def _read_of(values, j):
    if values.dtype == types.float32:
        return lambda values, j: values[j]
    return lambda values, j: np.uint32(np.uint32(values[j]) << _16).view(np.float32)


@overload(_write, jit_options={"forceinline": True})
def _write_of(values, j, v):
    if values.dtype == types.float32:

        def write(values, j, v):
            values[j] = v
    else:

        def write(values, j, v):
            bits = np.float32(v).view(np.uint32)
            odd = np.uint32((bits >> _16) & _1)
            values[j] = np.uint16(np.uint32(bits + _HALF + odd) >> _16)

    return write


@compile_
def dac(x, codes, limit: np.float32, level: np.float32, rounded: bool) -> None:
    """`codes` become the DAC's of `x`: clipped to +-`limit`, in units of `level`."""
    for j in range(x.size):
        v = _read(x, j)
        # So that NaN stays NaN.
        v = -limit if v < -limit else v
        v = limit if v > limit else v
        v /= level
        _write(codes, j, np.rint(v) if rounded else v)


# The sum may be taken in any order, or it would be three times as long as all the rest.
@njit(nogil=True, error_model="numpy", fastmath={"reassoc"})
def _pull(g, x, out, limit, level):
    total, inside = _0, np.int32(0)
    for j in range(x.size):
        v, d = _read(x, j), _read(g, j) / level
        _write(out, j, _0 if (v > limit or v < -limit) else d)
        total += d if (v >= limit and d < _0) else _0
        total -= d if (v <= -limit and d > _0) else _0
        inside += np.int32(v < limit and v > -limit)
    return total, inside


@compile_
def dac_backward(g, x, out, limit: np.float32, level: np.float32):
    """`out` becomes the gradient of the inputs `x`; `g` is that of their codes.

    Returns:
        How far clipped inputs pull the range, at most 0, and how many were inside it.
    """
    pull, inside = 0.0, 0
    for first in range(0, x.size, _PIECE):
        part = slice(first, min(first + _PIECE, x.size))
        here, within = _pull(g[part], x[part], out[part], limit, level)
        pull += here
        inside += within
    return pull, inside


@njit(forceinline=True)
def _adc(y, z, clipped, bound, rounded, per_step, step, offset):
    count = np.int32(0)
    for j in range(y.size):
        v = _read(y, j) * per_step[j] + z[j]
        v = np.rint(v) if rounded else v
        beyond = v > bound or v < -bound
        clipped[j] = beyond
        count += np.int32(beyond)
        v = -bound if v < -bound else v
        v = bound if v > bound else v
        _write(y, j, v * step[j] + offset[j])
    return count


@njit(forceinline=True)
def _drop(z, dropped, current, amount, per_step):
    """Take the drop from `z`; its parts become how the output depends on them."""
    for j in range(z.size):
        d, at = _read(dropped, j), _read(current, j) * amount[j]
        lost = share(at)
        z[j] -= lost * d * per_step[j]
        _write(current, j, -slope(at) * amount[j] * d)
        _write(dropped, j, -lost)


@njit(forceinline=True)
def _read_noise(z, moment, spread, variance, step):
    """The normals `z` become noise, and `moment` how the output depends on it."""
    for j in range(z.size):
        whole = np.sqrt(variance + spread[j] * _read(moment, j))
        slope = np.float32(0.5) * step[j] * spread[j] * z[j] / whole
        _write(moment, j, slope if whole > _0 else _0)
        z[j] *= whole


@njit(forceinline=True)
def _spread(values, inner, length):
    """One number a channel, (channels,), for `length` elements in memory order."""
    out, period = np.empty(length, dtype=np.float32), values.size * inner
    for c in range(values.size):
        out[c * inner : (c + 1) * inner] = values[c]
    for j in range(period, length):
        out[j] = out[j - period]
    return out


@compile_
def adc(
    y,
    dropped,
    current,
    moment,
    clipped,
    sigma: np.float32,
    bound: np.float32,
    rounded: bool,
    step: Floats,
    offset: Floats,
    amount: Floats,
    spread: Floats,
    inner: int,
    words: UInts,
):
    """Convert `y` (n,), in place; `sigma` and `bound` are in steps.

    Args:
        dropped, current, moment: (n,) or empty, see `array.Suffered`; they become the derivatives
            of the output by each.
        clipped: (n,), becomes whether each output was.
        step: (channels,), behind the ADC, as is `offset`.
        amount, spread: (channels,), of `Suffered`; the latter in squared steps.
        inner: consecutive elements of one channel.
        words: as in `draws.jit.coarse_normals`; nothing is drawn without noise.

    Returns:
        How many outputs were clipped.
    """
    period = step.size * inner
    # Blocks of 8 normals begin where the channels do.
    while period % 8:
        period *= 2
    length = period * max(1, _PIECE // period)
    steps, offsets = _spread(step, inner, length), _spread(offset, inner, length)
    amounts, spreads = _spread(amount, inner, length), _spread(spread, inner, length)
    per_step = np.float32(1) / steps
    z = np.zeros(_PIECE, dtype=np.float32)
    count = 0
    drawn = sigma > _0 or moment.size > 0
    for top in range(0, y.size, length):
        end = min(top + length, y.size)
        for first in range(top, end, _PIECE):
            last = min(first + _PIECE, end)
            part, own, here = slice(first, last), slice(first - top, last - top), z[: last - first]
            if drawn:
                coarse_normals(z, (last - first + 7) // 8 * 8, first // 8, words)
            if moment.size > 0:
                _read_noise(here, moment[part], spreads[own], sigma * sigma, steps[own])
            elif drawn:
                here *= sigma
            if dropped.size > 0:
                if not drawn:
                    here[:] = _0
                _drop(here, dropped[part], current[part], amounts[own], per_step[own])
            count += _adc(
                y[part], here, clipped[part], bound, rounded,
                per_step[own], steps[own], offsets[own],
            )  # fmt: skip
    return count


@compile_
def adc_backward(g, clipped, out) -> None:
    """`out` becomes `g`, and 0 where outputs were clipped."""
    for j in range(g.size):
        _write(out, j, _0 if clipped[j] else _read(g, j))

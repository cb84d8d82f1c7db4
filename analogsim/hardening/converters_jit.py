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
from analogsim.draws.jit import coarse_normals, compile_, wide_vectors
from analogsim.draws.stream import Floats, UInts

_EDITION = 5
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
    wide_vectors()
    for j in range(x.size):
        v = _read(x, j)
        # So that NaN stays NaN.
        v = -limit if v < -limit else v
        v = limit if v > limit else v
        v /= level
        _write(codes, j, np.rint(v) if rounded else v)


# The sums may be taken in any order, or they would be as long as all the rest.
@njit(nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def _dac_backward(g, x, out, limit, per_level):
    pull, inside = _0, _0
    for j in range(x.size):
        v, d = _read(x, j), _read(g, j) * per_level
        size = abs(v)
        _write(out, j, _0 if size > limit else d)
        d = d if v >= _0 else -d
        d = d if d < _0 else _0
        pull += d if size >= limit else _0
        inside += np.float32(1) if size < limit else _0
    return pull, inside


@compile_
def dac_backward(g, x, out, limit: np.float32, level: np.float32):
    """`out` becomes the gradient of the inputs `x`; `g` is that of their codes.

    Returns:
        How far clipped inputs pull the range, at most 0, and how many were inside it.
    """
    pull, inside, per_level = 0.0, 0, np.float32(1) / level
    for first in range(0, x.size, 4 * _PIECE):
        part = slice(first, min(first + 4 * _PIECE, x.size))
        here, within = _dac_backward(g[part], x[part], out[part], limit, per_level)
        pull += here
        inside += int(within)
    return pull, inside


@njit(nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def _sums(codes, sizes, squares):
    one, two = _0, _0
    for j in range(codes.size):
        v = _read(codes, j)
        one += sizes[j] * abs(v)
        two += squares[j] * (v * v)
    return one, two


@compile_
def sums(codes, weights, out) -> None:
    """`out` becomes sums of `codes` over channels: of their sizes, then of their squares.

    Args:
        codes: (n * groups * channels,), of one place side by side.
        weights: (2, groups, channels), of the sizes and of the squares.
        out: (n * 2 * groups,), likewise.
    """
    wide_vectors()
    groups, channels = weights.shape[1:]
    for n in range(out.size // (2 * groups)):
        for g in range(groups):
            first = (n * groups + g) * channels
            here = codes[first : first + channels]
            one, two = _sums(here, weights[0, g], weights[1, g])
            out[2 * n * groups + g], out[(2 * n + 1) * groups + g] = one, two


# What follows goes over memory once, and over short pieces of it in steps that each compiles to
# wide instructions; one loop for all would not.
@njit(forceinline=True)
def _scale(z, by):
    for j in range(z.size):
        z[j] *= by


@njit(forceinline=True)
def _into(z, y, per_step):
    for j in range(z.size):
        z[j] += _read(y, j) * per_step[j]


@njit(forceinline=True)
def _into_dropped(z, y, dropped, current, amount, per_step):
    for j in range(z.size):
        lost = share(current[j] * amount[j]) * _read(dropped, j)
        z[j] += (_read(y, j) - lost) * per_step[j]


@njit(forceinline=True)
def _into_shrunk(z, y, fraction, current, amount, per_step):
    for j in range(z.size):
        left = np.float32(1) - share(current[j] * amount[j]) * fraction[j]
        z[j] += _read(y, j) * left * per_step[j]


@njit(forceinline=True)
def _shared(values, first, fan, out):
    """`out` becomes the numbers from `first` on where each of `values` stands for `fan`."""
    if fan == 1:
        for j in range(out.size):
            out[j] = _read(values, first + j)
        return
    at, j = first // fan, 0
    stop = min((at + 1) * fan - first, out.size)
    while j < out.size:
        out[j:stop] = _read(values, at)
        at, j = at + 1, stop
        stop = min(stop + fan, out.size)


@njit(nogil=True, error_model="numpy", fastmath={"reassoc", "nsz"})
def _clip(z, y, bound, rounded, step, offset):
    """From `z` to `y`; how many are beyond the bound."""
    wide_vectors()
    count = _0
    for j in range(z.size):
        v = z[j]
        v = np.rint(v) if rounded else v
        count += np.float32(1) if abs(v) > bound else _0
        v = -bound if v < -bound else v
        v = bound if v > bound else v
        _write(y, j, v * step[j] + offset[j])
    return int(count)


@njit(forceinline=True)
def _mark(clipped, z, bound, rounded):
    """Which of `z` are beyond the bound."""
    for j in range(z.size):
        v = np.rint(z[j]) if rounded else z[j]
        clipped[j] = abs(v) > bound


@njit(forceinline=True)
def _drop_slopes(dropped, current, amount):
    """The drop's parts become how the output depends on them."""
    for j in range(dropped.size):
        d, at = _read(dropped, j), _read(current, j) * amount[j]
        _write(current, j, -slope(at) * amount[j] * d)
        _write(dropped, j, -share(at))


@njit(forceinline=True)
def _read_noise(z, moment, spread, variance):
    """The normals `z` become noise."""
    for j in range(z.size):
        z[j] *= np.sqrt(variance + spread[j] * moment[j])


@njit(forceinline=True)
def _noise_slopes(z, moment, spread, variance, step):
    """`moment` becomes how the output depends on it; `z` are normals."""
    for j in range(z.size):
        whole = np.sqrt(variance + spread[j] * _read(moment, j))
        slope = np.float32(0.5) * step[j] * spread[j] * z[j] / whole
        _write(moment, j, slope if whole > _0 else _0)


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
    fraction: Floats,
    inner: int,
    fan: int,
    words: UInts,
    slopes: bool,
):
    """Convert `y` (n,), in place; `sigma` and `bound` are in steps.

    Args:
        dropped, current, moment: (n,) or empty, see `array.Suffered`; without `dropped` (n / fan,).
        clipped: (n,), becomes whether each output was, if any was; else it is not touched.
        step: (channels,), behind the ADC, as is `offset`.
        amount, spread, fraction: (channels,), of `Suffered`; the second in squared steps.
        inner: consecutive elements of one channel.
        fan: consecutive elements that share a current and a moment.
        words: as in `draws.jit.coarse_normals`; nothing is drawn without noise.
        slopes: whether `dropped`, `current` and `moment` become the output's derivatives by each.

    Returns:
        How many outputs were clipped.
    """
    wide_vectors()
    period = step.size * inner
    length = period * max(1, _PIECE // period)
    steps, offsets = _spread(step, inner, length), _spread(offset, inner, length)
    amounts, spreads = _spread(amount, inner, length), _spread(spread, inner, length)
    fractions = _spread(fraction, inner, length)
    per_step = np.float32(1) / steps
    z, bits = np.zeros(_PIECE, dtype=np.float32), np.empty(_PIECE // 2, dtype=np.uint32)
    numbers = np.empty(_PIECE, dtype=np.float32)
    count, block, variance = 0, 0, sigma * sigma
    drawn = sigma > _0 or moment.size > 0
    for top in range(0, y.size, length):
        end = min(top + length, y.size)
        for first in range(top, end, _PIECE):
            last = min(first + _PIECE, end)
            part, own, here = slice(first, last), slice(first - top, last - top), z[: last - first]
            known = numbers[: last - first]
            if drawn:
                blocks = (last - first + 7) // 8
                coarse_normals(z[: 8 * blocks], bits[: 4 * blocks], block, words)
                block += blocks
            else:
                here[:] = _0
            if moment.size > 0:
                if slopes:
                    normal = here.copy()
                _shared(moment, first, fan, known)
                _read_noise(here, known, spreads[own], variance)
                if slopes:
                    _noise_slopes(normal, moment[part], spreads[own], variance, steps[own])
            elif drawn:
                _scale(here, sigma)
            if current.size > 0:
                _shared(current, first, fan, known)
            if dropped.size > 0:
                lost = dropped[part]
                _into_dropped(here, y[part], lost, known, amounts[own], per_step[own])
                if slopes:
                    _drop_slopes(lost, current[part], amounts[own])
            elif current.size > 0:
                shrunk = fractions[own]
                _into_shrunk(here, y[part], shrunk, known, amounts[own], per_step[own])
            else:
                _into(here, y[part], per_step[own])
            beyond = _clip(here, y[part], bound, rounded, steps[own], offsets[own])
            if beyond > 0 and count == 0:
                clipped[:first] = False
            count += beyond
            if beyond > 0:
                _mark(clipped[part], here, bound, rounded)
            elif count > 0:
                clipped[part] = False
    return count


@compile_
def adc_backward(g, clipped, out) -> None:
    """`out` becomes `g`, and 0 where outputs were clipped."""
    wide_vectors()
    for j in range(g.size):
        _write(out, j, _0 if clipped[j] else _read(g, j))

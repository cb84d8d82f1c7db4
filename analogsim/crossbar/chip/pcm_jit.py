"""PCM programming and drift of many tiles in one compiled pass each (numba).

The law is `device_models.pcm`; the normals are the reproducible stream's (`gaussian.stream`), with
a weight's place in its tile as position: row-major, (out, in). Importing this file needs numba
(extra `fast`). The compiled code is kept on disk as in `forward.converter_jit`: when `jit.py`,
`stream.py` or `tile_jit.py` change, change `_EDITION`.

A tile is worked on by one thread and every sum has a fixed order, so that no number depends on
threads. `fastmath` is not used.
"""

import numpy as np
from numba import njit

from analogsim.crossbar.chip.tile_jit import (
    COLUMNS,
    FIRST_ROW,
    ROWS,
    SCRATCH,
    START,
    WORD,
    answer_tile,
    answers,
    clip,
    means,
    most_weights,
    place,
)
from analogsim.draws.jit import compile_, normals, wide_vectors
from analogsim.draws.stream import LN_2, LOG, SQRT_HALF_BITS, Floats, Table, UInts

_EDITION = 4

__all__ = ["SMALLEST", "answers", "drift", "place", "program"]

SMALLEST = 1e-7
"""aihwkit's lower bound of a tile's largest weight and of a relative conductance."""

_L0, _L1, _L2, _L3, _L4, _L5 = (np.float32(c) for c in LOG)
_LN_2, _SQRT_HALF = np.float32(LN_2), np.int32(SQRT_HALF_BITS)
_MANTISSA, _23, _127 = np.int32(0x7FFFFF), np.int32(23), np.int32(127)
_ONE, _HALF, _ZERO = np.float32(1), np.float32(0.5), np.float32(0)
_SMALLEST = np.float32(SMALLEST)

# exp on [-ln 2 / 2, ln 2 / 2]: 1 + r + r^2 P(r), highest power first; Cephes 2.8, single/expf.c
# (S. Moshier), as are the two parts of ln 2. The whole is within 2e-7 of the real number.
_E0, _E1, _E2, _E3, _E4, _E5 = (
    np.float32(c)
    for c in (
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    )
)
_LOG2_E, _LN_2_HIGH, _LN_2_LOW = (
    np.float32(c) for c in (1.44269504088896341, 0.693359375, -2.12194440e-4)
)
_ROUND = np.float32(1.5 * 2**23)
"""Added and taken away again, it rounds a float32 below 2^22 to a whole number."""
_LOWEST = np.float32(-87)
"""exp of less is not a normal float32."""


# Inlined before LLVM looks at loops, which it would not vectorise around a call.
@njit(forceinline=True)
def _ln(x):
    """Of a normal float32 above 0."""
    bits = np.int32(np.float32(x).view(np.int32) - _SQRT_HALF)
    exponent = np.float32(bits >> _23)
    f = np.float32(np.int32((bits & _MANTISSA) + _SQRT_HALF).view(np.float32)) - _ONE
    p = ((((_L0 * f + _L1) * f + _L2) * f + _L3) * f + _L4) * f + _L5
    p = p * f + _HALF
    return exponent * _LN_2 + (f - f * f * p)


@njit(forceinline=True)
def _exp(y):
    """Of y <= 87; below -87 it is exp(-87)."""
    y = _LOWEST if y < _LOWEST else y
    n = (y * _LOG2_E + _ROUND) - _ROUND
    r = (y - n * _LN_2_HIGH) - n * _LN_2_LOW
    p = ((((_E0 * r + _E1) * r + _E2) * r + _E3) * r + _E4) * r + _E5
    p = p * (r * r) + r + _ONE
    power = np.int32(np.int32(np.int32(n) + _127) << _23)
    return p * np.float32(power.view(np.float32))


@njit(nogil=True)
def _largest(x):
    found = _ZERO
    for j in range(x.size):
        size = abs(x[j])
        found = size if size > found else found
    return found


# On parts of arrays, so that indices start at 0 and need no look at their sign.
@njit(nogil=True, error_model="numpy")
def _program(programmed, nu, target, z, z_other, z_nu, unit, law):
    wide_vectors()
    c_0, c_1, c_2 = law[0], law[1], law[2]
    m_1, m_0, m_low, m_high = law[3], law[4], law[5], law[6]
    s_1, s_0, s_low, s_high = law[7], law[8], law[9], law[10]
    drift_scale = law[11]
    inverse = _ONE / unit
    for j in range(programmed.size):
        w = target[j]
        x = abs(w) * inverse
        x = _ONE if x > _ONE else x
        g = x + (c_0 + (c_1 + c_2 * x) * x) * z[j]
        g = _ZERO if g < _ZERO else g
        # The device that aims at zero: the polynomial's constant alone.
        other = c_0 * z_other[j]
        g -= _ZERO if other < _ZERO else other
        programmed[j] = g * unit if w >= _ZERO else -g * unit
        # Where the noise has turned the sign, the device that aimed at zero is left.
        x = _ZERO if g < _ZERO else x
        log_x = _ln(_SMALLEST if x < _SMALLEST else x)
        mean = clip(m_1 * log_x + m_0, m_low, m_high)
        spread = clip(s_1 * log_x + s_0, s_low, s_high)
        nu[j] = drift_scale * abs(mean + spread * z_nu[j])


@compile_
def program(
    programmed: Floats,
    nu: Floats,
    largest: Floats,
    target: Floats,
    table: Table,
    law: Floats,
    words: UInts,
) -> None:
    """Program tiles: draws 0 (device that holds the weight), 1 (the other) and 2 (nu) a weight.

    Args:
        programmed, nu: (n,), filled.
        largest: (tiles,), filled with each tile's largest programmed |weight|.
        target: (n,).
        table: (tiles, 9), see the module's constants.
        law: coefficients of the programming spread relative to g_max, of the mean and of the
            spread of nu (slope, offset, bounds), and the drift's scale.
        words: of the counter and the key, as in `jit.normals`; the first two are set here.
    """
    z = np.empty((3, SCRATCH), dtype=np.float32)
    address = words.copy()
    for t in range(table.shape[0]):
        start, size = table[t, START], table[t, ROWS] * table[t, COLUMNS]
        address[0] = np.uint32(table[t, WORD])
        unit = _largest(target[start : start + size])
        unit = _SMALLEST if unit < _SMALLEST else unit
        for first in range(0, size, SCRATCH):
            count = min(SCRATCH, size - first)
            for draw in range(3):
                address[1] = np.uint32(draw)
                normals(z[draw], (count + 3) // 4 * 4, first // 4, address)
            part = slice(start + first, start + first + count)
            _program(programmed[part], nu[part], target[part], z[0], z[1], z[2], unit, law)
        found = _largest(programmed[start : start + size])
        largest[t] = _SMALLEST if found < _SMALLEST else found


@njit(nogil=True, error_model="numpy")
def _drift(out, programmed, nu, z, unit, law):
    wide_vectors()
    log_t, read = law[0], law[1]
    q_factor, q_exponent, q_most = law[2], law[3], law[4]
    inverse = _ONE / unit
    for j in range(out.size):
        w = programmed[j]
        x = clip(abs(w) * inverse, _SMALLEST, _ONE)
        q = q_factor * _exp(-q_exponent * _ln(x))
        q = q_most if q > q_most else q
        noise = _ONE + q * read * z[j]
        noise = _ZERO if noise < _ZERO else noise
        out[j] = w * (_exp(-log_t * nu[j]) * noise)


@njit(nogil=True, error_model="numpy")
def _drift_tile(out, programmed, nu, z, unit, law, address):
    for first in range(0, out.size, SCRATCH):
        count = min(SCRATCH, out.size - first)
        normals(z, (count + 3) // 4 * 4, first // 4, address)
        part = slice(first, first + count)
        _drift(out[part], programmed[part], nu[part], z, unit, law)


@compile_
def drift(
    out: Floats,
    by_output: np.ndarray,
    by_tile: np.ndarray,
    programmed: Floats,
    nu: Floats,
    largest: Floats,
    table: Table,
    law: Floats,
    words: UInts,
    edge: Floats,
    read_words: UInts,
) -> None:
    """Move tiles to a time, and read them out while they are in the cache.

    Args:
        out: (n,), takes the tiles' weights.
        by_output, by_tile: as in `answers`; empty where nothing is read.
        programmed, nu, largest: what `program` gave.
        table, words: as in `program`.
        law: ln((t + t_0) / t_0), read noise's factor of the time, and factor, exponent and bound
            of Q.
        edge, read_words: as in `answers`.
    """
    z = np.zeros(SCRATCH, dtype=np.float32)
    read = np.empty(0 if edge[3] == _ZERO else most_weights(table), dtype=np.float32)
    address, read_address = words.copy(), read_words.copy()
    for t in range(table.shape[0]):
        start, rows, columns = table[t, START], table[t, ROWS], table[t, COLUMNS]
        size, first = rows * columns, table[t, FIRST_ROW]
        span, lines = slice(start, start + size), slice(first, first + rows)
        tile = out[span]
        address[0] = np.uint32(table[t, WORD])
        _drift_tile(tile, programmed[span], nu[span], z, largest[t], law, address)
        if by_output.size > 0:
            seen = tile
            if edge[3] > _ZERO:
                seen = read[:size]
                read_address[0] = np.uint32(table[t, WORD])
                answer_tile(seen, tile, z, edge, read_address)
            by_tile[t] = means(by_output[lines], seen, columns)

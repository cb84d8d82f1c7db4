"""The stream compiled by numba for a CPU: the operations of `stream.py` in the same order.

Importing this file needs numba (extra `fast`). Compiling `noisy` takes a few seconds; it is kept on
disk as in `crossbar/forward/converter_jit.py`: when `stream.py` changes, change `_EDITION`. No
function here uses `fastmath`: the float32 results equal numpy's bit for bit.
"""

import contextlib
from collections.abc import Callable
from typing import cast

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from analogsim.draws.stream import (
    ANGLE,
    COS,
    COS_0,
    KEY_STEPS,
    LN_2,
    LOG,
    MULTIPLIERS,
    ROUNDS,
    SIGN_BIT,
    SIN,
    SQRT_HALF_BITS,
    SWAP_BIT,
    Floats,
    Table,
    UInts,
)

_EDITION = 2
_M0, _M1 = (np.uint64(m) for m in MULTIPLIERS)
_STEP0, _STEP1 = (np.uint64(s) for s in KEY_STEPS)
_HIGH, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_L0, _L1, _L2, _L3, _L4, _L5 = (np.float32(c) for c in LOG)
_C0, _C1, _C2 = (np.float32(c) for c in COS)
_S0, _S1, _S2 = (np.float32(c) for c in SIN)
_COS_0, _LN_2, _ANGLE = np.float32(COS_0), np.float32(LN_2), np.float32(ANGLE)
_TO_UNIT, _HALF_STEP = np.float32(2**-32), np.float32(2**-33)
_ONE, _HALF = np.float32(1), np.float32(0.5)
_SQRT_HALF, _MANTISSA, _23 = np.int32(SQRT_HALF_BITS), np.int32(0x7FFFFF), np.int32(23)
_UPPER, _MIDDLE, _16 = np.uint32(0xFFFF0000), np.uint32(0x8000), np.uint32(16)
_SIGN, _SWAP, _TWO = np.uint32(SIGN_BIT), np.uint32(SWAP_BIT), np.uint32(2)

_SCRATCH = 2048
"""Normals drawn at a time: they stay in the innermost cache. A multiple of 4."""


def compile_(function):
    """Compile what other files call, and keep it on disk where that can be written."""
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # nowhere to keep it
        return njit(nogil=True, error_model="numpy")(function)


def _wide_vectors(typingctx):
    def codegen(context, builder, signature, args):
        # llvmlite writes what is among the attributes, and refuses to add those with a value.
        with contextlib.suppress(TypeError):
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), codegen


wide_vectors = cast(Callable[[], None], intrinsic(_wide_vectors))
"""Lets LLVM take the widest vectors in the function that calls this; results are the same.

By itself it takes half of AVX-512 on Intel's processors, whose first ones then ran slower."""


# Inlined before LLVM looks at loops: a call in the loop would keep it scalar, four times slower.
# In 64 bits, of which the upper half is noise until the end: each multiplication is then one
# instruction, and nothing is widened for it.
@njit(forceinline=True)
def _philox(c0, c1, c2, c3, k0, k1):
    c0, c1, c2, c3 = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    k0, k1 = np.uint64(k0), np.uint64(k1)
    for _ in range(ROUNDS):
        p0 = _M0 * (c0 & _LOW)
        p1 = _M1 * (c2 & _LOW)
        c0 = (p1 >> _HIGH) ^ c1 ^ k0
        c2 = (p0 >> _HIGH) ^ c3 ^ k1
        c1 = p1
        c3 = p0
        k0 += _STEP0
        k1 += _STEP1
    return np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)


@njit(forceinline=True)
def _box_muller(x, y):
    u = np.float32(x) * _TO_UNIT + _HALF_STEP
    bits = np.int32(np.float32(u).view(np.int32) - _SQRT_HALF)
    exponent = np.float32(bits >> _23)
    f = np.float32(np.int32((bits & _MANTISSA) + _SQRT_HALF).view(np.float32)) - _ONE
    p = ((((_L0 * f + _L1) * f + _L2) * f + _L3) * f + _L4) * f + _L5
    p = p * f + _HALF
    radius = np.sqrt(f * f * p + (exponent * -_LN_2 - f))
    v = np.float32(np.uint32(y << _TWO).view(np.int32)) * _ANGLE
    v2 = v * v
    s = v * v2 * ((_S0 * v2 + _S1) * v2 + _S2) + v
    c = v2 * ((_C0 * v2 + _C1) * v2 + _C2) + _COS_0
    c = np.uint32(np.float32(c).view(np.uint32) ^ (y & _SIGN)).view(np.float32)
    swap = (y & _SWAP) != np.uint32(0)
    return radius * (s if swap else c), radius * (c if swap else s)


@njit(forceinline=True)
def _one(w, spread, least, z, multiplicative):
    scaled = spread * w if multiplicative else spread
    y = w + scaled * z
    y = least if y < least else y
    # Not through w + 0 z: that would turn -0 into 0.
    return w if spread == 0 else y


@njit(nogil=True, error_model="numpy")
def integers(out: UInts, first: int, words: UInts) -> None:
    """Fill `out` (a multiple of 4 long) with the integers of block `first` and the next.

    `words`: tensor, trial, stream, and the two halves of the seed.
    """
    wide_vectors()
    tensor, trial, stream, k0, k1 = words[0], words[1], words[2], words[3], words[4]
    for i in range(out.size // 4):
        x0, x1, x2, x3 = _philox(np.uint32(first + i), tensor, trial, stream, k0, k1)
        out[4 * i] = x0
        out[4 * i + 1] = x1
        out[4 * i + 2] = x2
        out[4 * i + 3] = x3


@njit(nogil=True, error_model="numpy")
def normals(out: Floats, count: int, first: int, words: UInts) -> None:
    """Fill the first `count` (a multiple of 4) elements of `out` with standard normals."""
    wide_vectors()
    tensor, trial, stream, k0, k1 = words[0], words[1], words[2], words[3], words[4]
    for i in range(count // 4):
        x0, x1, x2, x3 = _philox(np.uint32(first + i), tensor, trial, stream, k0, k1)
        z0, z1 = _box_muller(x0, x1)
        z2, z3 = _box_muller(x2, x3)
        out[4 * i] = z0
        out[4 * i + 1] = z1
        out[4 * i + 2] = z2
        out[4 * i + 3] = z3


@njit(nogil=True, error_model="numpy")
def coarse_normals(out: Floats, bits: UInts, first: int, words: UInts) -> None:
    """Fill `out`, a multiple of 8 long, with normals of 16 bits, in half the time of `normals`.

    Not in the stream's definition: each integer, from block `first` on, gives two normals, its
    halves in place of x and y, and they lie half of `out` apart. The largest is 4.86; the variance
    is 1 within 1e-5. `bits` is half as long, and overwritten.
    """
    wide_vectors()
    tensor, trial, stream, k0, k1 = words[0], words[1], words[2], words[3], words[4]
    blocks, pairs = out.size // 8, out.size // 2
    # Integers first: both at once need more registers than there are.
    for i in range(blocks):
        x0, x1, x2, x3 = _philox(np.uint32(first + i), tensor, trial, stream, k0, k1)
        bits[i] = x0
        bits[blocks + i] = x1
        bits[2 * blocks + i] = x2
        bits[3 * blocks + i] = x3
    for i in range(pairs):
        x = bits[i]
        z0, z1 = _box_muller(np.uint32(x & _UPPER | _MIDDLE), np.uint32(x << _16))
        out[i] = z0
        out[pairs + i] = z1


# On parts of the arrays, so that indices start at 0 and need no look at their sign.
@njit(nogil=True)
def _apply(out, clean, z, spread, columns, least, multiplicative):
    wide_vectors()
    if columns.size > 0:
        for j in range(out.size):
            out[j] = _one(clean[j], columns[j], least, z[j], multiplicative)
    else:
        for j in range(out.size):
            out[j] = _one(clean[j], spread, least, z[j], multiplicative)


@compile_
def noisy(
    out: Floats,
    clean: Floats,
    table: Table,
    sigma: Floats,
    floor: Floats,
    columns: Floats,
    multiplicative: bool,
    words: UInts,
) -> None:
    """Write one noisy copy of a flat buffer; arguments as in `cpu.Layout`."""
    z = np.empty(_SCRATCH, dtype=np.float32)
    address = words.copy()
    by_column = columns.size > 0
    for s in range(table.shape[0]):
        offset, size, inner, kernel = table[s, 0], table[s, 1], table[s, 3], table[s, 4]
        address[0] = np.uint32(table[s, 2])
        spread, least, plane = sigma[s], floor[s], inner * kernel
        if not by_column and spread == 0:
            for m in range(offset, offset + size):
                out[m] = clean[m]
            continue
        for first in range(0, size, _SCRATCH):
            count = min(_SCRATCH, size - first)
            normals(z, (count + 3) // 4 * 4, first // 4, address)
            if kernel == 1:
                part = slice(offset + first, offset + first + count)
                own = columns[part] if by_column else columns
                _apply(out[part], clean[part], z, spread, own, least, multiplicative)
                continue
            # From the stream's order (out, inner, kernel) to memory's (out, kernel, inner).
            row, rest = first // plane * plane + offset, first % plane
            i, k = rest // kernel, rest % kernel
            for j in range(count):
                m = row + k * inner + i
                own = columns[m] if by_column else spread
                out[m] = _one(clean[m], own, least, z[j], multiplicative)
                k += 1
                if k == kernel:
                    k = 0
                    i += 1
                    if i == inner:
                        i = 0
                        row += plane

"""The stream and the noise as Triton kernels. Importing this file needs Triton.

The definition is in `stream.py`. Constants are repeated as `tl.constexpr`, since a kernel sees no
other globals. Multiply-adds are written as `tl.fma`, so that the result does not hang on a
compiler's choice to fuse.

A flat buffer has one row of tables for each chunk of 64 elements. Words of a counter lie in
int32 tensors with the bits of the unsigned word.
"""

import triton
import triton.language as tl

from analogsim.draws import stream

_M0: tl.constexpr = tl.constexpr(stream.MULTIPLIERS[0])
_M1: tl.constexpr = tl.constexpr(stream.MULTIPLIERS[1])
_STEP0: tl.constexpr = tl.constexpr(stream.KEY_STEPS[0])
_STEP1: tl.constexpr = tl.constexpr(stream.KEY_STEPS[1])
_ROUNDS: tl.constexpr = tl.constexpr(stream.ROUNDS)
_TO_UNIT: tl.constexpr = tl.constexpr(2.0**-32)
_HALF_STEP: tl.constexpr = tl.constexpr(2.0**-33)
_SQRT_HALF: tl.constexpr = tl.constexpr(stream.SQRT_HALF_BITS)
_MINUS_LN_2: tl.constexpr = tl.constexpr(-stream.LN_2)
_L0: tl.constexpr = tl.constexpr(stream.LOG[0])
_L1: tl.constexpr = tl.constexpr(stream.LOG[1])
_L2: tl.constexpr = tl.constexpr(stream.LOG[2])
_L3: tl.constexpr = tl.constexpr(stream.LOG[3])
_L4: tl.constexpr = tl.constexpr(stream.LOG[4])
_L5: tl.constexpr = tl.constexpr(stream.LOG[5])
_ANGLE: tl.constexpr = tl.constexpr(stream.ANGLE)
_C0: tl.constexpr = tl.constexpr(stream.COS[0])
_C1: tl.constexpr = tl.constexpr(stream.COS[1])
_C2: tl.constexpr = tl.constexpr(stream.COS[2])
_COS_0: tl.constexpr = tl.constexpr(stream.COS_0)
_S0: tl.constexpr = tl.constexpr(stream.SIN[0])
_S1: tl.constexpr = tl.constexpr(stream.SIN[1])
_S2: tl.constexpr = tl.constexpr(stream.SIN[2])
_SIGN: tl.constexpr = tl.constexpr(stream.SIGN_BIT)
_SWAP: tl.constexpr = tl.constexpr(stream.SWAP_BIT)


@triton.jit
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10 of four counter words under two key words, all uint32."""
    for _ in tl.static_range(_ROUNDS):
        h0 = tl.umulhi(c0, _M0)
        l0 = c0 * _M0
        h1 = tl.umulhi(c2, _M1)
        l1 = c2 * _M1
        c0 = h1 ^ c1 ^ k0
        c2 = h0 ^ c3 ^ k1
        c1 = l1
        c3 = l0
        k0 = k0 + _STEP0
        k1 = k1 + _STEP1
    return c0, c1, c2, c3


@triton.jit
def radius(x):
    """sqrt(-ln u); the factor sqrt(2) is in the angle's functions."""
    u = tl.fma(x.to(tl.float32), _TO_UNIT, _HALF_STEP)
    bits = u.to(tl.int32, bitcast=True) - _SQRT_HALF
    exponent = (bits >> 23).to(tl.float32)
    f = ((bits & 0x7FFFFF) + _SQRT_HALF).to(tl.float32, bitcast=True) - 1.0
    p = tl.fma(f, _L0, _L1)
    p = tl.fma(f, p, _L2)
    p = tl.fma(f, p, _L3)
    p = tl.fma(f, p, _L4)
    p = tl.fma(f, p, _L5)
    p = tl.fma(f, p, 0.5)
    return tl.sqrt(tl.fma(f * f, p, tl.fma(exponent, _MINUS_LN_2, -f)))


@triton.jit
def direction(y):
    """The point on the circle of radius sqrt(2): (first, second) before they are exchanged."""
    v = (y << 2).to(tl.int32, bitcast=True).to(tl.float32) * _ANGLE
    v2 = v * v
    s = tl.fma(v2, _S0, _S1)
    s = tl.fma(v2, s, _S2)
    s = tl.fma(v * v2, s, v)
    c = tl.fma(v2, _C0, _C1)
    c = tl.fma(v2, c, _C2)
    c = tl.fma(v2, c, _COS_0)
    return (c.to(tl.uint32, bitcast=True) ^ (y & _SIGN)).to(tl.float32, bitcast=True), s


@triton.jit
def box_muller(x, y):
    """The two normals of a pair of integers."""
    r = radius(x)
    c, s = direction(y)
    swap = (y & _SWAP) != 0
    return r * tl.where(swap, s, c), r * tl.where(swap, c, s)


@triton.jit
def in_order(a, b, c, d, N: tl.constexpr):
    """Element 4 i + j of the result is element i of the j-th argument; N = 4 times their size."""
    return tl.reshape(tl.join(tl.join(a, c), tl.join(b, d)), (N,))


@triton.jit
def normals4(block, tensor, trial, stream_id, k0, k1, N: tl.constexpr):
    """Normals of N consecutive positions, 4 for each element of `block`."""
    x0, x1, x2, x3 = philox(block, tensor, tl.zeros_like(block) + trial, stream_id, k0, k1)
    z0, z1 = box_muller(x0, x1)
    z2, z3 = box_muller(x2, x3)
    return in_order(z0, z1, z2, z3, N)


@triton.jit
def word(pointer):
    """A word of the counter or key from its int32 bits."""
    return tl.load(pointer).to(tl.uint32, bitcast=True)


@triton.jit
def integers_kernel(out, address, BLOCK: tl.constexpr):
    """Raw integers of one tensor; `address` is tensor, trial, stream, key low, key high."""
    block = tl.program_id(0) * (BLOCK // 4) + tl.arange(0, BLOCK // 4)
    block = block.to(tl.uint32, bitcast=True)
    trial = tl.zeros_like(block) + word(address + 1)
    x0, x1, x2, x3 = philox(
        block, word(address), trial, word(address + 2), word(address + 3), word(address + 4)
    )
    x = in_order(x0, x1, x2, x3, BLOCK)
    tl.store(out + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), x.to(tl.int32, bitcast=True))


@triton.jit
def noisy_value(
    w, sigma, z, floor, MULTIPLICATIVE: tl.constexpr, SOME_ZERO: tl.constexpr, FLOOR: tl.constexpr
):
    """One noised value; a zero sigma gives back `w` bit for bit (-0 included)."""
    scaled = sigma * w if MULTIPLICATIVE else sigma
    y = tl.fma(scaled, z, w)
    if FLOOR:
        y = tl.where(y < floor, floor, y)
    if SOME_ZERO:
        y = tl.where(sigma == 0.0, w, y)
    return y


@triton.jit
def noise_kernel(
    clean,
    out,
    trials,
    key,
    chunk_tensor,
    chunk_block,
    sigma,
    chunk_floor,
    n,
    n_trials,
    trials_each,
    BY_COLUMN: tl.constexpr,
    MULTIPLICATIVE: tl.constexpr,
    SOME_ZERO: tl.constexpr,
    FLOOR: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """`trials_each` noisy copies of BLOCK elements of the contiguous part of a flat buffer.

    `key` is stream, key low, key high. `out` is (n_trials, n). `sigma` has one row a chunk, or
    (BY_COLUMN) one an element.
    """
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    four = tl.program_id(0) * (BLOCK // 4) + tl.arange(0, BLOCK // 4)
    tensor = word(chunk_tensor + four // 16)
    block = word(chunk_block + four // 16) + (four % 16).to(tl.uint32)
    w = tl.load(clean + at)
    s = tl.load(sigma + at) if BY_COLUMN else tl.load(sigma + at // 64)
    floor = tl.load(chunk_floor + at // 64) if FLOOR else 0.0
    stream_id = word(key)
    k0 = word(key + 1)
    k1 = word(key + 2)
    first = tl.program_id(1) * trials_each
    # 64 bits: copies of a large network pass 2^31 elements.
    target = out + first.to(tl.int64) * n + at
    for r in range(first, tl.minimum(first + trials_each, n_trials)):
        z = normals4(block, tensor, word(trials + r), stream_id, k0, k1, BLOCK)
        y = noisy_value(w, s, z, floor, MULTIPLICATIVE, SOME_ZERO, FLOOR)
        tl.store(target, y.to(out.dtype.element_ty))
        target += n


@triton.jit
def permuted_kernel(
    clean,
    out,
    trials,
    key,
    chunk_tensor,
    chunk_element,
    chunk_inner,
    chunk_kernel,
    sigma,
    start,
    n,
    n_trials,
    trials_each,
    BY_COLUMN: tl.constexpr,
    MULTIPLICATIVE: tl.constexpr,
    SOME_ZERO: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """As `noise_kernel` for the part with channels_last weights, from element `start` on.

    Neighbours in memory come from different counters: each element runs its own Philox and keeps
    one normal of four. Four times the arithmetic, the same bytes.
    """
    at = start + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    chunk = at // 64
    inner = tl.load(chunk_inner + chunk)
    kernel = tl.load(chunk_kernel + chunk)
    element = tl.load(chunk_element + chunk) + at % 64
    row = element // (inner * kernel)
    rest = element - row * (inner * kernel)
    position = row * (inner * kernel) + (rest % inner) * kernel + rest // inner
    block = (position // 4).to(tl.uint32, bitcast=True)
    tensor = word(chunk_tensor + chunk)
    w = tl.load(clean + at)
    s = tl.load(sigma + at) if BY_COLUMN else tl.load(sigma + chunk)
    stream_id = word(key)
    k0 = word(key + 1)
    k1 = word(key + 2)
    first = tl.program_id(1) * trials_each
    target = out + first.to(tl.int64) * n + at
    for r in range(first, tl.minimum(first + trials_each, n_trials)):
        trial = tl.zeros_like(block) + word(trials + r)
        x0, x1, x2, x3 = philox(block, tensor, trial, stream_id, k0, k1)
        high = (position & 2) != 0
        z0, z1 = box_muller(tl.where(high, x2, x0), tl.where(high, x3, x1))
        z = tl.where((position & 1) != 0, z1, z0)
        y = noisy_value(w, s, z, 0.0, MULTIPLICATIVE, SOME_ZERO, False)
        tl.store(target, y.to(out.dtype.element_ty))
        target += n

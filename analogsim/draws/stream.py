"""The reproducible random stream: its one definition, in plain numpy.

A draw has an address (seed, stream, tensor, trial, position) and depends on nothing else: not on
the number of trials, the order, the size of a block, or the machine.

- Key: (seed mod 2^32, seed div 2^32). Counter: (position div 4, tensor, trial, stream).
- Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011) turns key
  and counter into four integers x0, x1, x2, x3 of 32 bits.
- Positions 0 and 1 modulo 4 take the two normals of (x0, x1), 2 and 3 those of (x2, x3).
- The two normals of (x, y), after Box and Muller:
      u = float32(x) 2^-32 + 2^-33, rounded to float32: in [2^-33, 1]
      t = the low 30 bits of y as a signed number, times 2 pi / 2^32: in [-pi/4, pi/4)
      (c, s) = (cos t, sin t); bit 31 of y negates c, bit 30 exchanges the two
      normals = sqrt(-2 ln u) (c, s)
  The largest is 6.76. `u` is exactly this float32 everywhere; the functions after it are
  polynomials (below), so that an implementation is within 2e-6 max(1, |z|) of the real number.

`position` counts a tensor's elements in torch's order of a contiguous tensor, whatever its
memory format. The integers are equal bit for bit on all backends; the normals are equal bit for
bit between numpy and numba, which do the same float32 operations, and agree to the tolerance
on a GPU, which fuses multiply and add and has its own square root.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)

# -ln(m) = -f + f^2 (1/2 + f P(f)) for m = 1 + f in [sqrt(1/2), sqrt(2)], highest power first.
# Fitted here (weighted minimax, float32): within 7e-8. P is accurate relative to f^3, so that
# the radius is accurate where u is nearly 1.
LOG = (
    0.10253240168094635,
    -0.16135306656360626,
    0.17156721651554108,
    -0.1991083025932312,
    0.24981249868869781,
    -0.3333466649055481,
)
LN_2 = 0.6931471824645996
SQRT_HALF_BITS = 0x3F3504F3
"""float32(sqrt(1/2)) as an integer: mantissas from here up belong to the next exponent."""

# The factor sqrt(2) of the radius lies in the angle's functions, with v = sqrt(2) t:
# sqrt(2) cos t = C0 + v^2 C(v^2) within 5e-8, sqrt(2) sin t = v + v^3 S(v^2) within 3e-9.
COS = (-0.0002403801481705159, 0.014727728441357613, -0.3535526394844055)
COS_0 = 1.4142135381698608
SIN = (-2.4369808670599014e-05, 0.0020829951390624046, -0.08333325386047363)
ANGLE = 5.172196559932729e-10
"""sqrt(2) 2 pi / 2^34: the angle of one step of `y << 2`."""

SIGN_BIT, SWAP_BIT = 0x80000000, 0x40000000

_PIECE = 1 << 15
"""Normals drawn at a time, so that the intermediate arrays stay in the cache."""

UInts = NDArray[np.uint32]
Floats = NDArray[np.float32]
Table = NDArray[np.int64]


class Stream(IntEnum):
    """What a draw is for. Values are part of the definition: never renumber, only add."""

    WEIGHT_NOISE = 0
    PCM_READ = 1
    OUTPUT = 2
    PCM_PROGRAM = 3
    PCM_DRIFT = 4
    READ_OUT = 5


@dataclass(frozen=True, kw_only=True)
class Address:
    """All of a draw's address but the position.

    Attributes:
        seed: the key, 0 <= seed < 2^64.
        tensor: which tensor, see `tensor_index`.
        trial: which trial.
        stream: what the draw is for.
    """

    seed: int
    tensor: int
    trial: int
    stream: int = Stream.WEIGHT_NOISE

    def __post_init__(self) -> None:
        check_seed(self.seed)
        for name in ("tensor", "trial", "stream"):
            check_word(name, getattr(self, name))

    @property
    def key(self) -> tuple[int, int]:
        """The low and the high half of the seed."""
        return self.seed & 0xFFFFFFFF, self.seed >> 32


def check_seed(seed: int) -> None:
    """Raise `InputError` unless `seed` fits in 64 bits."""
    if not 0 <= seed < 1 << 64:
        raise InputError(f"stream seed must be in 0 ... 2^64 - 1, got {seed}; choose another")


def check_word(name: str, value: int) -> None:
    """Raise `InputError` unless `value` fits in one word of the counter."""
    if not 0 <= value < 1 << 32:
        raise InputError(f"stream {name} must be in 0 ... 2^32 - 1, got {value}; choose another")


def tensor_index(name: str) -> int:
    """The word of the counter for the tensor of this name (blake2b, 4 bytes, little-endian).

    It comes from the name alone, so that noising more tensors moves no other tensor's draws.
    """
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little")


def philox(counter: tuple[UInts, UInts, UInts, UInts], key: tuple[int, int]) -> tuple[UInts, ...]:
    """Philox4x32-10 of four counter words (arrays of one shape) under `key`."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        p0 = c0.astype(np.uint64) * np.uint64(MULTIPLIERS[0])
        p1 = c2.astype(np.uint64) * np.uint64(MULTIPLIERS[1])
        c0 = (p1 >> np.uint64(32)).astype(np.uint32) ^ c1 ^ np.uint32(k0)
        c2 = (p0 >> np.uint64(32)).astype(np.uint32) ^ c3 ^ np.uint32(k1)
        c1, c3 = p1.astype(np.uint32), p0.astype(np.uint32)
        k0, k1 = (k0 + KEY_STEPS[0]) & 0xFFFFFFFF, (k1 + KEY_STEPS[1]) & 0xFFFFFFFF
    return c0, c1, c2, c3


def integers(address: Address, start: int, stop: int) -> UInts:
    """The integers of positions `start` to `stop`: element p is x_(p mod 4) of its counter.

    They are the raw stream, for tests. Returns shape (stop - start,).
    """
    first, last = start // 4, -(-stop // 4)
    _check_positions(start, stop)
    four = np.stack(_blocks(address, first, last), axis=1).reshape(-1)
    return four[start - 4 * first : stop - 4 * first]


def normals(address: Address, start: int, stop: int) -> Floats:
    """Standard normals of positions `start` to `stop`, shape (stop - start,), float32."""
    _check_positions(start, stop)
    drawn = np.empty(stop - start, dtype=np.float32)
    position = start
    while position < stop:
        piece = min(stop, position - position % 4 + _PIECE)
        first, last = position // 4, -(-piece // 4)
        x0, x1, x2, x3 = _blocks(address, first, last)
        four = np.stack((*box_muller(x0, x1), *box_muller(x2, x3)), axis=1).reshape(-1)
        drawn[position - start : piece - start] = four[position - 4 * first : piece - 4 * first]
        position = piece
    return drawn


def box_muller(x: UInts, y: UInts) -> tuple[Floats, Floats]:
    """The two normals of each pair of integers; see the module's definition."""
    f32 = np.float32
    bits = uniform(x).view(np.int32) - np.int32(SQRT_HALF_BITS)
    exponent = (bits >> 23).astype(f32)
    f = ((bits & 0x7FFFFF) + np.int32(SQRT_HALF_BITS)).view(f32) - f32(1)
    p = _horner(f, LOG) * f + f32(0.5)
    radius = np.sqrt(f * f * p + (exponent * f32(-LN_2) - f))
    v = (y << np.uint32(2)).view(np.int32).astype(f32) * f32(ANGLE)
    v2 = v * v
    s = v * v2 * _horner(v2, SIN) + v
    c = v2 * _horner(v2, COS) + f32(COS_0)
    c = (c.view(np.uint32) ^ (y & np.uint32(SIGN_BIT))).view(f32)
    swap = (y & np.uint32(SWAP_BIT)) != 0
    return radius * np.where(swap, s, c), radius * np.where(swap, c, s)


def uniform(x: UInts) -> Floats:
    """float32(x) 2^-32 + 2^-33: in [2^-33, 1], with one rounding in each of the two steps."""
    return x.astype(np.float32) * np.float32(2**-32) + np.float32(2**-33)


def _horner(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + np.float32(coefficient)
    return total


def _blocks(address: Address, first: int, last: int) -> tuple[UInts, ...]:
    block = np.arange(first, last, dtype=np.uint64).astype(np.uint32)
    words = (address.tensor, address.trial, int(address.stream))
    tensor, trial, stream = (np.full_like(block, word) for word in words)
    return philox((block, tensor, trial, stream), address.key)


def _check_positions(start: int, stop: int) -> None:
    if not 0 <= start <= stop <= 1 << 34:
        raise InputError(
            f"stream positions must satisfy 0 <= start <= stop <= 2^34, got {start} and {stop}"
            "; split the tensor"
        )

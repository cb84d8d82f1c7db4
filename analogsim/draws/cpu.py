"""The stream on a CPU: through numba where it is installed, otherwise through plain numpy.

Both give the same numbers bit for bit. numba (extra `fast`) is several times faster; it compiles
at the first call, which takes a few seconds, and keeps that on disk.
"""

import functools
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from analogsim.draws import stream
from analogsim.draws.stream import Address, Floats, Table, UInts

Backend = Literal["numba", "numpy"]

WITHOUT_NUMBA = (
    "numba is not installed: the reproducible noise stream runs in plain numpy, with the same "
    "numbers and about ten times slower; install the extra: pip install 'analogsim-aimc[fast]'"
)


@functools.cache
def _compiled() -> ModuleType | None:
    try:
        from analogsim.draws import jit
    except ImportError:
        warnings.warn(WITHOUT_NUMBA, stacklevel=2)
        return None
    return jit


def backend() -> Backend:
    """Which implementation this process uses. Without numba it warns, once a process."""
    return "numpy" if _compiled() is None else "numba"


def integers(address: Address, count: int) -> UInts:
    """The integers of positions 0 to `count`, shape (count,); see `stream.integers`."""
    jit = _compiled()
    if jit is None:
        return stream.integers(address, 0, count)
    drawn = np.empty(-(-count // 4) * 4, dtype=np.uint32)
    jit.integers(drawn, 0, _words(address))
    return drawn[:count]


def normals(address: Address, count: int) -> Floats:
    """Standard normals of positions 0 to `count`, shape (count,), float32."""
    jit = _compiled()
    if jit is None:
        return stream.normals(address, 0, count)
    drawn = np.empty(-(-count // 4) * 4, dtype=np.float32)
    jit.normals(drawn, len(drawn), 0, _words(address))
    return drawn[:count]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A flat buffer and its noise as arrays, one row or element a tensor.

    Attributes:
        table: (tensors, 5): offset, size, word in the stream's counter, inner, kernel.
        sigma: (tensors,), where there are no `columns`.
        floor: (tensors,), the smallest noised value.
        columns: sigma of each element of the buffer, in memory order; empty if per tensor.
        multiplicative: sigma is relative to each value.
    """

    table: Table
    sigma: Floats
    floor: Floats
    columns: Floats
    multiplicative: bool


def noisy_(out: Tensor, clean: Tensor, layout: Layout, *, seed: int, trial: int) -> Tensor:
    """Write one noisy copy of `clean` (n,) into `out` (n,), both float32 on the CPU."""
    address = Address(seed=seed, tensor=0, trial=trial)
    jit = _compiled()
    target, source = out.numpy(), clean.numpy()
    if jit is None:
        _noisy_numpy(target, source, layout, address)
    else:
        jit.noisy(
            target,
            source,
            layout.table,
            layout.sigma,
            layout.floor,
            layout.columns,
            layout.multiplicative,
            _words(address),
        )
    return out


def _noisy_numpy(out: Floats, clean: Floats, layout: Layout, address: Address) -> None:
    for row, sigma, floor in zip(layout.table, layout.sigma, layout.floor, strict=True):
        offset, size, word, inner, kernel = (int(value) for value in row)
        part = slice(offset, offset + size)
        own = layout.columns[part] if layout.columns.size else np.full(1, sigma)
        if not own.any():
            out[part] = clean[part]
            continue
        w = clean[part]
        one = Address(seed=address.seed, tensor=word, trial=address.trial)
        z = stream.normals(one, 0, size)
        z = z.reshape(-1, inner, kernel).transpose(0, 2, 1).reshape(-1)
        y = w + (own * w if layout.multiplicative else own) * z
        y = np.where(y < floor, floor, y)
        out[part] = np.where(own == 0, w, y)


def _words(address: Address) -> UInts:
    return np.array(
        (address.tensor, address.trial, int(address.stream), *address.key), dtype=np.uint32
    )


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A run of a flat buffer with one sigma, or (None) one for each element."""

    start: int
    stop: int
    sigma: float | None


PIECE = 1 << 15
"""Elements of a piece: what is drawn is still in the cache when it is added."""


def pieces(spans: Iterable[tuple[int, int, float | None]]) -> tuple[Piece, ...]:
    """Cut consecutive spans (start, stop, sigma) into pieces of at most `PIECE` elements.

    Spans much shorter than a piece are joined, with a sigma for each element: the calls, and
    not the draws, would take the time.
    """
    joined: list[tuple[int, int, float | None]] = []
    for start, stop, sigma in spans:
        short = stop - start < PIECE // 8
        last = joined[-1] if joined else None
        if last and short and last[2] is None and stop - last[0] <= PIECE:
            joined[-1] = (last[0], stop, None)
        else:
            joined.append((start, stop, None if short else sigma))
    return tuple(
        Piece(start=at, stop=min(at + PIECE, stop), sigma=sigma)
        for start, stop, sigma in joined
        for at in range(start, stop, PIECE)
    )


def fast_noisy_(
    out: Tensor,
    clean: Tensor,
    spread: Tensor,
    plan: tuple[Piece, ...],
    generator: torch.Generator | None,
) -> Tensor:
    """As `noisy_`, additive and without floors, with draws of torch's own generator.

    `spread` is sigma of each element, float32 (n,).
    """
    for piece in plan:
        part = slice(piece.start, piece.stop)
        y, w = out[part], clean[part]
        if piece.sigma == 0:
            y.copy_(w)
            continue
        y.normal_(generator=generator)
        if piece.sigma is not None:
            torch.add(w, y, alpha=piece.sigma, out=y)
        else:
            torch.addcmul(w, y, spread[part], out=y)
            torch.where(spread[part] == 0, w, y, out=y)
    return out

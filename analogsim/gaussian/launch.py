"""Launching the noise kernels: tables on the GPU, one launch for all tensors and trials.

Importing this file needs Triton. It also runs under Triton's interpreter, on CPU tensors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analogsim.draws import kernels
from analogsim.draws.cpu import Layout
from analogsim.draws.stream import Stream
from analogsim.gaussian.flat import CHUNK, PAD, FlatWeights

BLOCK = 2048
"""Elements of one program: 16 normals a thread, 64 registers on sm_90."""

PERMUTED_BLOCK = 1024
"""Elements of one program of the kernel for channels_last weights: 88 registers on sm_90."""

COMPILE = {"num_warps": 4, "enable_fp_fusion": False}
"""Options of all kernels. What is to be fused is written so; Triton 3.9 warns if left to choose."""

PROGRAMS = 8192
"""Fewer programs than this leave a large GPU partly idle: the trials are then split too."""


def words(values: Sequence[int], device: torch.device) -> Tensor:
    """Unsigned 32-bit words as an int32 tensor with the same bits."""
    bits = np.array(values, dtype=np.uint32).view(np.int32)
    return torch.from_numpy(bits).to(device)


def key_words(seed: int, stream: Stream, device: torch.device) -> Tensor:
    """What the kernels call `key`: stream, and the halves of the seed."""
    return words((stream, seed & 0xFFFFFFFF, seed >> 32), device)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """One row a chunk of 64 elements, on the device of the flat buffer.

    Attributes:
        tensor: the counter's word.
        block: position div 4 of the chunk's first element.
        element, inner, kernel: of channels_last weights: the chunk's first element within its
            tensor, and the tensor's layout.
        sigma: one a chunk, or one an element (`by_column`).
        floor: the smallest noised value.
        multiplicative, by_column, some_zero, has_floor: which kernel is needed.
    """

    tensor: Tensor
    block: Tensor
    element: Tensor
    inner: Tensor
    kernel: Tensor
    sigma: Tensor
    floor: Tensor
    multiplicative: bool
    by_column: bool
    some_zero: bool
    has_floor: bool


def make_tables(flat: FlatWeights, layout: Layout) -> Tables:
    """The tables of a network and its noise."""
    chunks = flat.clean.numel() // CHUNK
    tensor = np.zeros(chunks, dtype=np.uint32)
    element = np.zeros(chunks, dtype=np.int32)
    inner, kernel = np.ones(chunks, dtype=np.int32), np.ones(chunks, dtype=np.int32)
    sigma, floor = np.zeros(chunks, dtype=np.float32), np.full(chunks, -np.inf, dtype=np.float32)
    some_zero = False
    for i, segment in enumerate(flat.segments):
        rows = slice(segment.offset // CHUNK, -(-(segment.offset + segment.size) // CHUNK))
        tensor[rows] = segment.tensor
        element[rows] = CHUNK * np.arange(rows.stop - rows.start)
        inner[rows], kernel[rows] = segment.inner, segment.kernel
        sigma[rows], floor[rows] = layout.sigma[i], layout.floor[i]
        own = layout.columns[segment.offset : segment.offset + segment.size]
        some_zero |= bool((own == 0).any() if own.size else layout.sigma[i] == 0)
    by_column = layout.columns.size > 0

    def move(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(flat.clean.device)

    return Tables(
        tensor=move(tensor.view(np.int32)),
        block=move(element // 4),
        element=move(element),
        inner=move(inner),
        kernel=move(kernel),
        sigma=move(layout.columns if by_column else sigma),
        floor=move(floor),
        multiplicative=layout.multiplicative,
        by_column=by_column,
        some_zero=some_zero,
        has_floor=bool(np.isfinite(floor).any()),
    )


def write_copies_(
    out: Tensor,
    flat: FlatWeights,
    tables: Tables,
    key: Tensor,
    trials: Tensor,
    *,
    blocks: tuple[int, int] = (BLOCK, PERMUTED_BLOCK),
) -> Tensor:
    """Write one noisy copy of the network's tensors a trial.

    Args:
        out: (trials, n) float32, bfloat16 or float16, contiguous; or (n,) for one trial.
        flat, tables: the network and its noise.
        key: from `key_words`.
        trials: trial numbers, int32 with the bits of the unsigned word, on the device.
        blocks: elements of one program, contiguous and channels_last; must divide 4096.
    """
    assert all(PAD % block == 0 for block in blocks), blocks
    assert out.is_contiguous()
    n, count = flat.clean.numel(), trials.numel()
    assert out.numel() == n * count, (out.shape, n, count)
    options = {
        "BY_COLUMN": tables.by_column,
        "MULTIPLICATIVE": tables.multiplicative,
        "SOME_ZERO": tables.some_zero,
        **COMPILE,
    }
    if flat.n_plain:
        grid, each = _grid(flat.n_plain // blocks[0], count)
        kernels.noise_kernel[grid](
            flat.clean,
            out,
            trials,
            key,
            tables.tensor,
            tables.block,
            tables.sigma,
            tables.floor,
            n,
            count,
            each,
            FLOOR=tables.has_floor,
            BLOCK=blocks[0],
            **options,
        )
    if n > flat.n_plain:
        grid, each = _grid((n - flat.n_plain) // blocks[1], count)
        kernels.permuted_kernel[grid](
            flat.clean,
            out,
            trials,
            key,
            tables.tensor,
            tables.element,
            tables.inner,
            tables.kernel,
            tables.sigma,
            flat.n_plain,
            n,
            count,
            each,
            BLOCK=blocks[1],
            **options,
        )
    return out


def integers(address: Sequence[int], count: int, device: torch.device, *, block: int) -> Tensor:
    """Raw integers of positions 0 to `count`, int32 with their bits, for tests.

    `address`: tensor, trial, stream, key low, key high. `count` is a multiple of `block`.
    """
    out = torch.empty(count, dtype=torch.int32, device=device)
    kernels.integers_kernel[count // block,](out, words(address, device), BLOCK=block, **COMPILE)
    return out


def _grid(blocks: int, trials: int) -> tuple[tuple[int, int], int]:
    """Programs (blocks, groups of trials), and how many trials each group has."""
    groups = min(trials, max(1, PROGRAMS // blocks))
    each = -(-trials // groups)
    return (blocks, -(-trials // each)), each

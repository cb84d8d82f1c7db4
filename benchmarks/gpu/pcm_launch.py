"""The flat buffers and tables of a PCM chip on a GPU, and the launches that drift it.

Importing this file needs Triton. It also runs under Triton's interpreter, on CPU tensors.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from analogsim.draws.stream import Stream
from analogsim.gaussian.flat import CHUNK, PAD, Segment
from analogsim.gaussian.launch import COMPILE, words

from . import pcm_kernels
from .pcm_law import Compensation, Moment, PcmTile

BLOCK = 1024
"""Elements of one program."""


class PcmLaunch:
    """Device buffers of a `PcmNetwork`; `drift_` writes the network's flat buffer `live`.

    All launches read `time` and `key` from device tensors, so that a captured graph replays
    them for another time or seed.

    Attributes:
        drifted: (n,) tile weights at the last time, before compensation.
        chunk_sum: (n / 64,) sums of |w| of `drifted`.
        alpha: (tiles,) the compensation in force.
        time, key: what the next launch uses.
    """

    def __init__(
        self,
        tiles: Sequence[PcmTile],
        homes: Sequence[Segment],
        live: Tensor,
        *,
        seed: int,
        chip: int,
        block: int = BLOCK,
    ) -> None:
        assert PAD % block == 0, block
        device = live.device
        self.live, self.block = live, block
        sizes = [tile.programmed.numel() for tile in tiles]
        chunks = [-(-size // CHUNK) for size in sizes]
        first = np.concatenate(([0], np.cumsum(chunks)[:-1]))
        n = -(-sum(chunks) * CHUNK // PAD) * PAD
        # Padding chunks belong to tile 0 beyond its end: they are computed and not stored.
        tile_of, place = np.zeros(n // CHUNK, np.int32), np.zeros(n // CHUNK, np.int32)
        place[sum(chunks) :] = -(-max(sizes) // CHUNK)
        for index, (start, count) in enumerate(zip(first, chunks, strict=True)):
            tile_of[start : start + count] = index
            place[start : start + count] = np.arange(count)

        def ints(values: Sequence[int] | np.ndarray) -> Tensor:
            return torch.from_numpy(np.asarray(values, np.int32)).to(device)

        def floats(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)

        def flat(parts: Sequence[Tensor]) -> Tensor:
            buffer = torch.zeros(n)
            for start, part in zip(first * CHUNK, parts, strict=True):
                buffer[start : start + part.numel()] = part.detach().cpu().reshape(-1)
            return buffer.to(device)

        self.programmed = flat([tile.programmed for tile in tiles])
        self.nu = flat([tile.nu for tile in tiles])
        self.drifted = torch.empty_like(self.programmed)
        self.chunk_sum = torch.empty(n // CHUNK, device=device)
        self.alpha = torch.ones(len(tiles), device=device)
        self.ones = torch.ones_like(self.alpha)
        self.time = torch.zeros(5, device=device)
        self.key = words((Stream.PCM_READ, seed & 0xFFFFFFFF, seed >> 32, chip), device)
        self.column_scale = torch.cat([tile.scale.detach().reshape(-1) for tile in tiles]).to(
            device
        )
        self.chunk_tile, self.chunk_block = ints(tile_of), ints(place * (CHUNK // 4))
        self.tensor = words([tile.tensor for tile in tiles], device)
        self.abs_max = floats([tile.abs_max for tile in tiles])
        self.baseline = floats([tile.baseline for tile in tiles])
        self.first_chunk, self.chunks, self.size = ints(first), ints(chunks), ints(sizes)
        self.columns = ints([tile.programmed.shape[1] for tile in tiles])
        self.first_column = ints([tile.first_column for tile in tiles])
        rows = [home.size // home.shape[0] for home in homes]
        self.row_stride = ints(rows)
        self.target = ints(
            [h.offset + t.first_row * row for t, h, row in zip(tiles, homes, rows, strict=True)]
        )
        self.scale_at = ints(_starts([tile.scale.numel() for tile in tiles]))
        self.inner = ints([home.inner for home in homes])
        self.kernel = ints([home.kernel for home in homes])

    def drift_(self, at: Moment, compensation: Compensation) -> None:
        """Set the time and what goes with it, and launch."""
        factor, exponent, most = at.q
        self.time.copy_(torch.tensor([at.log2_ratio, at.read, factor, -exponent, most]))
        self.launch_(compensation)

    def launch_(self, compensation: Compensation) -> None:
        """Drift all tiles at `time` with the draws of `key`, compensate, and place the weights."""
        grid = (self.drifted.numel() // self.block,)
        pcm_kernels.drift_kernel[grid](
            self.programmed,
            self.nu,
            self.drifted,
            self.chunk_sum,
            self.time,
            self.key,
            self.chunk_tile,
            self.chunk_block,
            self.tensor,
            self.abs_max,
            BLOCK=self.block,
            **COMPILE,
        )
        if compensation == "global":
            pcm_kernels.alpha_kernel[self.alpha.numel(),](
                self.chunk_sum,
                self.alpha,
                self.first_chunk,
                self.chunks,
                self.size,
                self.baseline,
                BLOCK=self.block,
                **COMPILE,
            )
        pcm_kernels.assemble_kernel[grid](
            self.drifted,
            self.live,
            self.alpha if compensation == "global" else self.ones,
            self.column_scale,
            self.chunk_tile,
            self.chunk_block,
            self.size,
            self.columns,
            self.first_column,
            self.row_stride,
            self.target,
            self.scale_at,
            self.inner,
            self.kernel,
            BLOCK=self.block,
            **COMPILE,
        )


def _starts(sizes: Sequence[int]) -> list[int]:
    return [sum(sizes[:i]) for i in range(len(sizes))]

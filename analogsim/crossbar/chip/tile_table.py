"""Where the tiles of some layers lie in flat buffers, and what they answer."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from analogsim.crossbar.chip.blocks import packed_groups
from analogsim.crossbar.chip.compensation import Reading
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.draws.stream import Table, tensor_index


@dataclass(frozen=True, kw_only=True)
class Means:
    """Means of |answers| to unit inputs, over the inputs of each output and over each tile."""

    by_output: NDArray[np.float64]
    by_tile: NDArray[np.float64]

    @classmethod
    def of(cls, outputs: int, tiles: int) -> Self:
        """Means that are to be filled."""
        return cls(by_output=np.empty(outputs), by_tile=np.empty(tiles))


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Consecutive tiles of a block, few enough to stay in the cache from one pass to the next.

    Attributes:
        tiles, weights, rows: which of the block.
        table: as the block's, with places of weights and rows within the piece.
    """

    tiles: slice
    weights: slice
    rows: slice
    table: Table

    def means(self) -> Means:
        """Means of the piece's answers, that are to be filled."""
        return Means.of(self.rows.stop - self.rows.start, len(self.table))

    def reading(self, before: Means, now: Means, *, by_output: bool) -> Reading:
        """The piece's answers; `before` are those of the whole block."""
        if by_output:
            start, end = before.by_output[self.rows], now.by_output
        else:
            start, end = before.by_tile[self.tiles], now.by_tile
        return Reading(before=torch.from_numpy(start), now=torch.from_numpy(end))


def pieces_of(table: Table, sizes: list[int], most: int) -> list[Piece]:
    """The tiles of a table in pieces of at most `most` weights, unless one tile is larger."""
    pieces = []
    for group in packed_groups(range(len(sizes)), sizes, most):
        tiles = slice(group[0], group[-1] + 1)
        own = table[tiles].copy()
        first, line = own[0, [0, 4]].tolist()
        cells, rows = int((own[:, 1] * own[:, 2]).sum()), int(own[:, 1].sum())
        own[:, 0] -= first
        own[:, 4] -= line
        pieces.append(
            Piece(
                tiles=tiles,
                weights=slice(first, first + cells),
                rows=slice(line, line + rows),
                table=own,
            )
        )
    return pieces


def table_of(layers: list[CrossbarLayer]) -> Table:
    """One row a tile, see `tile_jit.py`."""
    rows = []
    start = line = home = 0
    for layer in layers:
        geometry = layer.geometry
        # The weight of a two-dimensional convolution is channels_last: kernel before channels.
        kernel = geometry.kernel_size if geometry.kind == "conv2d" else 1
        width = geometry.in_features
        for tile in layer.tiles:
            slot, (height, columns) = tile.slot, tile.shape
            word = tensor_index(f"{layer.name}/{slot.index}")
            first_row = slot.group * geometry.out_features + slot.outputs.start
            place = (home + first_row * width, width, slot.inputs.start, kernel)
            rows.append((start, height, columns, word, line, *place))
            start, line = start + tile.numel, line + height
        home += geometry.groups * geometry.out_features * width
    return np.array(rows, dtype=np.int64)

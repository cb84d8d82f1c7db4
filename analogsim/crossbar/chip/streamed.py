"""Tiles on the reproducible stream: programming and drift in one compiled pass each.

The law is that of `PcmFusedLaw`; the draws are others. A draw's address is (root seed, purpose,
chip, time), which makes the key, and (layer, tile), draw and position, which make the counter:
threads, blocks, order and other tiles decide nothing. Needs numba; see `pcm_jit.py`.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from analogsim.crossbar.chip.blocks import BLOCK, gathered, packed_groups, share_
from analogsim.crossbar.chip.compensation import Method, compensate_
from analogsim.crossbar.chip.effects import ChipEffects
from analogsim.crossbar.chip.stream_settings import (
    THE_WEIGHTS,
    Moment,
    compiled,
    edge_of,
    moment,
    programming_of,
    words,
)
from analogsim.crossbar.chip.tile_table import Means, pieces_of, table_of
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.stream import Floats, Stream, Table
from device_models.contract import FusedLaw
from device_models.laws.pcm_fused import PcmFusedLaw

_NO_FLOATS: Floats = np.empty(0, dtype=np.float32)
_NO_MEANS = Means.of(0, 0)


@dataclass(kw_only=True)
class StreamedBlock:
    """All tiles of some layers in flat buffers, tile after tile. The tiles' tensors are views.

    Attributes:
        layers: one or several, of one periphery.
        table: one row a tile, see `tile_jit.py`.
        direct: whether drifts fill the engines' weights themselves, without `refresh_`; the tiles'
            present weights are then computed again where somebody asks.
        programmed, nu: (n,), weights and drift exponents after programming.
        largest: (tiles,), the largest programmed |weight| of each.
        baselines: what the tiles answered after programming, by reference.
    """

    layers: list[CrossbarLayer]
    table: Table
    direct: bool
    programmed: Tensor = field(default_factory=lambda: torch.empty(0))
    nu: Tensor = field(default_factory=lambda: torch.empty(0))
    largest: Tensor = field(default_factory=lambda: torch.empty(0))
    baselines: dict[str, Means] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tiles: list[TileState] = [tile for layer in self.layers for tile in layer.tiles]
        self.sizes = [tile.numel for tile in self.tiles]
        self.layer_sizes = [layer.numel for layer in self.layers]
        self.rows = sum(tile.shape[0] for tile in self.tiles)
        self.pieces = pieces_of(self.table, self.sizes, BLOCK)

    def program_(self, law: FusedLaw, effects: ChipEffects) -> "StreamedBlock":
        """Program the tiles from their targets."""
        assert isinstance(law, PcmFusedLaw)
        assert not effects, "check_stream refuses them"
        target = self._targets()
        self.programmed, self.nu = torch.empty_like(target), torch.empty_like(target)
        self.largest = torch.empty(len(self.table))
        compiled().program(
            self.programmed.numpy(),
            self.nu.numpy(),
            self.largest.numpy(),
            target.numpy(),
            self.table,
            programming_of(law),
            words(Stream.PCM_PROGRAM, effects.seed, "program", effects.chip),
        )
        self.baselines = {}
        share_(self.tiles, self.programmed, self.nu, self.sizes)
        return self

    def drift_(
        self, law: FusedLaw, effects: ChipEffects, t_s: float, method: Method | None
    ) -> "StreamedBlock":
        """Move the tiles to a time; and compensate them, if by a `method`."""
        assert isinstance(law, PcmFusedLaw)
        assert not effects, "check_stream refuses them"
        if not len(self.programmed):
            self._gather_()
        at = moment(law, effects.seed, effects.chip, t_s)
        before = self._baseline(method, effects.seed, effects.chip)
        by_output = method is not None and method.reading == "column"
        home = torch.empty(len(self.programmed) if self.direct else 0)
        factors = self._factors() if self.direct else _NO_FLOATS
        programmed, nu, largest = self.programmed.numpy(), self.nu.numpy(), self.largest.numpy()
        edge = edge_of(self.layers[0].periphery)
        for piece in self.pieces:
            start, stop = piece.tiles.start, piece.tiles.stop
            tiles = self.tiles[start:stop]
            weights = torch.empty(piece.weights.stop - piece.weights.start)
            now = piece.means() if before else _NO_MEANS
            compiled().drift(
                weights.numpy(),
                now.by_output,
                now.by_tile,
                programmed[piece.weights],
                nu[piece.weights],
                largest[piece.tiles],
                piece.table,
                at.law,
                at.words,
                edge,
                at.read_words,
            )
            parts = () if self.direct else weights.split_with_sizes(self.sizes[start:stop])
            for index, tile in enumerate(tiles):
                part = parts[index].view(tile.shape) if parts else None
                tile.hold_(part, again=functools.partial(self._weights, start + index, at))
            if method and before:
                reading = piece.reading(before, now, by_output=by_output)
                alphas = compensate_(tiles, reading, method)
            else:
                alphas = torch.ones(len(tiles))
            if self.direct:
                compiled().place(
                    home.numpy(),
                    weights.numpy(),
                    piece.table,
                    alphas.numpy(),
                    by_output,
                    factors[piece.rows],
                )
        if self.direct:
            self._hand_over_(home)
        return self

    def let_go_(self) -> "StreamedBlock":
        """Nothing: a drift keeps nothing for the next one."""
        return self

    def _weights(self, index: int, at: Moment) -> Tensor:
        """(out, in): what tile `index` holds at a time, drawn again."""
        tile = self.tiles[index]
        assert tile.origin is not None, "program() comes first"
        row = self.table[index : index + 1].copy()
        row[0, 0] = row[0, 4] = 0
        out = torch.empty(tile.shape)
        compiled().drift(
            out.view(-1).numpy(),
            _NO_MEANS.by_output,
            _NO_MEANS.by_tile,
            tile.origin.view(-1).numpy(),
            self.nu.split_with_sizes(self.sizes)[index].numpy(),
            self.largest[index : index + 1].numpy(),
            row,
            at.law,
            at.words,
            THE_WEIGHTS,
            at.read_words,
        )
        return out

    def _targets(self) -> Tensor:
        """(n,)."""
        return torch.cat([tile.target.reshape(-1) for tile in self.tiles])

    def _baseline(self, method: Method | None, seed: int, chip: int) -> Means | None:
        """What a compensation starts from; None without one."""
        if method is None or method.reading == "none":
            return None
        reference = "target" if method.reading == "exact" else "programmed"
        if reference not in self.baselines:
            means = Means.of(self.rows, len(self.tiles))
            weights, edge = self.programmed, edge_of(self.layers[0].periphery)
            if method.reading == "exact":
                weights, edge = self._targets(), THE_WEIGHTS
            address = words(Stream.READ_OUT, seed, "baseline", chip)
            compiled().answers(
                means.by_output, means.by_tile, weights.numpy(), self.table, edge, address
            )
            self.baselines[reference] = means
        return self.baselines[reference]

    def _factors(self) -> Floats:
        """(rows,): what each output is multiplied with, but for its alpha."""
        factors = [_engine(layer).row_factors(layer).numpy() for layer in self.layers]
        return factors[0] if len(factors) == 1 else np.concatenate(factors)

    def _hand_over_(self, home: Tensor) -> None:
        """Give the engines their layers' weights."""
        parts = home.split_with_sizes(self.layer_sizes)
        for layer, part in zip(self.layers, parts, strict=True):
            _engine(layer).take_(_in_memory_order(part, layer.geometry))

    def _gather_(self) -> None:
        """Fill the buffers from the tiles, after a chip was read from a file."""
        self.programmed, self.nu = gathered(self.tiles)
        parts = self.programmed.split_with_sizes(self.sizes)
        self.largest = torch.stack([p.abs().max().clamp(min=compiled().SMALLEST) for p in parts])
        share_(self.tiles, self.programmed, self.nu, self.sizes)


def streamed_blocks(layers: Iterable[CrossbarLayer], *, direct: bool) -> list[StreamedBlock]:
    """Consecutive layers in blocks, the largest block first, so that threads share evenly."""
    listed = list(layers)
    groups = packed_groups(listed, [layer.numel for layer in listed], BLOCK)
    blocks = [StreamedBlock(layers=g, table=table_of(g), direct=direct) for g in groups]
    return sorted(blocks, key=lambda block: -sum(block.sizes))


def _engine(layer: CrossbarLayer) -> PerfectEngine:
    assert isinstance(layer.engine, PerfectEngine), "only weights of these are filled directly"
    return layer.engine


def _in_memory_order(home: Tensor, geometry: Geometry) -> Tensor:
    """`home` as the layer's weight; a two-dimensional convolution's is channels_last."""
    if geometry.kind != "conv2d":
        return home.view(geometry.weight_shape)
    outputs, channels, *kernel = geometry.weight_shape
    return home.view(outputs, *kernel, channels).permute(0, 3, 1, 2)

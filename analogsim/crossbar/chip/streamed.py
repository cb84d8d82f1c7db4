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
from numpy.typing import NDArray
from torch import Tensor

from analogsim.crossbar.chip.blocks import BLOCK, packed_groups
from analogsim.crossbar.chip.compensation import SMALLEST_ANSWER, Compensation
from analogsim.crossbar.chip.stream_settings import (
    THE_WEIGHTS,
    Moment,
    compiled,
    edge_of,
    moment,
    programming_of,
    words,
)
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer, TileState
from analogsim.draws.stream import Floats, Stream, Table, tensor_index
from device_models.contract import FusedLaw
from device_models.laws.pcm_fused import PcmFusedLaw

Sums = NDArray[np.float64]

_NO_FLOATS: Floats = np.empty(0, dtype=np.float32)
_NO_SUMS: Sums = np.empty(0, dtype=np.float64)


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
        baselines: (rows,), sums over the inputs of each output's |answers|, by reference.
    """

    layers: list[CrossbarLayer]
    table: Table
    direct: bool
    programmed: Tensor = field(default_factory=lambda: torch.empty(0))
    nu: Tensor = field(default_factory=lambda: torch.empty(0))
    largest: Tensor = field(default_factory=lambda: torch.empty(0))
    baselines: dict[str, Sums] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tiles: list[TileState] = [tile for layer in self.layers for tile in layer.tiles]
        self.sizes = [tile.numel for tile in self.tiles]
        self.rows = sum(tile.shape[0] for tile in self.tiles)

    def program_(self, law: FusedLaw, seed: int, chip: int) -> "StreamedBlock":
        """Program the tiles from their targets; alphas are 1 again."""
        assert isinstance(law, PcmFusedLaw)
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
            words(Stream.PCM_PROGRAM, seed, "program", chip),
        )
        self.baselines = {}
        self._share_()
        for tile in self.tiles:
            assert tile.programmed is not None
            tile.weights, tile.alpha = tile.programmed, torch.ones(1)
        return self

    def drift_(
        self, law: FusedLaw, seed: int, chip: int, t_s: float, compensation: Compensation
    ) -> "StreamedBlock":
        """Move the tiles to a time and set their compensation."""
        assert isinstance(law, PcmFusedLaw)
        if not len(self.programmed):
            self._gather_()
        at = moment(law, seed, chip, t_s)
        n = len(self.programmed)
        out, home = (0, n) if self.direct else (n, 0)
        weights, taken, alphas = torch.empty(out), torch.empty(home), torch.ones(self.rows)
        compiled().drift(
            weights.numpy(),
            taken.numpy(),
            alphas.numpy(),
            self.programmed.numpy(),
            self.nu.numpy(),
            self.largest.numpy(),
            self.table,
            at.law,
            at.words,
            self._baseline(compensation, seed, chip),
            SMALLEST_ANSWER,
            compensation == "column",
            edge_of(self.layers[0].periphery),
            at.read_words,
            self._factors() if self.direct else _NO_FLOATS,
        )
        lengths = [tile.shape[0] for tile in self.tiles]
        for tile, alpha in zip(self.tiles, alphas.split_with_sizes(lengths), strict=True):
            tile.alpha = alpha if compensation == "column" else alpha[:1]
        if self.direct:
            self._hand_over_(taken)
        parts = weights.split_with_sizes([] if self.direct else self.sizes)
        for index, tile in enumerate(self.tiles):
            part = parts[index].view(tile.shape) if parts else None
            tile.hold_(part, functools.partial(self._weights, index, at))
        return self

    def let_go_(self) -> "StreamedBlock":
        """Nothing: a drift keeps nothing for the next one."""
        return self

    def _weights(self, index: int, at: Moment) -> Tensor:
        """(out, in): what tile `index` holds at a time, drawn again."""
        tile = self.tiles[index]
        assert tile.programmed is not None, "program() comes first"
        row = self.table[index : index + 1].copy()
        row[0, 0] = row[0, 4] = 0
        out = torch.empty(tile.shape)
        compiled().drift(
            out.view(-1).numpy(),
            _NO_FLOATS,
            _NO_FLOATS,
            tile.programmed.view(-1).numpy(),
            self.nu.split_with_sizes(self.sizes)[index].numpy(),
            self.largest[index : index + 1].numpy(),
            row,
            at.law,
            at.words,
            _NO_SUMS,
            SMALLEST_ANSWER,
            False,
            THE_WEIGHTS,
            at.read_words,
            _NO_FLOATS,
        )
        return out

    def _targets(self) -> Tensor:
        """(n,)."""
        return torch.cat([tile.target.reshape(-1) for tile in self.tiles])

    def _baseline(self, kind: Compensation, seed: int, chip: int) -> Sums:
        """What a compensation starts from; empty without one."""
        if kind == "none":
            return _NO_SUMS
        reference = "target" if kind == "exact" else "programmed"
        if reference not in self.baselines:
            sums = np.empty(self.rows)
            weights, edge = self.programmed, edge_of(self.layers[0].periphery)
            if kind == "exact":
                weights, edge = self._targets(), THE_WEIGHTS
            address = words(Stream.READ_OUT, seed, "baseline", chip)
            compiled().answers(sums, weights.numpy(), self.table, edge, address)
            self.baselines[reference] = sums
        return self.baselines[reference]

    def _factors(self) -> Floats:
        """(rows,): what each output is multiplied with, but for its alpha."""
        factors = [_engine(layer).row_factors(layer).numpy() for layer in self.layers]
        return factors[0] if len(factors) == 1 else np.concatenate(factors)

    def _hand_over_(self, home: Tensor) -> None:
        """Give the engines their layers' weights."""
        sizes = [layer.numel for layer in self.layers]
        for layer, part in zip(self.layers, home.split_with_sizes(sizes), strict=True):
            _engine(layer).take_(_in_memory_order(part, layer.geometry))

    def _gather_(self) -> None:
        """Fill the buffers from the tiles, after a chip was read from a file."""
        programmed, nu, largest = [], [], []
        for tile in self.tiles:
            assert tile.programmed is not None, "program() comes first"
            positive, negative = tile.drift_parameters
            assert positive is not None
            assert negative is not None
            programmed.append(tile.programmed.reshape(-1))
            nu.append(torch.where(tile.programmed >= 0, positive, negative).reshape(-1))
            largest.append(tile.programmed.abs().max().clamp(min=compiled().SMALLEST))
        self.programmed, self.nu = torch.cat(programmed), torch.cat(nu)
        self.largest = torch.stack(largest)
        self._share_()

    def _share_(self) -> None:
        """Make the tiles' own tensors views of the block's."""
        parts = self.programmed.split_with_sizes(self.sizes)
        exponents = self.nu.split_with_sizes(self.sizes)
        for tile, part, own in zip(self.tiles, parts, exponents, strict=True):
            tile.programmed = part.view(tile.shape)
            # One device of each pair is left, as in `blocks.py`.
            tile.drift_parameters = [own.view(tile.shape)] * 2


def streamed_blocks(layers: Iterable[CrossbarLayer], *, direct: bool) -> list[StreamedBlock]:
    """Consecutive layers in blocks, the largest block first, so that threads share evenly."""
    listed = list(layers)
    groups = packed_groups(listed, [layer.numel for layer in listed], BLOCK)
    blocks = [StreamedBlock(layers=g, table=_table(g), direct=direct) for g in groups]
    return sorted(blocks, key=lambda block: -sum(block.sizes))


def _engine(layer: CrossbarLayer) -> PerfectEngine:
    assert isinstance(layer.engine, PerfectEngine), "only weights of these are filled directly"
    return layer.engine


def _table(layers: list[CrossbarLayer]) -> Table:
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


def _in_memory_order(home: Tensor, geometry: Geometry) -> Tensor:
    """`home` as the layer's weight; a two-dimensional convolution's is channels_last."""
    if geometry.kind != "conv2d":
        return home.view(geometry.weight_shape)
    outputs, channels, *kernel = geometry.weight_shape
    return home.view(outputs, *kernel, channels).permute(0, 3, 1, 2)

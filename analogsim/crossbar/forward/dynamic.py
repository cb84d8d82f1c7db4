"""Dynamic input scaling: each vector of inputs has the range of its own largest value.

A pixel then has another DAC code in each patch that it is a part of, so that patches are laid out
and multiplied: a few images at a time, which stay in the cache from the first pass to the last.
Columns are in the order (kernel, channel) that images have in memory.

As on aihwkit's C++ tile a vector whose outputs reach the bound is computed again at half the
scale, until none does (iterative bound management); vectors of zeros give exactly zero. aihwkit's
torch tile does that for the whole batch at once.
"""

import numpy as np
import torch
from torch import Tensor, nn

from analogsim.crossbar.forward.native import add_noise_
from analogsim.crossbar.forward.packed import is_differentiated
from analogsim.crossbar.forward.patches import Columns, Patches, compiled
from analogsim.crossbar.forward.unit_inputs import read_out
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer, Engine
from analogsim.crossbar.mapping.periphery import Periphery, step
from analogsim.crossbar.mapping.product_law import NOTHING, WIRE_RATIO, ProductLaw, drop_of, places
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.stream import Floats, Stream

MOST_REDUCTION = 1000
"""Of an input's scale in all, at most, and `MOST_STEPS` times the DAC's step (aihwkit)."""
MOST_STEPS = 0.25

_NUMBERS = 1 << 18
"""Numbers of the patches of a few images: as many as stay in a core's cache."""

_BLOCK = 2048
"""Outputs that are finished together: they stay in the innermost cache."""


class DynamicEngine(Engine):
    """DAC with a range a vector, partial products, output noise, bounds and ADC."""

    where: Tensor
    bias: Tensor | None

    def __init__(self, law: ProductLaw = NOTHING) -> None:
        super().__init__()
        self.law = law
        self.register_buffer("where", torch.empty(0), persistent=False)
        self.register_buffer("bias", None, persistent=False)
        self.tiles = nn.ModuleList()

    def load_(self, layer: CrossbarLayer) -> None:
        """Take over the tiles' weights and alphas."""
        gain, offset = layer.affine()
        gains = gain.reshape(layer.geometry.groups, -1)
        self.tiles = nn.ModuleList(
            _Tile(layer.geometry, layer.periphery, self.law, tile, gains).to(self.where.device)
            for tile in layer.tiles
        )
        self.bias = None if offset is None else offset.to(self.where.device)

    def read_out(
        self, layer: CrossbarLayer, index: int, weights: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Unit inputs through DAC, output noise and ADC: their range is 1."""
        return read_out(weights, layer.periphery, generator)

    def forward(self, layer: CrossbarLayer, x: Tensor) -> Tensor:
        """The sum of the tiles' outputs, digital bias included."""
        patches = Patches(layer.geometry, x)
        outputs = layer.geometry.groups * layer.geometry.out_features
        y = x.new_empty(patches.vectors, outputs)
        tiles = [tile for tile in self.tiles if isinstance(tile, _Tile)]
        widest = max(tile.columns.width for tile in tiles)
        for part in patches.parts(max(1, _NUMBERS // widest)):
            found = y[part]
            found[:] = 0.0 if self.bias is None else self.bias
            for tile in tiles:
                tile.add_(y, patches, part)
        return patches.image(y)


class _Tile(nn.Module):
    """What one tile makes of vectors of inputs."""

    weights: Tensor
    sizes: Tensor
    factor: Tensor
    spread: Tensor

    def __init__(
        self,
        geometry: Geometry,
        periphery: Periphery,
        law: ProductLaw,
        tile: TileState,
        gains: Tensor,
    ) -> None:
        super().__init__()
        slot, law_read = tile.slot, law.read
        self.columns = Columns.of(geometry, slot.group, slot.inputs)
        first = slot.group * geometry.out_features
        self.outputs = slice(first + slot.outputs.start, first + slot.outputs.stop)
        self._count = slot.outputs.stop - slot.outputs.start
        self.dac = step(periphery.dac_bits, 1.0) if periphery.dac_bits else 0.0
        self.adc = bool(periphery.adc_bits)
        unit = self.dac or 1.0
        adc = step(periphery.adc_bits, periphery.output_bound) if self.adc else 1.0
        self.noise = periphery.output_noise / adc
        self.bound = periphery.output_bound / adc
        n, order = self.columns.width, self.columns.order
        weights = tile.weights[:, order] * (unit / adc)
        self.drops = law.ir_drop > 0
        if self.drops:
            share = places(n)[order] * law.ir_drop
            weights = torch.cat([weights, weights * share])
        self.register_buffer("weights", weights.T.contiguous(), persistent=False)
        self.current_unit = unit * n / WIRE_RATIO
        self.read = None if law_read is None else law_read.law
        sizes = torch.empty(0)
        if self.drops or self.read == "root":
            sizes = tile.cells[:, order].abs().T.contiguous()
        self.register_buffer("sizes", sizes, persistent=False)
        sigma = 0.0 if law_read is None else law_read.sigma
        spread = (tile.gain.reshape(-1) * (sigma * unit / adc)).square()
        self.register_buffer("spread", spread, persistent=False)
        # For as many vectors as are finished together: their normals fill whole words.
        rows = max(1, _BLOCK // self._count // 4) * 4
        self._repeated: Floats = np.tile(spread.expand(self._count).numpy(), rows)
        factor = tile.behind_adc * adc * gains[slot.group, slot.outputs]
        self.register_buffer("factor", factor, persistent=False)
        self.most = min(MOST_REDUCTION, MOST_STEPS / unit) if self.dac else MOST_REDUCTION

    def add_(self, total: Tensor, patches: Patches, part: slice) -> Tensor:
        """Add what the vectors `part` give to `total` (vectors, outputs of the layer)."""
        codes, ranges = patches.lay_out(part, self.columns, self.dac)
        if patches.fast:
            left = self._finish_(total, part, codes, ranges)
        else:
            y = self._convert(codes)
            beyond = (y.detach().abs() > self.bound).any(dim=1, keepdim=True)
            beyond &= self.most >= 1
            y = torch.where(beyond, 0.0, y.clamp(-self.bound, self.bound))
            total[part, self.outputs] += y * (ranges * self.factor)
            left = beyond.nonzero()[:, 0]
        if len(left):
            found = self._again(patches.lay_out(part, self.columns, 0.0)[0][left])
            rows = torch.arange(part.start, part.stop, device=left.device)[left, None]
            columns = torch.arange(self.outputs.start, self.outputs.stop, device=left.device)
            total[rows, columns] += found * (ranges[left] * self.factor)
        return total

    def _again(self, vectors: Tensor) -> Tensor:
        """Outputs of vectors in units of their range, at half the scale and less."""
        reduction, y = 1.0, vectors.new_empty(len(vectors), self._count)
        left = torch.arange(len(vectors), device=vectors.device)
        while len(left) and reduction <= self.most:
            reduction *= 2.0
            codes = vectors[left] / (reduction * (self.dac or 1.0))
            found = self._convert(codes.round_() if self.dac else codes)
            y[left] = found.clamp(-self.bound, self.bound) * reduction
            left = left[(found.abs() > self.bound).any(dim=1)]
        return y

    def _finish_(self, total: Tensor, part: slice, codes: Tensor, ranges: Tensor) -> Tensor:
        """Add outputs to `total` in one compiled pass; numbers of the vectors that are left out."""
        jit = compiled()
        assert jit is not None, "fast says so"
        y, current, moment = self._products(codes)
        left = np.empty(len(codes), dtype=np.int64)
        noisy = self.noise > 0 or self.read is not None
        key = int(torch.randint(1 << 62, ())) if noisy else 0
        words = np.array((0, 0, int(Stream.OUTPUT), key & 0xFFFFFFFF, key >> 32), dtype=np.uint32)
        none = np.empty((0, self._count), dtype=np.float32)
        count = jit.finish(
            total.view(-1).numpy(), part.start, total.shape[1], self.outputs.start, y.numpy(),
            none if current is None else current.numpy(),
            none if moment is None else moment.expand(-1, self._count).contiguous().numpy(),
            ranges.view(-1).numpy(), np.float32(self.current_unit), np.float32(self.noise),
            self._repeated, self.factor.numpy(), np.float32(self.bound), self.adc,
            self.most >= 1, words, left,
        )  # fmt: skip
        return torch.from_numpy(left[:count])

    def _products(self, codes: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Sums, with what a full drop takes behind them; currents; and sums of variances.

        `codes` may be overwritten.
        """
        y, current, moment = codes @ self.weights, None, None
        free = codes.clone() if is_differentiated(codes) else codes
        if self.drops:
            current = free.abs_() @ self.sizes
        if self.read is not None:
            squares = free.square_()
            moment = squares @ self.sizes if self.read == "root" else squares.sum(1, keepdim=True)
        return y, current, moment

    def _convert(self, codes: Tensor) -> Tensor:
        """(vectors, outputs) in steps of the ADC, unbounded; `codes` may be overwritten."""
        y, current, moment = self._products(codes)
        if current is not None:
            y, dropped = y[:, : self._count], y[:, self._count :]
            y = y - drop_of(current * self.current_unit) * dropped
        if moment is not None:
            y = add_noise_(y, (moment * self.spread).add_(self.noise**2).sqrt_())
        elif self.noise > 0:
            y = add_noise_(y, self.noise)
        return y.round_() if self.adc else y

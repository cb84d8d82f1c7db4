"""Dynamic input scaling: each vector of inputs has the range of its own largest value.

A pixel then has another DAC code in each patch that it is a part of, so that patches are laid out
and multiplied: a few images at a time, which stay in the cache from the first pass to the last.
Columns are in the order (kernel, channel) that images have in memory.

As on aihwkit's C++ tile a vector whose outputs reach the bound is computed again at half the
scale, until none does (iterative bound management); vectors of zeros give exactly zero. aihwkit's
torch tile does that for the whole batch at once.
"""

import torch
from torch import Tensor, nn

from analogsim.crossbar.forward.native import add_noise_, read_out
from analogsim.crossbar.forward.packed import is_differentiated
from analogsim.crossbar.forward.patches import Columns, Patches
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer, Engine
from analogsim.crossbar.mapping.periphery import Periphery, step
from analogsim.crossbar.mapping.product_law import (
    NOTHING,
    WIRE_RATIO,
    ProductLaw,
    drop_of,
    places,
)
from analogsim.crossbar.mapping.tile import TileState

MOST_REDUCTION = 1000
"""Of an input's scale in all, at most, and `MOST_STEPS` times the DAC's step (aihwkit)."""
MOST_STEPS = 0.25

_NUMBERS = 1 << 18
"""Numbers of the patches of a few images: as many as stay in a core's cache."""


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
        widest = max(tile.columns.width for tile in self.tiles)
        for part in patches.parts(max(1, _NUMBERS // widest)):
            found = y[part]
            found[:] = 0.0 if self.bias is None else self.bias
            for tile in self.tiles:
                found[:, tile.outputs] += tile.forward(patches, part)
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
        factor = tile.behind_adc * adc * gains[slot.group, slot.outputs]
        self.register_buffer("factor", factor, persistent=False)
        self.most = min(MOST_REDUCTION, MOST_STEPS / unit) if self.dac else MOST_REDUCTION

    def forward(self, patches: Patches, part: slice) -> Tensor:
        """(vectors, outputs) of the vectors `part`, in the digital side's unit."""
        codes, ranges = patches.lay_out(part, self.columns, self.dac)
        y = self._convert(codes)
        reduction, left = 1.0, self._clipped(y)
        vectors = y[:0]
        while len(left) and reduction <= self.most:
            if reduction == 1:
                vectors = patches.lay_out(part, self.columns, 0.0)[0]
            reduction *= 2.0
            codes = vectors[left] / (reduction * (self.dac or 1.0))
            again = self._convert(codes.round_() if self.dac else codes)
            still = self._clipped(again)
            y[left] = again * reduction
            left = left[still]
        return y * (ranges * self.factor)

    def _convert(self, codes: Tensor) -> Tensor:
        """(vectors, outputs) in steps of the ADC; `codes` may be overwritten."""
        y = codes @ self.weights
        moment: Tensor | None = None
        free = codes if not is_differentiated(codes) else codes.clone()
        if self.drops:
            y, dropped = y.split(self._count, dim=1)
            current = free.abs_() @ self.sizes
            y = y - drop_of(current.mul_(self.current_unit)).mul_(dropped)
        if self.read is not None:
            squares = free.square_()
            moment = squares @ self.sizes if self.read == "root" else squares.sum(1, keepdim=True)
            noise = torch.randn(y.shape, dtype=y.dtype, device=y.device)
            y = y.addcmul_(noise, (moment * self.spread).add_(self.noise**2).sqrt_())
        elif self.noise > 0:
            y = add_noise_(y, self.noise)
        # Where the bound is a limit of an ADC, its largest code is the bound.
        return y.round_() if self.adc else y

    def _clipped(self, y: Tensor) -> Tensor:
        """Numbers of the vectors with an output beyond the bound; `y` is brought back to it."""
        beyond = (y.detach().abs() > self.bound).any(dim=1).nonzero()[:, 0]
        y.clamp_(-self.bound, self.bound)
        return beyond

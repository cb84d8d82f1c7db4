"""The forward pass on the network's own convolutions and products.

Exact for an ideal periphery: a tile then multiplies with its weights, and products are linear.
Exact up to one-step ties of the converters for static input ranges: the range belongs to a
tile's inputs and not to a patch, so that each pixel has one DAC code wherever it is used.
Dynamic scaling gives one pixel different codes in different patches; only the tile does that.

A BatchNorm that follows a layer, and is computed in digital, is one factor and one offset an
output: it joins the factor of scale, range and drift compensation that the digital side applies
anyway.
"""

import torch
from torch import Tensor, nn

from analogsim.crossbar.forward.array_terms import ArrayTerms
from analogsim.crossbar.forward.converter import Converter, usable
from analogsim.crossbar.forward.input_stage import InputStage
from analogsim.crossbar.forward.packed import Product, channels_last
from analogsim.crossbar.forward.unit_inputs import read_out
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer, Engine
from analogsim.crossbar.mapping.periphery import step
from analogsim.crossbar.mapping.product_law import NOTHING, ProductLaw
from analogsim.crossbar.mapping.tile import TileState


class PerfectEngine(Engine):
    """Weights only: one digital product with the tiles' effective weights."""

    bias: Tensor | None

    def __init__(self, *, as_given: bool = False) -> None:
        """With `as_given` of the weights before they were cut into parts."""
        super().__init__()
        self._as_given = as_given
        self.register_buffer("bias", None, persistent=False)
        # Column scale times BatchNorm's gain, (rows of all tiles,), until `forget_`.
        self._factors: Tensor | None = None
        self._loaded = False
        self.product = Product()

    def forget_(self) -> None:
        """Take the layer's gain and offset anew when loading."""
        self._factors = None

    def put_off_(self, layer: CrossbarLayer) -> None:
        """Load at the next forward pass."""
        self._loaded = False
        self.product.take_(torch.empty(0))

    def row_factors(self, layer: CrossbarLayer) -> Tensor:
        """(rows,): column scale times gain of the places' outputs, place after place."""
        if self._factors is None:
            gain, offset = layer.affine()
            groups = gain.reshape(layer.geometry.groups, -1)
            self._factors = torch.cat(
                [
                    tile.scale.reshape(-1) * groups[tile.slot.group, tile.slot.outputs]
                    for tile, *_ in layer.places
                ]
            )
            where = self.product.weight
            self.bias = None if offset is None else offset.to(where.device, where.dtype)
        return self._factors

    def load_(self, layer: CrossbarLayer) -> None:
        """Assemble the layer's weight from its tiles, drift compensation and BatchNorm included."""
        rows = [place[0].shape[0] for place in layer.places]
        factors = self.row_factors(layer).split_with_sizes(rows)
        weight = layer.assemble(
            [self._of(layer, *each) for each in zip(layer.places, factors, strict=True)]
        )
        self.take_(channels_last(weight))

    def _of(self, layer: CrossbarLayer, place: list[TileState], factor: Tensor) -> Tensor:
        if place[0].part is None:
            return place[0].present_times(factor)
        if self._as_given:
            return place[0].given * factor[:, None]
        return layer.joined(place, lambda tile: tile.present) * factor[:, None]

    def take_(self, weight: Tensor) -> None:
        """Compute with `weight`, shaped as torch's, with all factors in it."""
        self.product.take_(weight)
        self._loaded = True

    def read_out(
        self, layer: CrossbarLayer, index: int, weights: Tensor, generator: torch.Generator
    ) -> Tensor:
        """The weights themselves."""
        return weights

    def ready_(self, layer: CrossbarLayer, *, unpacked: bool = False) -> None:
        """Load what was put off; `unpacked` for a compiled pass."""
        if not self._loaded:
            with torch.inference_mode(False), torch.no_grad():
                self.load_(layer)
        if unpacked:
            self.product.unpack_()

    def forward(self, layer: CrossbarLayer, x: Tensor) -> Tensor:
        """The product, digital bias included."""
        # A network that only makes chips never computes, and needs no copy of its weights.
        self.ready_(layer)
        return self.product.forward(layer.geometry, x, self.bias)


class StaticEngine(Engine):
    """DAC, partial products, output noise, bounds and ADC with static input ranges.

    Where the law of the products has IR drop or read noise, these are products, too.
    """

    where: Tensor

    def __init__(self, law: ProductLaw = NOTHING) -> None:
        super().__init__()
        self.law = law
        # An empty buffer that follows the module from device to device.
        self.register_buffer("where", torch.empty(0), persistent=False)
        self.splits = nn.ModuleList()

    def put_off_(self, layer: CrossbarLayer) -> None:
        """Build the products at the next forward pass."""
        self.splits = nn.ModuleList()

    def load_(self, layer: CrossbarLayer) -> None:
        """Build one partial product for each split of the inputs."""
        gain, offset = layer.affine()
        starts = sorted({tile.slot.inputs.start for tile in layer.tiles})
        # The first split adds the offset.
        self.splits = nn.ModuleList(
            _Split(layer, self.law, start, gain, None if i else offset).to(self.where.device)
            for i, start in enumerate(starts)
        )

    def read_out(
        self, layer: CrossbarLayer, index: int, weights: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Unit inputs through DAC, output noise and ADC."""
        return read_out(weights, layer.periphery, generator)

    def forward(self, layer: CrossbarLayer, x: Tensor) -> Tensor:
        """The sum of the splits' outputs, digital bias included."""
        if not self.splits:
            with torch.inference_mode(False), torch.no_grad():
                self.load_(layer)
        total: Tensor | None = None
        for split in self.splits:
            total = split.forward(layer.geometry, x, total)
        assert total is not None
        return total


class _Split(nn.Module):
    """The tiles that share their input channels: one for each group (and output split)."""

    factor: Tensor
    offset: Tensor | None

    def __init__(
        self,
        layer: CrossbarLayer,
        law: ProductLaw,
        start: int,
        gain: Tensor,
        offset: Tensor | None,
    ) -> None:
        super().__init__()
        self.product = Product()
        self.terms: ArrayTerms | None = None
        self._converter: Converter | None = None
        geometry, periphery = layer.geometry, layer.periphery
        tiles = [tile for tile in layer.tiles if tile.slot.inputs.start == start]
        self.stage = InputStage(layer, tiles)
        channels, kernel = self.stage.channels, geometry.kernel_size
        # Inputs in units of the DAC's step and outputs of the ADC's: rounding is then to whole
        # numbers, and the steps go into the weights and into the factor behind the ADC.
        self.adc = bool(periphery.adc_bits)
        dac = step(periphery.dac_bits, 1.0) if periphery.dac_bits else 1.0
        adc = step(periphery.adc_bits, periphery.output_bound) if self.adc else 1.0
        self.noise = periphery.output_noise / adc
        self.output_bound = periphery.output_bound / adc
        matrix = torch.zeros(geometry.groups, geometry.out_features, len(channels) * kernel)
        factor = torch.empty(geometry.groups, geometry.out_features)
        skipped = start - channels.start * kernel
        rows = slice(skipped, skipped + tiles[0].shape[1])
        for tile in tiles:
            slot = tile.slot
            matrix[slot.group, slot.outputs, rows] = tile.weights
            factor[slot.group, slot.outputs] = tile.behind_adc * (adc * tile.input_range)
        shape = (geometry.groups * geometry.out_features, len(channels), *geometry.kernel)
        weight = (matrix * (dac / adc)).reshape(shape)
        self.product.take_(channels_last(weight))
        if law:
            amplified = torch.ones(geometry.groups, geometry.out_features)
            for tile in tiles:
                amplified[tile.slot.group, tile.slot.outputs] = tile.gain
            cells = matrix / amplified[..., None]
            self.terms = ArrayTerms(law, geometry, cells, amplified, rows=rows, dac=dac, adc=adc)
        factor = by_channel(factor.reshape(-1) * gain, geometry)
        self.register_buffer("factor", factor, persistent=False)
        offset = None if offset is None else by_channel(offset, geometry)
        self.register_buffer("offset", offset, persistent=False)

    def forward(self, geometry: Geometry, x: Tensor, total: Tensor | None) -> Tensor:
        """This split's outputs, and those of the others so far where there are any."""
        x = self.stage(geometry, x)
        y = self.product.forward(geometry, x, None)
        terms = None if self.terms is None else self.terms.forward(geometry, x)
        if usable(y):
            if self._converter is None:
                self._converter = Converter(
                    sigma=self.noise,
                    bound=self.output_bound,
                    rounded=self.adc,
                    factor=self.factor.reshape(-1),
                    offset=None if self.offset is None else self.offset.reshape(-1),
                    array=self.terms,
                )
            return self._converter(y, total, terms)
        noise: float | Tensor = self.noise
        if self.terms is not None and terms is not None:
            lost = self.terms.drop(terms)
            y = y if lost is None else y.sub_(lost)
            if terms.moment is not None:
                spread = by_channel(self.terms.spread, geometry)
                noise = (terms.moment * spread).add_(self.noise**2).sqrt_()
        if not isinstance(noise, float) or noise > 0:
            add_noise_(y, noise)
        if self.adc:
            y.round_()
        y.clamp_(-self.output_bound, self.output_bound)
        if total is not None:
            return total.addcmul_(y, self.factor)
        y.mul_(self.factor)
        return y if self.offset is None else y.add_(self.offset)


def add_noise_(y: Tensor, sigma: float | Tensor) -> Tensor:
    """Add normal noise to `y` in place, drawn from torch's generator in `y`'s memory order.

    Drawing into a channels_last tensor directly takes torch's scalar path, which is 8 to 12
    times slower.

    Args:
        y: dense, of any memory order.
        sigma: standard deviation, in `y`'s unit: one, or one for each output.
    """
    noise = torch.randn(y.numel(), dtype=y.dtype, device=y.device)
    noise = noise.as_strided(y.size(), y.stride())
    if isinstance(sigma, Tensor):
        return y.addcmul_(noise, sigma)
    return y.add_(noise, alpha=sigma)


def by_channel(values: Tensor, geometry: Geometry) -> Tensor:
    """`values`, one an output or input channel, shaped to act along a tensor's channels."""
    return values.reshape(-1, *(1 for _ in geometry.kernel))

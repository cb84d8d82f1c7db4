"""The forward pass on the network's own convolutions and products.

Exact for an ideal periphery: a tile then multiplies with its weights, and products are linear.
Exact up to one-step ties of the converters for static input ranges: the range belongs to a
tile's inputs and not to a patch, so that each pixel has one DAC code wherever it is used.
Dynamic scaling gives one pixel different codes in different patches; only the tile does that.
"""

import torch
from torch import Tensor, nn

from analogsim.crossbar.geometry import Geometry
from analogsim.crossbar.layer import CrossbarLayer, Engine
from analogsim.crossbar.periphery import Periphery, step


class PerfectEngine(Engine):
    """Weights only: one digital product with the tiles' effective weights."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.empty(0), persistent=False)

    def load_(self, layer: CrossbarLayer) -> None:
        """Assemble the layer's weight from its tiles, drift compensation included."""
        weight = layer.logical(lambda tile: tile.weights * tile.alpha.reshape(-1, 1))
        self.weight = weight.to(self.weight.device)

    def read_out(self, layer: CrossbarLayer, index: int, weights: Tensor) -> Tensor:
        """The weights themselves."""
        return read_out(weights, layer.periphery)

    def forward(self, layer: CrossbarLayer, x: Tensor) -> Tensor:
        """The product, digital bias included."""
        return layer.geometry.product(x, self.weight, layer.bias)


class StaticEngine(Engine):
    """DAC, partial products, output noise, bounds and ADC with static input ranges."""

    where: Tensor

    def __init__(self) -> None:
        super().__init__()
        # An empty buffer that follows the module from device to device.
        self.register_buffer("where", torch.empty(0), persistent=False)
        self.splits = nn.ModuleList()

    def load_(self, layer: CrossbarLayer) -> None:
        """Build one partial product for each split of the inputs."""
        starts = sorted({tile.slot.inputs.start for tile in layer.tiles})
        splits = [_Split(layer, start).to(self.where.device) for start in starts]
        self.splits = nn.ModuleList(splits)

    def read_out(self, layer: CrossbarLayer, index: int, weights: Tensor) -> Tensor:
        """Unit inputs through DAC, output noise and ADC."""
        return read_out(weights, layer.periphery)

    def forward(self, layer: CrossbarLayer, x: Tensor) -> Tensor:
        """The sum of the splits' outputs, digital bias included."""
        total: Tensor | None = None
        for split in self.splits:
            part = split(layer.geometry, layer.periphery, x)
            total = part if total is None else total.add_(part)
        assert total is not None
        if layer.bias is not None:
            total.add_(_by_channel(layer.bias, layer.geometry, total.dim()))
        return total


class _Split(nn.Module):
    """The tiles that share their input channels: one for each group (and output split)."""

    def __init__(self, layer: CrossbarLayer, start: int) -> None:
        super().__init__()
        geometry, periphery = layer.geometry, layer.periphery
        tiles = [tile for tile in layer.tiles if tile.slot.inputs.start == start]
        stop = tiles[0].slot.inputs.stop
        kernel = geometry.kernel_size
        first, last = start // kernel, -(-stop // kernel)
        channels = geometry.in_features // kernel
        # Weight in units of (ADC step / DAC step): rounding is then to whole numbers.
        dac = step(periphery.dac_bits, 1.0) if periphery.dac_bits else 1.0
        adc = step(periphery.adc_bits, periphery.output_bound) if periphery.adc_bits else 1.0
        matrix = torch.zeros(geometry.groups, geometry.out_features, (last - first) * kernel)
        ranges = torch.empty(geometry.groups)
        factor = torch.empty(geometry.groups, geometry.out_features)
        offset = start - first * kernel
        for tile in tiles:
            slot = tile.slot
            matrix[slot.group, slot.outputs, offset : offset + stop - start] = tile.weights
            ranges[slot.group] = tile.input_range
            factor[slot.group, slot.outputs] = (
                tile.alpha.reshape(-1) * tile.scale.reshape(-1) * (adc * tile.input_range)
            )
        shape = (geometry.groups * geometry.out_features, last - first, *geometry.kernel)
        self.noise = periphery.output_noise / adc
        self.bound = periphery.output_bound / adc
        self.register_buffer("weight", (matrix * (dac / adc)).reshape(shape), persistent=False)
        self.register_buffer("factor", factor.reshape(-1), persistent=False)
        per_channel = ranges.repeat_interleave(last - first)
        one_range = bool((ranges == ranges[0]).all())
        self.register_buffer(
            "ranges", ranges[:1].clone() if one_range else per_channel, persistent=False
        )
        every = first == 0 and last == channels
        index = torch.arange(first, last) + channels * torch.arange(geometry.groups)[:, None]
        self.register_buffer("index", None if every else index.reshape(-1), persistent=False)

    weight: Tensor
    factor: Tensor
    ranges: Tensor
    index: Tensor | None

    def forward(self, geometry: Geometry, periphery: Periphery, x: Tensor) -> Tensor:
        axis = -1 if geometry.kind == "linear" else -1 - len(geometry.kernel)
        if self.index is not None:
            x = x.index_select(axis, self.index)
        ranges = self.ranges
        if len(ranges) > 1:
            ranges = _by_channel(ranges, geometry, x.dim())
        x = torch.clamp(x, -ranges, ranges).div_(ranges)
        if periphery.dac_bits:
            x.div_(step(periphery.dac_bits, 1.0)).round_()
        y = geometry.product(x, self.weight, None)
        if self.noise > 0:
            y.add_(torch.randn_like(y), alpha=self.noise)
        if periphery.adc_bits:
            y.round_()
        y.clamp_(-self.bound, self.bound)
        return y.mul_(_by_channel(self.factor, geometry, y.dim()))


def read_out(weights: Tensor, periphery: Periphery) -> Tensor:
    """(in, out): the answers of a tile that holds `weights` (out, in) to unit inputs.

    What aihwkit's torch tile answers to `eye(in)`, bit for bit, without the product: a unit
    input passes the DAC at full scale, so that each answer is one weight, plus output noise,
    through the ADC. Dynamic scaling leaves unit inputs as they are.
    """
    y = weights.T.clone()
    if periphery.perfect:
        return y
    if periphery.dac_bits:
        res = step(periphery.dac_bits, 1.0)
        y *= float(torch.clamp((torch.ones(1) / res).round() * res, -1.0, 1.0))
    if periphery.output_noise > 0:
        y += periphery.output_noise * torch.randn_like(y)
    if periphery.adc_bits:
        res = step(periphery.adc_bits, periphery.output_bound)
        y = (y / res).round() * res
    return y.clamp(-periphery.output_bound, periphery.output_bound)


def _by_channel(values: Tensor, geometry: Geometry, dim: int) -> Tensor:
    """`values` shaped to multiply a tensor of `dim` dimensions along its channels."""
    if geometry.kind == "linear":
        return values
    shape = [1] * dim
    shape[-1 - len(geometry.kernel)] = -1
    return values.reshape(shape)

"""The DAC in front of the tiles that share their inputs: clipped, in whole steps."""

import torch
from torch import Tensor, nn

from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import step
from analogsim.crossbar.mapping.tile import TileState


class InputStage(nn.Module):
    """Takes the channels that reach the tiles, and gives them in units of the DAC's step.

    Attributes:
        full: the number that stands for a full-scale input.
        channels: [first, last) of each group.
        ranges: (groups,), full scale of each group's inputs.
    """

    bound: Tensor
    levels: Tensor
    index: Tensor | None

    def __init__(self, layer: CrossbarLayer, tiles: list[TileState]) -> None:
        super().__init__()
        geometry, edge = layer.geometry, layer.periphery
        inputs = tiles[0].slot.inputs
        kernel = geometry.kernel_size
        first, last = inputs.start // kernel, -(-inputs.stop // kernel)
        self.channels = range(first, last)
        self._rounds = bool(edge.dac_bits)
        dac = step(edge.dac_bits, 1.0) if edge.dac_bits else 1.0
        self.full = float(2 ** (edge.dac_bits - 1) - 1) if edge.dac_bits else 1.0
        self.ranges = torch.ones(geometry.groups)
        for tile in tiles:
            self.ranges[tile.slot.group] = tile.input_range
        width = last - first
        by_input = self.ranges.repeat_interleave(width).reshape(-1, *(1 for _ in geometry.kernel))
        self.register_buffer("bound", by_input * edge.input_bound, persistent=False)
        same = bool((self.ranges == self.ranges[0]).all())
        levels = (self.ranges[0] if same else by_input) * dac
        self.register_buffer("levels", levels, persistent=False)
        # One range as a number: clipping to it is several times faster.
        self._limit = float(self.ranges[0]) * edge.input_bound if same else None
        self._span = (first, width) if geometry.groups == 1 else None
        channels, index = geometry.in_features // kernel, None
        if geometry.groups > 1 and width < channels:
            index = torch.arange(first, last) + channels * torch.arange(geometry.groups)[:, None]
            index = index.reshape(-1)
        self.register_buffer("index", index, persistent=False)

    def forward(self, geometry: Geometry, x: Tensor) -> Tensor:
        """The inputs in steps; whole numbers where there is a DAC."""
        axis = geometry.channel_axis
        if self.index is not None:
            x = x.index_select(axis, self.index)
        elif self._span is not None:
            x = x.narrow(axis, *self._span)
        if self._limit is None:
            x = torch.clamp(x, -self.bound, self.bound)
        else:
            x = torch.clamp(x, -self._limit, self._limit)
        x.div_(self.levels)
        return x.round_() if self._rounds else x

"""The DAC in front of the tiles that share their inputs: clipped, in whole steps."""

import torch
from torch import Tensor, nn

from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import step
from analogsim.crossbar.mapping.tile import TileState


class InputChannels(nn.Module):
    """Takes the channels that reach the tiles with these rows of each group's matrix.

    Attributes:
        channels: [first, last) of each group.
    """

    index: Tensor | None

    def __init__(self, geometry: Geometry, rows: slice) -> None:
        super().__init__()
        kernel, index = geometry.kernel_size, None
        self.channels = range(rows.start // kernel, -(-rows.stop // kernel))
        every, width = geometry.in_features // kernel, len(self.channels)
        self._part = width < every
        if geometry.groups > 1 and self._part:
            first = torch.arange(self.channels.start, self.channels.stop)
            index = (first + every * torch.arange(geometry.groups)[:, None]).reshape(-1)
        self.register_buffer("index", index, persistent=False)

    def forward(self, geometry: Geometry, x: Tensor) -> Tensor:
        """These channels of `x`, or all of it where they are all."""
        if self.index is not None:
            return x.index_select(geometry.channel_axis, self.index)
        if not self._part:
            return x
        return x.narrow(geometry.channel_axis, self.channels.start, len(self.channels))


class InputStage(nn.Module):
    """Takes the channels that reach the tiles, and gives them in units of the DAC's step.

    Attributes:
        full: the number that stands for a full-scale input.
        channels: [first, last) of each group.
        ranges: (groups,), full scale of each group's inputs.
    """

    bound: Tensor
    levels: Tensor

    def __init__(self, layer: CrossbarLayer, tiles: list[TileState]) -> None:
        super().__init__()
        geometry, edge = layer.geometry, layer.periphery
        self.taken = InputChannels(geometry, tiles[0].slot.inputs)
        self.channels = self.taken.channels
        self._rounds = bool(edge.dac_bits)
        dac = step(edge.dac_bits, 1.0) if edge.dac_bits else 1.0
        self.full = float(2 ** (edge.dac_bits - 1) - 1) if edge.dac_bits else 1.0
        self.ranges = torch.ones(geometry.groups)
        for tile in tiles:
            self.ranges[tile.slot.group] = tile.input_range
        width = len(self.channels)
        by_input = self.ranges.repeat_interleave(width).reshape(-1, *(1 for _ in geometry.kernel))
        self.register_buffer("bound", by_input * edge.input_bound, persistent=False)
        same = bool((self.ranges == self.ranges[0]).all())
        levels = (self.ranges[0] if same else by_input) * dac
        self.register_buffer("levels", levels, persistent=False)
        # One range as a number: clipping to it is several times faster.
        self._limit = float(self.ranges[0]) * edge.input_bound if same else None

    def forward(self, geometry: Geometry, x: Tensor) -> Tensor:
        """The inputs in steps; whole numbers where there is a DAC."""
        x = self.taken(geometry, x)
        if self._limit is None:
            x = torch.clamp(x, -self.bound, self.bound)
        else:
            x = torch.clamp(x, -self._limit, self._limit)
        x.div_(self.levels)
        return x.round_() if self._rounds else x

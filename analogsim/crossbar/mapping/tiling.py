"""Which part of a layer's matrix lies on which tile, and how it is scaled.

Splits are even and scales are per output column and per tile, as in aihwkit, so that tile weights
equal aihwkit's bit for bit.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.periphery import Periphery, WeightScaling


@dataclass(frozen=True, kw_only=True)
class TileSlot:
    """One tile: rows `inputs` and columns `outputs` of the matrix of one group.

    Where a weight has several parts, `part` is the one that lies on this tile.
    """

    index: int
    group: int
    inputs: slice
    outputs: slice
    part: int = 0


def split_sizes(size: int, largest: int) -> list[int]:
    """Even parts of `size`, none above `largest` (0 is unlimited); the first ones are larger."""
    if largest <= 0:
        return [size]
    parts = -(-size // largest)
    base, extra = divmod(size, parts)
    return [base + (i < extra) for i in range(parts)]


def tile_slots(geometry: Geometry, periphery: Periphery) -> tuple[TileSlot, ...]:
    """The tiles of a layer, in aihwkit's order: by group, then inputs, then outputs; then parts."""
    slots: list[TileSlot] = []
    parts = len(periphery.parts)
    for group in range(geometry.groups):
        for inputs in _slices(split_sizes(geometry.in_features, periphery.max_input_size)):
            for outputs in _slices(split_sizes(geometry.out_features, periphery.max_output_size)):
                slots += [
                    TileSlot(
                        index=len(slots) + part,
                        group=group,
                        inputs=inputs,
                        outputs=outputs,
                        part=part,
                    )
                    for part in range(parts)
                ]
    return tuple(slots)


def map_weights(
    matrix: Tensor, slot: TileSlot, scaling: WeightScaling = "column"
) -> tuple[Tensor, Tensor]:
    """Tile weights in [-1, 1] (out, in) and their scale (out, 1).

    Args:
        matrix: the layer's weights, (groups, out, in).
        slot: the part that lies on the tile.
        scaling: whether each output has its own scale, or all of the tile have one.
    """
    part = matrix[slot.group, slot.outputs, slot.inputs]
    scale = part.abs().amax(dim=1, keepdim=True)
    if scaling == "tile":
        scale = scale.max().expand_as(scale).clone()
    scale[scale == 0.0] = 1.0
    return part / scale, scale


def assemble(parts: list[Tensor], slots: tuple[TileSlot, ...], geometry: Geometry) -> Tensor:
    """The layer's weight, in torch's shape, from the logical weights of its tiles."""
    if len(parts) == 1:
        return parts[0].reshape(geometry.weight_shape)
    matrix = torch.empty(geometry.groups, geometry.out_features, geometry.in_features)
    for part, slot in zip(parts, slots, strict=True):
        matrix[slot.group, slot.outputs, slot.inputs] = part
    return matrix.reshape(geometry.weight_shape)


def _slices(sizes: list[int]) -> list[slice]:
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]

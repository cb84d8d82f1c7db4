"""What programming and drift do to a chip's weights.

Where the device has a fused law, blocks of tiles are worked on side by side: the same bits, less
work. Otherwise aihwkit's classes work tile by tile, under the seed of each tile's address.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from analogsim.crossbar.chip.blocks import Block
from analogsim.crossbar.chip.compensation import (
    BEHIND_ADC,
    Compensation,
    drift_compensation,
    move_before_adc_,
    reading_of,
)
from analogsim.crossbar.chip.pool import each
from analogsim.crossbar.chip.streamed import StreamedBlock
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.draws.addresses import seeded
from device_models.contract import Device

_ONE = torch.ones(1)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Consecutive layers of a chip, and their tiles as blocks that are worked on side by side."""

    layers: list[CrossbarLayer]
    blocks: Sequence[Block | StreamedBlock]


def program_weights_(parts: Sequence[Part], device: Device, seed: int, chip: int) -> None:
    """Program all tiles from their targets; the engines are not refreshed.

    Args:
        parts: of one chip.
        device: gives the law.
        seed, chip: root seed and number of the chip.
    """
    fused = device.fused_law()

    @torch.no_grad()
    def by_block(block: Block | StreamedBlock) -> None:
        assert fused is not None
        block.program_(fused, seed, chip)

    @torch.no_grad()
    def by_tile(layer: CrossbarLayer) -> None:
        for tile in layer.tiles:
            law = device.noise_law(layer.context(tile))
            with seeded(seed, "program", layer.name, tile.slot.index, chip):
                tile.programmed, parameters = law.apply_programming_noise(tile.target)
            tile.drift_parameters = list(parameters)
            tile.weights = tile.programmed

    # What the chip that the tiles held before has answered.
    for tile in (tile for part in parts for layer in part.layers for tile in layer.tiles):
        tile.baselines = {}
    if fused is not None:
        each(by_block, [block for part in parts for block in part.blocks], serial=False)
    else:
        # The law draws from torch's global generator.
        each(by_tile, [layer for part in parts for layer in part.layers], serial=True)


def drift_weights_(
    parts: Sequence[Part],
    device: Device,
    address: tuple[int, int, float],
    compensation: Compensation,
    *,
    through_tiles: bool,
    after: Callable[[Part], object],
) -> None:
    """Move all tiles to a time and set their compensation, part by part.

    Args:
        parts: of one chip.
        device: gives the law.
        address: root seed, chip number, seconds since programming.
        compensation: which one.
        through_tiles: read the tiles out through aihwkit's own (needed on the C++ tile).
        after: what is done with a part that has drifted.
    """
    seed, chip, t_s = address
    fused = device.fused_law()
    # A chip has one periphery; without a layer on tiles nothing is read.
    layers = (layer for part in parts for layer in part.layers)
    read = next((reading_of(compensation, one.periphery) for one in layers), compensation)
    in_blocks = not through_tiles and read != "current"

    @torch.no_grad()
    def by_block(block: Block | StreamedBlock) -> None:
        assert fused is not None
        block.drift_(fused, seed, chip, t_s, read if in_blocks else "none")

    @torch.no_grad()
    def by_tile(layer: CrossbarLayer) -> None:
        for tile in layer.tiles:
            assert tile.programmed is not None, "program() comes first"
            law = device.noise_law(layer.context(tile))
            with seeded(seed, "drift", layer.name, tile.slot.index, chip, t_s):
                tile.weights = law.apply_drift_noise(tile.programmed, tile.drift_parameters, t_s)

    @torch.no_grad()
    def compensate(layer: CrossbarLayer) -> None:
        for tile in layer.tiles:
            tile.alpha = drift_compensation(read, layer, tile, address)

    @torch.no_grad()
    def amplify(layer: CrossbarLayer) -> None:
        # Without converters there is nothing between the two places.
        for tile in [] if layer.periphery.perfect else layer.tiles:
            move_before_adc_(tile)

    for part in parts:
        if fused is not None:
            each(by_block, part.blocks, serial=False)
        else:
            each(by_tile, part.layers, serial=True)
        for tile in (tile for layer in part.layers for tile in layer.tiles):
            tile.gain = _ONE
        if fused is None or not in_blocks:
            each(compensate, part.layers, serial=True)
        if compensation in BEHIND_ADC:
            each(amplify, part.layers, serial=False)
        after(part)

"""What programming and drift do to a chip's weights.

Where the device has a fused law, blocks of tiles are worked on side by side: the same bits, less
work. Otherwise aihwkit's classes work tile by tile, under the seed of each tile's address. Effects
then act on what the law gives, and drift compensation reads what they leave.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from analogsim.crossbar.chip.blocks import Block
from analogsim.crossbar.chip.compensation import Compensation, Method, compensate_
from analogsim.crossbar.chip.effects import ChipEffects
from analogsim.crossbar.chip.pool import each
from analogsim.crossbar.chip.readings import compensate_group_, read_tile
from analogsim.crossbar.chip.streamed import StreamedBlock
from analogsim.crossbar.forward.conversions import compensated_together
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.addresses import seeded
from analogsim.errors import InputError
from device_models.contract import Device, FusedLaw, NoiseLaw


@dataclass(frozen=True, kw_only=True)
class Part:
    """Consecutive layers of a chip, and their tiles as blocks that are worked on side by side."""

    layers: list[CrossbarLayer]
    blocks: Sequence[Block | StreamedBlock]


def program_weights_(parts: Sequence[Part], device: Device, effects: ChipEffects) -> None:
    """Program all tiles from their targets; the engines are not refreshed.

    Args:
        parts: of one chip.
        device: gives the law.
        effects: on the chip's cells, with its root seed and number.
    """
    fused = _fused(parts, device)
    seed, chip = effects.seed, effects.chip
    layers = [layer for part in parts for layer in part.layers]
    effects.check(layers)

    @torch.no_grad()
    def by_block(block: Block | StreamedBlock) -> None:
        assert fused is not None
        block.program_(fused, effects)

    @torch.no_grad()
    def by_tile(layer: CrossbarLayer) -> None:
        for tile in layer.tiles:
            law = _law(device, layer, tile)
            target = effects.aim(layer, tile)
            with seeded(seed, "program", layer.name, tile.slot.index, chip):
                tile.origin, parameters = law.apply_programming_noise(target)
            tile.drift_parameters = list(parameters)

    def settle(layer: CrossbarLayer) -> None:
        for tile in layer.tiles:
            assert tile.origin is not None, "a law has programmed it"
            # What the chip that the tile held before has answered.
            tile.baselines = {}
            tile.programmed = effects.programmed(layer, tile, tile.origin)
            tile.hold_(effects.start(layer, tile))

    if fused is not None:
        each(by_block, [block for part in parts for block in part.blocks], serial=False)
    else:
        # The law draws from torch's global generator.
        each(by_tile, layers, serial=True)
    if effects:
        each(settle, layers, serial=False)
    else:
        for layer in layers:
            settle(layer)


def drift_weights_(
    parts: Sequence[Part],
    device: Device,
    effects: ChipEffects,
    t_s: float,
    compensation: Compensation,
    *,
    through_tiles: bool,
    after: Callable[[Part], object],
) -> None:
    """Move all tiles to a time and set their compensation, part by part.

    Args:
        parts: of one chip.
        device: gives the law.
        effects: on the chip's cells, with its root seed and number.
        t_s: seconds since programming.
        compensation: which one.
        through_tiles: read the tiles out through aihwkit's own (needed on the C++ tile).
        after: what is done with a part that has drifted.
    """
    seed, chip = effects.seed, effects.chip
    fused = _fused(parts, device)
    # A chip has one periphery; without a layer on tiles nothing is read.
    edges = [layer.periphery for part in parts for layer in part.layers[:1]]
    method = Method.of(compensation, edges[0]) if edges else None
    reads = method is not None and method.reading != "none"
    # Blocks read tiles one by one, each through a uniform ADC.
    plain = all(edge.whole_weights and (edge.plain or edge.perfect) for edge in edges)
    singly = plain and not through_tiles
    in_blocks = method if singly and method and method.reading != "current" else None
    together = () if plain or not edges else compensated_together(edges[0])
    if method and method.reading == "current" and any(len(group) > 1 for group in together):
        raise InputError(
            "compensation 'current' must be read of pairs whose slices are converted one by one, "
            f"got periphery {edges[0].name!r}; use compensation 'global'"
        )

    @torch.no_grad()
    def by_block(block: Block | StreamedBlock) -> None:
        assert fused is not None
        block.drift_(fused, effects, t_s, in_blocks)

    @torch.no_grad()
    def by_tile(layer: CrossbarLayer) -> None:
        for tile in layer.tiles:
            assert tile.origin is not None, "program() comes first"
            law = _law(device, layer, tile)
            with seeded(seed, "drift", layer.name, tile.slot.index, chip, t_s):
                weights = law.apply_drift_noise(tile.origin, tile.drift_parameters, t_s)
            tile.hold_(effects.present(layer, tile, weights))

    @torch.no_grad()
    def compensate(layer: CrossbarLayer) -> None:
        assert method is not None
        if any(len(group) > 1 for group in together):
            for place in range(len(layer.places)):
                for group in together:
                    compensate_group_(layer, place, group, effects, method, t_s)
            return
        for tile in layer.tiles:
            start = functools.partial(effects.start, layer, tile)
            reading = read_tile(method.reading, layer, tile, start, (seed, chip, t_s))
            compensate_([tile], reading, method)

    for part in parts:
        if fused is not None:
            each(by_block, part.blocks, serial=False)
        else:
            each(by_tile, part.layers, serial=True)
        if reads and (fused is None or in_blocks is None):
            each(compensate, part.layers, serial=True)
        after(part)


def _fused(parts: Sequence[Part], device: Device) -> FusedLaw | None:
    """The device's fused law, which is one of pairs; None where cells stand alone."""
    pairs = all(layer.periphery.pairs for part in parts for layer in part.layers[:1])
    return device.fused_law() if pairs else None


def _law(device: Device, layer: CrossbarLayer, tile: TileState) -> NoiseLaw:
    context = layer.context(tile)
    return device.noise_law(context) if layer.periphery.pairs else device.cell_law(context)

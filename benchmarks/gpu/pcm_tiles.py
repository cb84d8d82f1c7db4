"""The tiles of a programmed PCM chip for the fused drift, `PcmNetwork`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from analogsim.crossbar.chip.chip import Chip
from analogsim.errors import InputError
from device_models.pcm import Pcm

from .pcm_law import PcmTile, own_exponent


def pcm_tiles(chip: Chip) -> tuple[PcmTile, ...]:
    """All tiles of a chip, with the names of their layers' weights in the digital network.

    Raises:
        InputError: the chip's device is not PCM, or its periphery is not perfect: a fused drift
            gives weights, and what DAC, ADC and output noise do needs the forward pass.
    """
    device, periphery = chip.analog.device, chip.analog.periphery
    if not isinstance(device, Pcm):
        raise InputError(
            f"fused drift device must be pcm, got {device.info.name!r}; use Chip.drift_"
        )
    if not periphery.perfect:
        raise InputError(
            f"fused drift periphery must be ideal, got {periphery.name!r}; use Chip.drift_"
        )
    tiles = []
    for name, layer in chip.layers.items():
        for tile in layer.tiles:
            assert tile.programmed is not None, "program() sets it"
            slot = tile.slot
            tiles.append(
                PcmTile(
                    layer=f"{name}.weight" if name else "weight",
                    index=slot.index,
                    programmed=tile.programmed,
                    nu=_exponent(tile.programmed, tile.drift_parameters),
                    scale=tile.scale.reshape(-1),
                    first_row=slot.group * layer.geometry.out_features + slot.outputs.start,
                    first_column=slot.inputs.start,
                )
            )
    return tuple(tiles)


def _exponent(programmed: Tensor, remembered: Sequence[Tensor | None]) -> Tensor:
    """nu of the cell that holds each weight: what a law remembers of both cells, one, or none."""
    exponents = [nu for nu in remembered if nu is not None]
    if not exponents:
        return torch.zeros_like(programmed)  # without any effect nothing drifts
    if len(exponents) == 1:
        return exponents[0].reshape(programmed.shape)
    plus, minus = exponents
    return own_exponent(programmed, plus, minus)

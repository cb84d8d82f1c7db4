"""A small network on PCM tiles: split inputs and outputs, groups, and every sign."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from analogsim.gaussian.flat import flatten_
from benchmarks.gpu.pcm import PcmNetwork
from benchmarks.gpu.pcm_law import PcmTile, own_exponent
from device_models import Pcm, TileContext
from device_models.contract import NoiseLaw
from tests.gaussian.stream_checks import SmallNetwork

SEED, CHIP = 2**63 + 5, 2**31 + 1
ROWS, COLUMNS = 4, 11
LAYERS = ("conv.weight", "grouped.weight", "point.weight", "linear.weight")


@dataclass(frozen=True, kw_only=True)
class Programmed:
    """A tile with the device's own law and what the law remembers of the pair."""

    tile: PcmTile
    law: NoiseLaw
    memory: list[Tensor]


@functools.cache
def programmed_tiles(device=None):
    """Every tile of the network, programmed by the device's own law."""
    device = device or Pcm()
    weights = dict(SmallNetwork().named_parameters())
    return tuple(
        program_tile(device, name, weights[name].detach().flatten(1), index, row, column)
        for name in LAYERS
        for index, (row, column) in enumerate(corners(weights[name].flatten(1)))
    )


def corners(matrix):
    """(first row, first column) of the tiles of a matrix."""
    rows, columns = matrix.shape
    return [(r, c) for c in range(0, columns, COLUMNS) for r in range(0, rows, ROWS)]


def program_tile(device, name, matrix, index, row, column):
    part = matrix[row : row + ROWS, column : column + COLUMNS]
    scale = part.abs().amax(dim=1, keepdim=True)
    law = device.noise_law(TileContext.of(matrix, scale))
    with torch.random.fork_rng():
        torch.manual_seed(index)
        programmed, memory = law.apply_programming_noise(part / scale)
    plus, minus = memory or (torch.zeros_like(part), torch.zeros_like(part))
    tile = PcmTile(
        layer=name,
        index=index,
        programmed=programmed,
        nu=own_exponent(programmed, plus, minus),
        scale=scale.reshape(-1),
        first_row=row,
        first_column=column,
    )
    return Programmed(tile=tile, law=law, memory=memory)


def single_tile(programmed, nu):
    """A tile that is its whole layer, unscaled."""
    scale = torch.ones(programmed.shape[0])
    return PcmTile(
        layer="any", index=0, programmed=programmed, nu=nu, scale=scale, first_row=0, first_column=0
    )


def pcm_network(*, channels_last=False, device="cpu", pcm=None):
    """The tiles over the flattened digital network on `device`."""
    flat = flatten_(SmallNetwork(channels_last=channels_last).to(device))
    tiles = [programmed.tile for programmed in programmed_tiles(pcm)]
    return PcmNetwork(tiles, flat, pcm or Pcm(), seed=SEED, chip=CHIP)

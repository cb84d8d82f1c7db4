"""PCM drift of all tiles of a network at once, into the network's flat weights.

The law is in `pcm_law.py`. Its draws come from the stream: tensor word from the tile's name,
trial = chip number, position row-major in the tile.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, get_args

import torch
from torch import Tensor

from analogsim.draws import cpu
from analogsim.draws.stream import Address, Stream, check_seed, check_word
from analogsim.errors import InputError
from analogsim.gaussian.flat import FlatWeights, Segment
from device_models.pcm import Pcm

from .pcm_law import SMALLEST_MEAN, Compensation, Moment, PcmTile, drifted, moment

if TYPE_CHECKING:
    from .pcm_launch import PcmLaunch


class PcmNetwork:
    """The programmed tiles of one chip, ready to drift into a network's flat weights.

    Weights-level only: the effective weights of an ideal periphery, with drift compensation from
    the weights themselves. Tensors that are on no tile are not touched.

    Args:
        tiles: all tiles of the chip.
        flat: the digital network that receives the weights, on the CPU or a CUDA device.
        device: the PCM with its scales.
        seed: the stream's key.
        chip: the stream's trial.

    Raises:
        InputError: a tile's layer is not in the network or does not have room for it.
    """

    def __init__(
        self,
        tiles: Sequence[PcmTile],
        flat: FlatWeights,
        device: Pcm,
        *,
        seed: int,
        chip: int = 0,
    ) -> None:
        check_seed(seed)
        check_word("trial", chip)
        self.tiles, self.flat, self.device = tuple(tiles), flat, device
        self.seed, self.chip = seed, chip
        self.homes = _homes(self.tiles, flat)

    def drift_(self, t_s: float, compensation: Compensation = "global") -> FlatWeights:
        """Give the network the weights of `t_s` seconds after programming.

        Drift starts from the programmed weights each time. The draws are those of (seed, chip):
        another time with fresh read noise needs another seed.

        Raises:
            DeviceError: the law does not cover the time.
            InputError: an unknown compensation, or the network was moved after flattening.
        """
        if compensation not in get_args(Compensation):
            raise InputError(
                f"fused drift compensation must be one of {', '.join(get_args(Compensation))}, "
                f"got {compensation!r}; use Chip.drift_ for the others"
            )
        self.flat.check_attached()
        at = moment(self.device, t_s)
        if self.flat.live.device.type == "cpu":
            self._drift_cpu(at, compensation)
        else:
            self.gpu.drift_(at, compensation)
        return self.flat

    @cached_property
    def gpu(self) -> "PcmLaunch":
        """The flat buffers and tables on the GPU; made at first use, for it needs Triton."""
        from .pcm_launch import PcmLaunch

        return PcmLaunch(self.tiles, self.homes, self.flat.live, seed=self.seed, chip=self.chip)

    def _drift_cpu(self, at: Moment, compensation: Compensation) -> None:
        for tile, home in zip(self.tiles, self.homes, strict=True):
            address = Address(
                seed=self.seed, tensor=tile.tensor, trial=self.chip, stream=Stream.PCM_READ
            )
            z = torch.from_numpy(cpu.normals(address, tile.programmed.numel()))
            weights = drifted(tile, at, z.view_as(tile.programmed))
            alpha = 1.0
            if compensation == "global":
                alpha = tile.baseline / max(float(weights.abs().mean()), SMALLEST_MEAN)
            place_(self.flat.live, tile, home, weights * alpha * tile.scale[:, None])


def place_(buffer: Tensor, tile: PcmTile, home: Segment, weights: Tensor) -> None:
    """Put network weights (out, in) of a tile where they belong in a flat buffer."""
    rows, columns = weights.shape
    matrix = home.view(buffer)
    if home.permuted:
        matrix = matrix.contiguous()
    matrix = matrix.reshape(home.shape[0], -1)
    matrix[
        tile.first_row : tile.first_row + rows, tile.first_column : tile.first_column + columns
    ] = weights
    if home.permuted:
        home.view(buffer).copy_(matrix.view(home.shape))


def _homes(tiles: Sequence[PcmTile], flat: FlatWeights) -> tuple[Segment, ...]:
    segments = {segment.name: segment for segment in flat.segments}
    homes = []
    for tile in tiles:
        rows, columns = tile.programmed.shape
        last = (tile.first_row + rows, tile.first_column + columns)
        home = segments.get(tile.layer)
        if home is None:
            raise InputError(
                f"PCM tile {tile.index} layer must be a tensor of the network, got "
                f"{tile.layer!r}; flatten the network that was converted"
            )
        room = (home.shape[0], home.size // home.shape[0])
        if last[0] > room[0] or last[1] > room[1]:
            raise InputError(
                f"PCM tile {tile.index} of {tile.layer} must lie within {room[0]} x {room[1]} "
                f"weights, got corner {last[0]} x {last[1]}; flatten the network that was converted"
            )
        homes.append(home)
    return tuple(homes)

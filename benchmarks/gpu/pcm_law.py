"""The PCM law with one cell a weight: what a programmed tile becomes at a time.

Of the two cells of a weight, the converter leaves one at zero conductance once the weight is
programmed, and that one neither drifts nor reads noise. So a weight w with x = |w| / max|w_tile|
and the exponent nu of its own cell becomes

    w ((t + t_0)/t_0)^-nu max(1 + Q(x) r z, 0),  Q(x) = min(0.0088 x^-0.65, 0.2),
    r = read_scale sqrt(ln((t + t_0 + t_read) / (2 t_read)))

which is the law of `device_models/pcm.py` (Nandakumar et al., ICECS 2019) with one draw and one
power a weight in place of two.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from analogsim.draws.stream import tensor_index
from device_models.pcm import Pcm

Compensation = Literal["none", "global"]

SMALLEST_MEAN = 1e-4
"""Lower bound of a tile's mean |w| in drift compensation, as in aihwkit."""

_SMALLEST_MAX = 1e-7


@dataclass(frozen=True, kw_only=True)
class PcmTile:
    """One programmed tile, and where its weights belong in the network.

    Attributes:
        layer: name of the layer's weight in the network, as `conv1.weight`.
        index: number of the tile in the layer.
        programmed: (out, in), tile units.
        nu: (out, in), the drift exponent of the cell that holds the weight.
        scale: (out,), network weight = tile weight * scale.
        first_row, first_column: its corner in the layer's matrix (rows, in_features).
    """

    layer: str
    index: int
    programmed: Tensor
    nu: Tensor
    scale: Tensor
    first_row: int
    first_column: int

    @property
    def tensor(self) -> int:
        """Its word in the stream's counter."""
        return tensor_index(f"{self.layer}/{self.index}")

    @property
    def abs_max(self) -> float:
        """The weight of the largest conductance."""
        return max(float(self.programmed.abs().max()), _SMALLEST_MAX)

    @property
    def baseline(self) -> float:
        """Mean |w| after programming, at least `SMALLEST_MEAN`."""
        return max(float(self.programmed.abs().mean()), SMALLEST_MEAN)


def own_exponent(programmed: Tensor, plus: Tensor, minus: Tensor) -> Tensor:
    """nu of the cell that holds each weight, from those of both cells of the pair."""
    return torch.where(programmed < 0, minus, plus)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A time of a PCM chip: log2((t + t_0)/t_0), the factor r of the read noise, and Q's numbers.

    `q` is factor, exponent and largest value.
    """

    log2_ratio: float
    read: float
    q: tuple[float, float, float]


def moment(device: Pcm, t_s: float) -> Moment:
    """The numbers of the law at `t_s` seconds.

    Raises:
        DeviceError: `t_s` is negative or not finite.
    """
    device.check_time(t_s)
    t, t_read_s = t_s + device.t_0_s, device.t_read_s
    spread = math.sqrt(math.log((t + t_read_s) / (2 * t_read_s)))
    return Moment(
        log2_ratio=math.log2(t / device.t_0_s),
        read=device.noise_scale * device.read_scale * spread,
        q=(device.q_factor, device.q_exponent, device.q_max),
    )


def drifted(tile: PcmTile, at: Moment, z: Tensor) -> Tensor:
    """The tile's weights (out, in) at a time, for given standard normals `z` (out, in)."""
    x = tile.programmed.abs() / tile.abs_max
    factor, exponent, most = at.q
    q = (factor * x**-exponent).clamp(max=most)
    kept = torch.exp2(-tile.nu * at.log2_ratio)
    return tile.programmed * kept * (1 + q * at.read * z).clamp(min=0)

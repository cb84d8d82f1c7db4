"""aihwkit's PCM law with given normals: the same bits, less work.

Of a differential pair one device is at zero, and after programming only the device that the
weight's sign selects is left: the other one's drift and read noise are products with zero. Each
weight therefore needs one power and one logarithm instead of two. What upstream draws for the
other device is drawn too, so that the numbers stay upstream's.

Every expression follows aihwkit's (1.1.0 and 1.2.0) operation by operation: in float32 another
order gives other bits. Several tiles are worked on together, but powers and logarithms are taken
tile by tile: torch's vectorised loop and its tail may differ in the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_SMALLEST = 1e-7
"""aihwkit's lower bound of a tile's largest weight and of a relative conductance."""


@dataclass(frozen=True, kw_only=True)
class PcmFusedLaw:
    """The numbers of the law; see `device_models.pcm`."""

    g_max_us: float
    programming_us: tuple[float, float, float]
    t_0_s: float
    t_read_s: float
    nu_mean: tuple[float, float, float, float]
    """Slope and offset over ln x, lower and upper bound."""
    nu_std: tuple[float, float, float, float]
    q: tuple[float, float, float]
    """Factor, exponent, upper bound."""
    programming_scale: float
    drift_scale: float
    read_scale: float

    programming_draws = 4
    """Programming and nu of the positive device, then of the negative one."""
    drift_draws = 2
    """Read noise of the positive device, then of the negative one."""

    def program(
        self, target: Tensor, sizes: Sequence[int], normals: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Program consecutive tiles.

        Args:
            target: (n,) weights, tile after tile.
            sizes: number of weights of each tile.
            normals: (4, n); overwritten.

        Returns:
            (n,) programmed weights, and (n,) drift exponents of the devices that are left (the
            other one of each pair is at zero and has none).
        """
        ratio = _spread_out(self._ratios(target, sizes), sizes)
        scaled = target * ratio
        negative = _is_negative(scaled)
        active = scaled.abs_().clamp_(max=self.g_max_us)
        x = active / self.g_max_us
        c_0, c_1, c_2 = self.programming_us
        sigma = x * c_1 + c_0
        sigma += (x * x).mul_(c_2)
        z_active = _choose(negative, normals[2], normals[0])
        z_other = _choose(negative, normals[0], normals[2])
        g = sigma.mul_(self.programming_scale).mul_(z_active).add_(active).clamp_(min=0.0)
        # At zero conductance the spread is the polynomial's constant, rounded as a float32.
        constant = float(torch.tensor(c_0, dtype=torch.float32) * self.programming_scale)
        g -= z_other.mul_(constant).clamp_(min=0.0)
        # Where the noise has turned a weight's sign, the device that aimed at zero is left.
        x.masked_fill_(g < 0, 0.0).clamp_(min=_SMALLEST)
        programmed = _negate_(g, negative).div_(ratio)
        left_negative = _is_negative(programmed)
        for part in x.split_with_sizes(list(sizes)):
            part.log_()
        slope, offset, low, high = self.nu_mean
        mean = (x * slope).add_(offset).clamp_(low, high)
        slope, offset, low, high = self.nu_std
        std = x.mul_(slope).add_(offset).clamp_(low, high)
        nu = std.mul_(_choose(left_negative, normals[3], normals[1])).add_(mean).abs_()
        return programmed, nu.mul_(self.drift_scale)

    def prepare(self, programmed: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        """What drifts to any time share: relative spread (n,), uS a weight of each tile."""
        ratios = self._ratios(programmed, sizes)
        factor, exponent, most = self.q
        relative = self._conductance(programmed, _spread_out(ratios, sizes)) / self.g_max_us
        # Upstream bounds the power; of its own fit both bounds give the largest Q.
        relative.clamp_(min=_SMALLEST)
        for part in relative.split_with_sizes(list(sizes)):
            part.pow_(exponent)
        return relative.reciprocal_().mul_(factor).clamp_(max=most), ratios

    def drift(
        self,
        programmed: Tensor,
        nu: Tensor,
        prepared: tuple[Tensor, ...],
        sizes: Sequence[int],
        t_s: float,
        normals: Tensor,
    ) -> Tensor:
        """Weights (n,) of consecutive tiles `t_s` seconds after programming.

        Args:
            programmed, nu: what `program` returned.
            prepared: what `prepare` returned; it is not changed.
            sizes: number of weights of each tile.
            t_s: seconds since programming.
            normals: (2, n); overwritten.
        """
        spread, ratios = prepared
        ratio = _spread_out(ratios, sizes)
        g_programmed = self._conductance(programmed, ratio)
        negative = _is_negative(programmed)
        t = t_s + self.t_0_s
        if t > self.t_0_s:
            g = -nu
            for part in g.split_with_sizes(list(sizes)):
                torch.pow(t / self.t_0_s, part, out=part)
            g.mul_(g_programmed)
        else:
            g = g_programmed
        noise = spread * math.sqrt(math.log((t + self.t_read_s) / (2 * self.t_read_s)))
        # As upstream: |g| * scale * spread * z, in this order.
        noise.mul_(g if self.read_scale == 1.0 else g * self.read_scale)
        noise *= _choose(negative, normals[1], normals[0])
        g.add_(noise).clamp_(min=0.0)
        return _negate_(g, negative).div_(ratio)

    def _conductance(self, programmed: Tensor, ratio: Tensor) -> Tensor:
        """(n,), in uS."""
        return (programmed * ratio).abs_().clamp_(max=self.g_max_us)

    def _ratios(self, weights: Tensor, sizes: Sequence[int]) -> Tensor:
        """(tiles,): what one unit of weight is on each tile, in uS."""
        largest = torch.stack([part.abs().max() for part in weights.split_with_sizes(list(sizes))])
        return self.g_max_us / largest.clamp(min=_SMALLEST)


def _spread_out(ratios: Tensor, sizes: Sequence[int]) -> Tensor:
    """One of `ratios` for each weight: a scalar for one tile, else (n,)."""
    if len(sizes) == 1:
        return ratios[0]
    return ratios.repeat_interleave(torch.tensor(sizes), output_size=sum(sizes))


# Choices by sign, on the bits of float32: torch.where is several times slower on a CPU.


def _is_negative(x: Tensor) -> Tensor:
    """int32: all bits where `x` has its sign bit set, none elsewhere."""
    return x.view(torch.int32) >> 31


def _choose(mask: Tensor, where_set: Tensor, elsewhere: Tensor) -> Tensor:
    """`where_set` where the mask's bits are set, `elsewhere` where they are not."""
    other = elsewhere.view(torch.int32)
    chosen = where_set.view(torch.int32).bitwise_xor(other)
    return chosen.bitwise_and_(mask).bitwise_xor_(other).view(torch.float32)


def _negate_(x: Tensor, mask: Tensor) -> Tensor:
    """Turn the sign of `x`, in place, where the mask's bits are set."""
    x.view(torch.int32).bitwise_xor_(mask << 31)
    return x

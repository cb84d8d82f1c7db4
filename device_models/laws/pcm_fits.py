"""aihwkit's PCM law with other drift exponents and another read noise than it hard-codes."""

from __future__ import annotations

import math
from typing import Any

import torch
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from torch import Tensor

_SMALLEST = 1e-7
"""aihwkit's lower bound of a relative conductance."""


class PcmFitsLaw(PCMLikeNoiseModel):  # type: ignore[misc]  # aihwkit has no types
    """Upstream's class but for the numbers of nu and Q, which upstream (1.1.0, 1.2.0) hard-codes.

    `nu_mean` and `nu_std` are slope and offset over ln x, lower and upper bound; `q` is factor,
    exponent and upper bound of Q = factor / x^exponent; the other options are upstream's.
    """

    def __init__(
        self,
        *,
        nu_mean: tuple[float, float, float, float],
        nu_std: tuple[float, float, float, float],
        q: tuple[float, float, float],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._nu_mean = nu_mean
        self._nu_std = nu_std
        self._q = q

    @torch.no_grad()
    def generate_drift_coefficients(self, g_target: Tensor) -> Tensor:
        """Upstream's expression, operation by operation; one draw a cell, spread or not."""
        log_x = (g_target / self.g_max).abs().clamp(min=_SMALLEST).log()
        slope, offset, low, high = self._nu_mean
        mean = (slope * log_x + offset).clamp(min=low, max=high)
        slope, offset, low, high = self._nu_std
        std = (slope * log_x + offset).clamp(min=low, max=high)
        nu = (mean + std * torch.randn_like(log_x)).abs()
        scaled: Tensor = nu * self.drift_scale
        return scaled

    @torch.no_grad()
    def apply_drift_noise_to_conductance(
        self, g_prog: Tensor, drift_noise_param: Tensor, t_inference: float
    ) -> Tensor:
        """Upstream's expression, operation by operation; g in uS, one draw a cell."""
        t = t_inference + self.t_0
        drifted = g_prog * (t / self.t_0) ** -drift_noise_param if t > self.t_0 else g_prog
        factor, exponent, most = self._q
        # Bounded below before the power: upstream bounds the power, by a number of its own fit.
        power = (g_prog.abs() / self.g_max).clamp(min=_SMALLEST) ** exponent
        q = (factor / power).clamp(max=most)
        noise = q * math.sqrt(math.log((t + self.t_read) / (2 * self.t_read)))
        read = drifted.abs() * self.read_noise_scale * noise * torch.randn_like(g_prog)
        final: Tensor = (drifted + read).clamp(min=0.0)
        return final

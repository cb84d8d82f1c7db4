"""aihwkit's PCM law with another spread of the drift exponents between cells."""

from __future__ import annotations

from typing import Any

import torch
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from torch import Tensor

_SMALLEST = 1e-7
"""aihwkit's lower bound of a relative conductance."""


class PcmSpreadLaw(PCMLikeNoiseModel):  # type: ignore[misc]  # aihwkit has no types
    """Upstream's class but for the numbers of nu, which upstream (1.1.0, 1.2.0) hard-codes.

    `nu_mean` and `nu_std` are slope and offset over ln x, lower and upper bound; the other
    options are upstream's.
    """

    def __init__(
        self,
        *,
        nu_mean: tuple[float, float, float, float],
        nu_std: tuple[float, float, float, float],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._nu_mean = nu_mean
        self._nu_std = nu_std

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

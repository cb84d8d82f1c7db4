"""Gaussian noise of one spread in logical weight units, applied to tile weights."""

from __future__ import annotations

import torch
from torch import Tensor


class GaussianLaw:
    """w_tile + (sigma / column_scale) z, z drawn once a chip; constant over time.

    `sigma` is in logical weight units, `column_scale` has shape (out, 1). Where a column scale
    is 0 the logical weights are 0 whatever the tile holds: no finite noise of the tile can reach
    them, and none is added.
    """

    def __init__(self, *, sigma: float, column_scale: Tensor) -> None:
        self._sigma = sigma
        self._column_scale = column_scale

    @torch.no_grad()
    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        """Return the noisy weights; there is nothing to remember."""
        scale = self._column_scale.to(weights)
        sigma_tile = torch.where(scale == 0, 0.0, self._sigma / scale)
        return weights + sigma_tile * torch.randn_like(weights), []

    def apply_drift_noise(
        self, weights: Tensor, drift_noise_parameters: list[Tensor | None], t_inference: float
    ) -> Tensor:
        """Return a copy of the programmed weights, at any time."""
        return weights.clone()

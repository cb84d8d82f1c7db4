"""Gaussian noise whose spread and mean depend on the size of the tile weight."""

from __future__ import annotations

import torch
from torch import Tensor


class GaussianByStateLaw:
    """w + sign(w) bias(|w|) + sigma(|w|) z, z drawn once a chip; constant over time.

    `sigmas` and `biases` are in tile units, for as many bins of equal width over |w| in [0, 1].
    """

    def __init__(self, *, sigmas: tuple[float, ...], biases: tuple[float, ...]) -> None:
        self._sigmas = sigmas
        self._biases = biases

    @torch.no_grad()
    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        """Return the noisy weights; there is nothing to remember."""
        bins = bin_of(weights, len(self._sigmas))
        sigma = torch.tensor(self._sigmas).to(weights)[bins]
        bias = torch.tensor(self._biases).to(weights)[bins] * weights.sign()
        return weights + bias + sigma * torch.randn_like(weights), []

    def apply_drift_noise(
        self, weights: Tensor, drift_noise_parameters: list[Tensor | None], t_inference: float
    ) -> Tensor:
        """Return a copy of the programmed weights, at any time."""
        return weights.clone()


def bin_of(weights: Tensor, bins: int) -> Tensor:
    """The bin, 0 to `bins` - 1, of each tile weight's size; sizes above 1 are in the last one."""
    return (weights.abs() * bins).long().clamp_(max=bins - 1)

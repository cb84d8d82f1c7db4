"""A spread that grows with time, with one draw a cell for the whole life of a chip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from aihwkit.inference.converter.conductance import SinglePairConductanceConverter
from torch import Tensor

from device_models.laws.cells import CellConverter


class RramLaw:
    """g(t) = max(g + noise_scale sigma(g/g_max, t) z, 0) on both cells of each weight.

    `spread_us(t_s)` gives the coefficients of sigma in uS, constant first, or raises. The chip
    remembers its target weights and the draws z of both cells, each of shape (out, in). With
    `alone` a weight has one cell.
    """

    def __init__(
        self,
        *,
        spread_us: Callable[[float], Sequence[float]],
        programmed_at_s: float,
        g_max_us: float,
        noise_scale: float,
        scale_by_target: bool,
        alone: bool = False,
    ) -> None:
        self._spread_us = spread_us
        self._programmed_at_s = programmed_at_s
        self._g_max_us = g_max_us
        self._noise_scale = noise_scale
        self._scale_by_target = scale_by_target
        pair = SinglePairConductanceConverter(g_max=g_max_us)
        self._converter = CellConverter(g_max_us) if alone else pair

    @torch.no_grad()
    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        """Return the state at the first fitted time, and [targets, z_plus, z_minus]."""
        targets, scale = self._converter.convert_to_conductances(weights)
        draws = [torch.randn_like(g) for g in targets]
        noisy = self._noisy(targets, draws, self._programmed_at_s)
        programmed: Tensor = self._converter.convert_back_to_weights(noisy, scale)
        return programmed, [weights.clone(), *draws]

    @torch.no_grad()
    def apply_drift_noise(
        self, weights: Tensor, drift_noise_parameters: list[Tensor | None], t_inference: float
    ) -> Tensor:
        """Return the same chip `t_inference` seconds after programming."""
        target_weights, *draws = drift_noise_parameters
        assert target_weights is not None, "programming stores the targets"
        targets, scale = self._converter.convert_to_conductances(target_weights)
        noisy = self._noisy(targets, draws, t_inference)
        if not self._scale_by_target:
            # aihwkit's error, kept for comparison: see `gain` in device_models/rram.py.
            _, scale = self._converter.convert_to_conductances(weights)
        drifted: Tensor = self._converter.convert_back_to_weights(noisy, scale)
        return drifted

    def _noisy(self, targets: list[Tensor], draws: Sequence[Any], t_s: float) -> list[Tensor]:
        coefficients = self._spread_us(t_s)
        return [self._cells(g, z, coefficients) for g, z in zip(targets, draws, strict=True)]

    def _cells(self, g: Tensor, z: Tensor, coefficients: Sequence[float]) -> Tensor:
        # Powers are built up, and products taken from the left, in upstream's order: the
        # programmed weights equal upstream's to the last bit.
        constant, *higher = coefficients
        power = torch.ones_like(g)
        sigma = torch.full_like(g, constant)
        for coefficient in higher:
            power = power * (g / self._g_max_us)
            sigma = sigma + power * coefficient
        return (g + self._noise_scale * sigma * z).clamp(min=0.0)

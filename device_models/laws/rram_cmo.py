"""Relaxation in ln t of single cells, with one draw a cell for the whole life of a chip."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from aihwkit.inference.noise.reram import ReRamCMONoiseModel
from torch import Tensor


class RramCmoLaw:
    """g(t) = g_prog + a ln t + (b ln t + c) z + read noise, clipped to `g_range_us`.

    The chip remembers z of shape (out, in) and, for a tile whose target weights are all equal or
    where `ends` are given, the pair of weights (shape (2,)) that sit at the ends of the range.
    """

    def __init__(
        self,
        *,
        check_time: Callable[[float], None],
        g_range_us: tuple[float, float],
        programming: tuple[float, float],
        programming_scale: float,
        relaxation_mean_us: float,
        relaxation_std_us: tuple[float, float],
        read_k_us: float,
        t_read_s: float,
        ends: tuple[float, float] | None = None,
    ) -> None:
        """`ends`: weights at the ends of the conductance range; None: the extremes of each tile."""
        self._ends = ends
        self._check_time = check_time
        self._g_min_us, self._g_max_us = g_range_us
        self._relaxation_mean_us = relaxation_mean_us
        self._relaxation_std_us = relaxation_std_us
        self._read_k_us = read_k_us
        self._t_read_s = t_read_s
        # The key is ours: upstream falls back in silence on a range that is not in its table.
        self._upstream = ReRamCMONoiseModel(
            coeff_dict={1.0: list(programming)},
            acceptance_range=1.0,
            g_min=self._g_min_us,
            g_max=self._g_max_us,
            prog_noise_scale=programming_scale,
        )

    @torch.no_grad()
    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        """Return aihwkit's programmed weights, and [z, weight range or None]."""
        span = None if self._ends is None else weights.new_tensor(self._ends)
        if span is None and bool(weights.min() == weights.max()):
            bound = weights.abs().max().clamp(min=1.0)
            span = torch.stack([-bound, bound])
        if span is not None:
            # Two more rows give the range that the tile lacks, and are cut off again.
            rows = span.unsqueeze(1).expand(-1, weights.shape[1])
            both = torch.cat([weights, rows])
            programmed: Tensor = self._upstream.apply_programming_noise(both)[0][:-2]
            if self._ends is not None:
                # As at any later time: the device's range ends there.
                programmed = programmed.clamp(*self._ends)
        else:
            programmed = self._upstream.apply_programming_noise(weights)[0]
        return programmed, [torch.randn_like(programmed), span]

    @torch.no_grad()
    def apply_drift_noise(
        self, weights: Tensor, drift_noise_parameters: list[Tensor | None], t_inference: float
    ) -> Tensor:
        """Return the same chip `t_inference` seconds after programming; read noise is drawn.

        As upstream, the programmed weights are mapped on the conductance range anew: their
        extremes sit at its ends again, so nothing is clipped before it relaxes. This stretches
        the noise by how far programming spread the extremes: about 0.4 % at an acceptance range
        of 0.2 %, about 4 % at 2 % (512 outputs, scaled each to a largest weight of 1).
        """
        self._check_time(t_inference)
        z, span = drift_noise_parameters
        assert z is not None, "programming stores one draw a cell"
        low, high = (weights.min(), weights.max()) if span is None else span
        us_per_weight = (self._g_max_us - self._g_min_us) / (high - low)
        g_prog = (weights - low) * us_per_weight + self._g_min_us

        log_t = math.log(t_inference)
        slope, offset = self._relaxation_std_us
        g = g_prog + self._relaxation_mean_us * log_t + (slope * log_t + offset) * z
        # Below 1 uS upstream's log10 turns negative and then NaN. No cell gets there: it would be
        # more than six sigma below g_min at one year.
        decades = g.clamp(min=1.0).log10()
        bandwidth = math.sqrt(math.log((t_inference + self._t_read_s) / (2 * self._t_read_s)))
        g = g + self._read_k_us * decades * bandwidth * torch.randn_like(g)

        g = g.clamp(min=self._g_min_us, max=self._g_max_us)
        return low + (g - self._g_min_us) / us_per_weight

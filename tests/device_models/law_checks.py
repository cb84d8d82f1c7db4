"""What the tests of the devices share: one chip through its life, and two statistical checks.

Every statistical check states its alpha for one comparison; the smallest error that it must see
is shown by the negative controls in test_law_checks.py.
"""

import math

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from device_models import Device, TileContext

ALPHA = 1e-4

HOUR_S, DAY_S = 3_600.0, 86_400.0
MONTH_S, YEAR_S = 30 * DAY_S, 365 * DAY_S

Memory = list[Tensor | None]


def context_of(weights: Tensor) -> TileContext:
    """The context of a tile that holds its whole layer, unscaled."""
    return TileContext.of(weights, torch.ones(weights.shape[0], 1))


def program(device: Device, weights: Tensor, *, seed: int = 0) -> tuple[Tensor, Memory]:
    torch.manual_seed(seed)
    return device.noise_law(context_of(weights)).apply_programming_noise(weights)


def drift(
    device: Device, programmed: Tensor, memory: Memory, t_s: float, *, seed: int = 1
) -> Tensor:
    torch.manual_seed(seed)
    law = device.noise_law(context_of(programmed))
    return law.apply_drift_noise(programmed, memory, t_s)


def uniform_weights(out: int, columns: int, *, seed: int = 7) -> Tensor:
    """Tile weights in [-1, 1] whose extremes are exactly -1 and 1."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(out, columns, generator=generator) * 2 - 1
    weights[0, 0], weights[-1, -1] = -1.0, 1.0
    return weights


def anchored_weights(value: float, n: int) -> Tensor:
    """One row of 1 and -1, which fixes the scale of the tile, and n weights of one value."""
    weights = torch.full((n // 100 + 1, 100), value)
    weights[0, 0::2], weights[0, 1::2] = 1.0, -1.0
    return weights


def assert_spread(sample: Tensor, expected: float, *, comparisons: int = 1) -> None:
    """The standard deviation of near-Gaussian `sample` is `expected`, at ALPHA / comparisons.

    The bound is z / sqrt(2 n) relative, with z the two-sided normal quantile.
    """
    n = sample.numel()
    bound = stats.norm.isf(ALPHA / comparisons / 2) / math.sqrt(2 * n)
    measured = float(sample.double().std())
    assert abs(measured / expected - 1) < bound, f"{measured} is not {expected} within {bound:.2%}"


def assert_mean(sample: Tensor, expected: float, *, comparisons: int = 1) -> None:
    """The mean of `sample` is `expected`, at ALPHA / comparisons, given its own spread."""
    error = float(sample.double().std()) / math.sqrt(sample.numel())
    bound = stats.norm.isf(ALPHA / comparisons / 2) * error
    measured = float(sample.double().mean())
    assert abs(measured - expected) < bound, f"{measured} is not {expected} within {bound}"


def assert_same_distribution(first: Tensor, second: Tensor, *, comparisons: int = 1) -> None:
    """Kolmogorov and Smirnov's test of two samples does not reject at ALPHA / comparisons."""
    result = stats.ks_2samp(np.ravel(first.numpy()), np.ravel(second.numpy()))
    assert result.pvalue > ALPHA / comparisons, f"D = {result.statistic}, p = {result.pvalue}"

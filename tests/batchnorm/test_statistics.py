"""What the scales are of normal values, and of others: moments against exact expectations."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from analogsim.batchnorm.statistics import mean_and_l1, mean_and_topk, topk_constant

CHANNELS = 64
Z = 3.9  # two-sided alpha = 1e-4


def expected_topk(n: int, k: int) -> float:
    """E of the scale of n standard normal values, the sample mean taken as 0.

    P(|Z| > j-th largest |z|) is a Beta(j, n - j + 1) variable. Midpoint rule over its quantiles.
    """
    middles = (np.arange(2000) + 0.5) / 2000
    tails = [stats.beta(j, n - j + 1).ppf(middles) for j in range(1, k + 1)]
    return topk_constant(n) * float(stats.norm.isf(np.array(tails) / 2).mean())


def normals(n: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3.0 + 2.0 * torch.randn(n, CHANNELS, generator=generator, dtype=torch.float64)


def test_l1_scale_of_normal_values_is_their_standard_deviation() -> None:
    # n = 10^4 values in each of 64 channels; sd(|z|) = sqrt(1 - 2/pi), so the relative standard
    # error of the mean over all is sqrt(pi/2) 0.603 / 800 = 0.00094. It sees an error of 0.4 %.
    n = 10_000
    mean, scale = mean_and_l1(normals(n))
    error = math.sqrt(math.pi / 2 - 1) / math.sqrt(n * CHANNELS)
    assert float(scale.mean()) == pytest.approx(2.0, abs=2.0 * Z * error)
    assert float(mean.mean()) == pytest.approx(3.0, abs=2.0 * Z / math.sqrt(n * CHANNELS))


def test_l1_scale_of_even_values_is_not() -> None:
    """Negative control: of uniform values on [-1, 1] it is sqrt(pi/2) / 2, and std 1/sqrt(3)."""
    x = torch.linspace(-1, 1, 10_001, dtype=torch.float64)[:, None]
    assert mean_and_l1(x)[1].item() == pytest.approx(math.sqrt(math.pi / 2) / 2, rel=2e-4)
    assert x.std().item() == pytest.approx(1 / math.sqrt(3), rel=2e-4)


def test_topk_scale_of_normal_values_is_the_order_statistics() -> None:
    # n = 10^4, k = 10, 64 channels. The standard error is taken from the channels themselves
    # (about 0.037 / 8 = 0.005): it sees an error of 2 %.
    scale = mean_and_topk(normals(10_000), 10)[1] / 2.0
    error = float(scale.std()) / math.sqrt(CHANNELS)
    assert error < 0.01
    assert float(scale.mean()) == pytest.approx(expected_topk(10_000, 10), abs=Z * error)


@pytest.mark.parametrize(("n", "factor"), [(1_000, 1.19), (10_000, 1.27), (100_000, 1.32)])
def test_the_constant_does_not_make_it_the_standard_deviation(n: int, factor: float) -> None:
    """As the docstring says."""
    assert expected_topk(n, 10) == pytest.approx(factor, abs=0.005)


def test_the_constant_lies_between_the_bounds_of_the_expected_maximum() -> None:
    # sqrt(ln n / (pi ln 2)) <= E max <= sqrt(2 ln n): the constant is the middle of 1 / both.
    n = 5_000
    low, high = math.sqrt(math.log(n) / (math.pi * math.log(2))), math.sqrt(2 * math.log(n))
    assert topk_constant(n) == pytest.approx((1 / low + 1 / high) / 2, rel=1e-12)

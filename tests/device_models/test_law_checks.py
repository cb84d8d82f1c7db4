"""The checks see the errors that they must see."""

import pytest
import torch

from tests.device_models.law_checks import assert_mean, assert_same_distribution, assert_spread

N = 40_000


def sample(seed: int, *, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(N, generator=torch.Generator().manual_seed(seed)) * scale + shift


def test_spread_sees_an_error_of_three_percent():
    assert_spread(sample(0), 1.0)
    with pytest.raises(AssertionError, match="is not 1.0 within"):
        assert_spread(sample(0, scale=1.03), 1.0)


def test_mean_sees_an_error_of_four_percent_of_the_spread():
    assert_mean(sample(0), 0.0)
    with pytest.raises(AssertionError, match="is not 0.0 within"):
        assert_mean(sample(0, shift=0.04), 0.0)


def test_distribution_sees_a_spread_ten_percent_too_large():
    assert_same_distribution(sample(0), sample(1))
    with pytest.raises(AssertionError, match="p = "):
        assert_same_distribution(sample(0), sample(1, scale=1.1))

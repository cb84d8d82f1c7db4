"""How cells of a device behave, held to the law's own numbers."""

import math

import pytest
import torch

from device_models.errors import DeviceError
from device_models.ideal import Ideal
from device_models.pcm import Pcm
from device_models.simulated import LEVELS, YEAR_S, behaviour


def test_exponents_and_weights_are_those_of_the_law() -> None:
    """Without noise of its own every weight follows ((t + t_0) / t_0)^-nu."""
    device = Pcm(nu_mean=0.05, nu_std_scale=0.0, read_scale=0.0, programming_scale=0.0)
    found = behaviour(device, 1000)
    t_1, t_2 = found["between"]
    assert (t_1, t_2) == (3600.0, YEAR_S)
    expected = 0.05 * math.log((t_2 + 20) / (t_1 + 20)) / math.log(t_2 / t_1)
    assert len(found["exponents"]) == len(LEVELS)
    for exponents in found["exponents"]:
        assert exponents == pytest.approx([expected] * 3, rel=1e-4)
    for band in found["bands"]:
        assert band["means"][-1] == pytest.approx(
            band["target"] * ((t_2 + 20) / 20) ** -0.05, rel=1e-4
        )


def test_exponents_lie_on_the_published_fit() -> None:
    """Mean nu of Nandakumar 2019: clip(-0.0155 ln x + 0.0244, 0.049, 0.1); n = 10,000 a level."""
    found = behaviour(Pcm(read_scale=0.0, programming_scale=0.0), 10_000)
    for x, (median, low, high) in zip(LEVELS, found["exponents"], strict=True):
        fit = min(max(-0.0155 * math.log(x) + 0.0244, 0.049), 0.1)
        # Sampling error of a median at n = 10,000 and spread 0.045: 0.0006; t_0 costs 0.1 %.
        assert median == pytest.approx(fit, abs=0.0025), x
        assert low < median < high


def test_a_device_that_keeps_its_weights_has_none() -> None:
    found = behaviour(Ideal(), 1000)
    assert found["exponents"] == [[0.0, 0.0, 0.0]] * len(LEVELS)


def test_a_device_so_noisy_that_cells_fall_to_nothing_has_finite_numbers() -> None:
    """Weights of 0 at the first time, or at the last one, have no exponent; others have."""
    found = behaviour(Pcm(noise_scale=6.0), 1000)
    assert len(found["exponents"]) == len(LEVELS)
    for exponents in found["exponents"]:
        assert all(map(math.isfinite, exponents))
        assert exponents[1] < exponents[0] < exponents[2]


def test_a_law_without_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*args: object) -> torch.Tensor:
        return torch.full((2, 101), math.nan)

    monkeypatch.setattr("device_models.laws.identity.IdentityLaw.apply_drift_noise", nothing)
    with pytest.raises(DeviceError, match="finite weights"):
        behaviour(Ideal(), 100)

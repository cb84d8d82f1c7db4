"""The HERMES chip's phase-change memory against its fits, written a second time, and aihwkit."""

import math

import pytest
import torch
from aihwkit.inference.noise.hermes import HermesNoiseModel

from device_models import PcmHermes
from tests.device_models.law_checks import (
    DAY_S,
    HOUR_S,
    MONTH_S,
    YEAR_S,
    anchored_weights,
    assert_mean,
    assert_spread,
    drift,
    program,
    uniform_weights,
)

# aihwkit 1.1.0 alone: indexing with a list, which torch 2.10 to 2.12 warns about.
upstream_warns = pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")


def polynomial(x, coefficients):
    return sum(c * x**power for power, c in enumerate(coefficients))


PROGRAMMING_US = {
    1: (0.15781817, 2.32443916, -2.16310839, 0.68841818),
    2: (0.16603222, 4.71806468, -8.48101252, 4.68961419),
}
G_MAX_US = {1: 10.35, 2: 20.7}
T_0_S = {1: 200.0, 2: 300.0}


def branches(x, split, low, high):
    slope, offset, smallest, largest = low
    below = (slope * torch.log(x) + offset).clamp(smallest, largest)
    return torch.where(x < split, below, polynomial(x, high))


def nu_mean(x):
    return branches(x, 0.0945, (-0.0387, -0.0182, 0.072, 0.13), (0.0736, -0.0126, -0.0436))


def nu_std(x, num_devices):
    if num_devices == 1:
        return branches(x, 0.3039, (-0.012, -0.0023, 0.0124, 0.04), (0.0104, 0.0116, -0.0165))
    return branches(x, 0.3055, (-0.0117, -0.0057, 0.0091, 0.04), (0.0073, 0.0093, -0.0118))


def q(x, num_devices):
    if num_devices == 1:
        high = (0.0088, 0.0768, -0.1352, 0.0664)
        return branches(x, 0.1591, (-0.0078, 0.0038, 0.0179, 0.04), high)
    return branches(x, 0.16, (-0.0117, -0.0069, 0.015, 0.04), (0.0123, 0.0211, -0.028, 0.0069))


@upstream_warns
@pytest.mark.parametrize("num_devices", [1, 2])
@pytest.mark.parametrize("t_s", [0.0, 1.0, HOUR_S, MONTH_S, YEAR_S])
def test_weights_equal_those_of_aihwkit_draw_for_draw(num_devices, t_s):
    weights, upstream = uniform_weights(16, 24), HermesNoiseModel(num_devices=num_devices)
    device = PcmHermes(num_devices=num_devices)
    torch.manual_seed(5)
    expected, expected_nu = upstream.apply_programming_noise(weights)
    torch.manual_seed(6)
    expected_drifted = upstream.apply_drift_noise(expected, expected_nu, t_s)

    programmed, nu = program(device, weights, seed=5)
    assert torch.equal(programmed, expected)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(nu, expected_nu, strict=True))
    assert torch.equal(drift(device, programmed, nu, t_s, seed=6), expected_drifted)


def test_two_cells_are_the_default():
    assert PcmHermes() == PcmHermes(num_devices=2)


@pytest.mark.parametrize("num_devices", [1, 2])
def test_constants_are_those_of_aihwkit_and_of_the_formulas_here(num_devices):
    upstream = HermesNoiseModel(num_devices=num_devices)
    device = PcmHermes(num_devices=num_devices)
    c = {constant.symbol: constant.value for constant in device.constants()}
    assert [c[f"c_{power}"] for power in range(4)] == upstream.prog_coeff
    assert c["g_max"] == upstream.g_max == upstream.prog_coeff_g_max_reference
    assert (c["t_0"], c["t_read"]) == (upstream.t_0, upstream.t_read)
    x = torch.linspace(0.001, 1, 500)
    for symbol, formula, degree in (
        ("nu_mean", nu_mean(x), 2),
        ("nu_std", nu_std(x, num_devices), 2),
        ("Q", q(x, num_devices), 3),
    ):
        low = tuple(c[f"{symbol}_{part}"] for part in ("slope", "offset", "min", "max"))
        high = tuple(c[f"{symbol}_{power}"] for power in range(degree + 1))
        stated = branches(x, c[f"{symbol}_split"], low, high)
        torch.testing.assert_close(stated, formula, rtol=0, atol=1e-9)


@pytest.mark.parametrize("num_devices", [1, 2])
def test_drift_exponents_follow_the_fit_draw_for_draw(num_devices):
    weights = uniform_weights(40, 50)
    _, memory = program(PcmHermes(num_devices=num_devices), weights, seed=3)
    torch.manual_seed(3)
    for sign, nu in zip((1, -1), memory, strict=True):
        torch.randn_like(weights)  # the draw of the programming noise comes first
        x = (sign * weights).clamp(min=1e-7)
        expected = (nu_mean(x) + nu_std(x, num_devices) * torch.randn_like(weights)).abs()
        torch.testing.assert_close(nu, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("num_devices", [1, 2])
@pytest.mark.parametrize("t_s", [0.0, DAY_S])
def test_read_noise_follows_the_fit_draw_for_draw(num_devices, t_s):
    weights = uniform_weights(40, 50)
    device = PcmHermes(num_devices=num_devices, programming_scale=0.0, drift_scale=0.0)
    programmed, memory = program(device, weights)
    read = drift(device, programmed, memory, t_s, seed=9)
    bandwidth = math.sqrt(math.log((t_s + T_0_S[num_devices] + 512e-9) / (2 * 512e-9)))
    torch.manual_seed(9)
    expected = torch.zeros_like(weights)
    for sign in (1, -1):
        x = (sign * weights).clamp(min=0.0)
        spread = q(x.clamp(min=1e-7), num_devices) * bandwidth
        expected += sign * (x * (1 + spread * torch.randn_like(weights))).clamp(min=0.0)
    torch.testing.assert_close(read, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("num_devices", [1, 2])
@pytest.mark.parametrize("x", [0.3, 0.6, 1.0])
def test_programming_spread_at_a_conductance(num_devices, x):
    """n = 40,000, twelve comparisons; sees 2 %. The cell at 0 adds half a Gaussian (test_pcm)."""
    device = PcmHermes(num_devices=num_devices)
    weights = anchored_weights(x, 40_000)
    programmed, _ = program(device, weights)
    error_us = (programmed - weights)[1:] * G_MAX_US[num_devices]
    sigma, sigma_0 = (polynomial(at, PROGRAMMING_US[num_devices]) for at in (x, 0.0))
    half = sigma_0**2 * (0.5 - 0.5 / math.pi)
    assert_spread(error_us, math.sqrt(sigma**2 + half), comparisons=12)
    assert_mean(error_us, -sigma_0 / math.sqrt(2 * math.pi), comparisons=12)


def test_noise_scale_multiplies_the_whole_drift_exponent():
    weights = uniform_weights(8, 9)
    _, whole = program(PcmHermes(), weights)
    _, half = program(PcmHermes(noise_scale=0.5), weights)
    for nu, nu_half in zip(whole, half, strict=True):
        torch.testing.assert_close(nu_half, nu / 2, rtol=1e-6, atol=0)

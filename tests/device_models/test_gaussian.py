"""Additive Gaussian noise of the layer's own spread."""

import pytest
import torch

from device_models import DeviceError, Gaussian, TileContext
from tests.device_models.law_checks import (
    YEAR_S,
    assert_mean,
    assert_spread,
    drift,
    program,
    uniform_weights,
)


def noise_in_logical_units(device: Gaussian, weight: torch.Tensor) -> torch.Tensor:
    """Program a layer as a crossbar would, scaled column by column; shape (out, in)."""
    column_scale = weight.abs().amax(1, keepdim=True)
    law = device.noise_law(TileContext.of(weight, column_scale))
    torch.manual_seed(0)
    programmed, _ = law.apply_programming_noise(weight / column_scale)
    return programmed * column_scale - weight


@pytest.mark.parametrize("device", [Gaussian(eta=0.0), Gaussian(eta=0.3, noise_scale=0.0)])
def test_no_level_is_the_identity(device):
    weights = uniform_weights(4, 5)
    assert torch.equal(program(device, weights)[0], weights)


def test_the_draw_is_sigma_over_column_scale_times_z():
    weights, column_scale = uniform_weights(3, 4), torch.tensor([[0.5], [1.0], [4.0]])
    context = TileContext(weight_std=0.2, weight_abs_max=3.0, column_scale=column_scale)
    torch.manual_seed(2)
    programmed, memory = (
        Gaussian(eta=0.1, reference="max").noise_law(context).apply_programming_noise(weights)
    )
    torch.manual_seed(2)
    z = torch.randn(3, 4)
    assert torch.equal(programmed, weights + (0.1 * 3.0 / column_scale) * z)
    assert memory == []


@pytest.mark.parametrize("reference", ["std", "max"])
@pytest.mark.parametrize("eta", [0.02, 0.2])
def test_spread_is_that_of_the_whole_layer_for_every_output(reference, eta):
    """n = 30,000 an output, four outputs of very different size, so 16 comparisons; sees 3 %."""
    generator = torch.Generator().manual_seed(11)
    size = torch.tensor([[0.1], [1.0], [3.0], [0.5]])
    weight = torch.randn(4, 30_000, generator=generator) * size
    reference_value = weight.std() if reference == "std" else weight.abs().max()
    noise = noise_in_logical_units(Gaussian(eta=eta, reference=reference), weight)
    for row in noise:
        assert_spread(row, eta * float(reference_value), comparisons=16)
        assert_mean(row, 0.0, comparisons=16)


def test_noise_scale_multiplies_eta():
    weight = uniform_weights(5, 6)
    whole = noise_in_logical_units(Gaussian(eta=0.2), weight)
    half = noise_in_logical_units(Gaussian(eta=0.2, noise_scale=0.5), weight)
    torch.testing.assert_close(half, whole / 2, rtol=0, atol=1e-7)


def test_weights_stay_as_programmed():
    device, weights = Gaussian(), uniform_weights(5, 6)
    programmed, memory = program(device, weights)
    for t_s in (0.0, 1.0, YEAR_S):
        assert torch.equal(drift(device, programmed, memory, t_s), programmed)


def test_an_output_whose_scale_is_zero_gets_no_noise():
    context = TileContext(
        weight_std=1.0, weight_abs_max=1.0, column_scale=torch.tensor([[0.0], [1.0]])
    )
    torch.manual_seed(0)
    programmed, _ = Gaussian().noise_law(context).apply_programming_noise(torch.zeros(2, 3))
    assert torch.equal(programmed[0], torch.zeros(3))
    assert (programmed[1] != 0).all()


@pytest.mark.parametrize("eta", [-0.1, float("inf")])
def test_a_level_below_zero_is_refused(eta):
    with pytest.raises(DeviceError, match=f"eta must be finite and >= 0, got {eta}; 0.05 means"):
        Gaussian(eta=eta)


def test_constants_state_the_level():
    stated = {constant.symbol: constant.value for constant in Gaussian(eta=0.07).constants()}
    assert stated == {"eta": 0.07, "reference": "std"}

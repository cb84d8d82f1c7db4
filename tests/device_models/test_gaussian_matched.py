"""The two controls: Gaussian noise a layer, and by the size of the weight."""

import pytest
import torch

from device_models.contract import TileContext
from device_models.errors import DeviceError
from device_models.gaussian_by_state import StateErrors, StateGaussian
from device_models.gaussian_matched import MatchedGaussian


def context(layer: str = "fc") -> TileContext:
    scale = torch.tensor([[1.0], [0.5]])
    return TileContext(weight_std=0.2, weight_abs_max=1.0, column_scale=scale, layer=layer)


def by_state(sigmas=(0.1, 0.0), biases=(0.0, -0.25), **values) -> StateGaussian:
    one = StateErrors(layer="fc", sigmas=sigmas, biases=biases)
    return StateGaussian(to="pcm", t_s=1.0, layers=(one,), **values)


WEIGHTS = torch.tensor([[0.0, 0.2, -0.4], [0.6, -0.8, 1.0]])


@pytest.mark.parametrize(
    "device",
    [
        MatchedGaussian(to="pcm", t_s=1.0, sigmas=(("fc", 0.0),)),
        MatchedGaussian(to="pcm", t_s=1.0, sigmas=(("fc", 0.3),), noise_scale=0.0),
        by_state(noise_scale=0.0),
    ],
    ids=["no spread", "scaled to 0", "by state, scaled to 0"],
)
def test_no_noise_is_the_identity(device):
    law = device.noise_law(context())
    programmed, parameters = law.apply_programming_noise(WEIGHTS)
    assert torch.equal(programmed, WEIGHTS)
    assert torch.equal(law.apply_drift_noise(programmed, parameters, 1e6), WEIGHTS)


def test_matched_noise_is_sigma_z_in_logical_units():
    law = MatchedGaussian(to="pcm", t_s=1.0, sigmas=(("fc", 0.3),)).noise_law(context())
    torch.manual_seed(4)
    programmed, parameters = law.apply_programming_noise(WEIGHTS)
    torch.manual_seed(4)
    z = torch.randn_like(WEIGHTS)
    logical = (programmed - WEIGHTS) * context().column_scale
    torch.testing.assert_close(logical, 0.3 * z)
    assert torch.equal(law.apply_drift_noise(programmed, parameters, 1e6), programmed)


def test_by_state_noise_follows_the_weight():
    law = by_state().noise_law(context())
    torch.manual_seed(4)
    programmed, parameters = law.apply_programming_noise(WEIGHTS)
    torch.manual_seed(4)
    z = torch.randn_like(WEIGHTS)
    small = WEIGHTS.abs() < 0.5
    expected = torch.where(small, WEIGHTS + 0.1 * z, WEIGHTS - 0.25 * WEIGHTS.sign())
    torch.testing.assert_close(programmed, expected)
    assert torch.equal(law.apply_drift_noise(programmed, parameters, 1e6), programmed)


def test_constants_name_layer_device_and_time():
    (one,) = MatchedGaussian(to="rram", t_s=2.0, sigmas=(("fc", 0.3),)).constants()
    assert (one.symbol, one.value, one.source) == ("sigma(fc)", 0.3, "measured: rram at 2 s")
    first, last = by_state().constants()
    assert (first.value, last.symbol) == (0.1, "sigma(fc, bin 1)")
    assert last.meaning == "spread of weights of size 0.5 to 1"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MatchedGaussian(to="pcm", t_s=1.0, sigmas=(("a", -1.0),)), "'a' .* got -1.0"),
        (
            lambda: MatchedGaussian(to="pcm", t_s=1.0, sigmas=(("a", 1.0), ("a", 2.0))),
            "once, got 'a' 2 times",
        ),
        (lambda: by_state(sigmas=(float("nan"), 0.1)), "'fc' .* got nan"),
        (lambda: by_state(sigmas=(0.1,)), "got 1 and 2"),
        (lambda: by_state(noise_scale=-1.0), "noise_scale .* got -1.0"),
    ],
    ids=["negative", "twice", "nan", "lengths", "scale"],
)
def test_refused(make, message):
    with pytest.raises(DeviceError, match=message):
        make()


@pytest.mark.parametrize(
    "device", [MatchedGaussian(to="pcm", t_s=1.0, sigmas=(("fc", 0.3),)), by_state()]
)
def test_other_layers_are_refused(device):
    with pytest.raises(DeviceError, match="one of fc, got 'conv'"):
        device.noise_law(context("conv"))

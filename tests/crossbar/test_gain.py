"""Compensation `gain`: the alpha of `global`, in front of the ADC."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import analogsim
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping import size
from analogsim.crossbar.mapping.periphery import STANDARD
from tests.crossbar.nets import small_inputs, small_net

YEAR_S = 31_536_000.0
QUIET = dataclasses.replace(STANDARD, name="quiet", output_noise=0.0, read_noise=0.0)


def tiles(chip):
    return [tile for layer in chip.layers.values() for tile in layer.tiles]


@torch.no_grad()
def outputs(chip, x):
    torch.manual_seed(0)
    return chip(x)


def pair(*args, **options):
    """The same chip with `global` and with `gain`."""
    analog = convert(*args, calibrate=small_inputs(), **options)
    return [program(analog).drift_(YEAR_S, kind) for kind in ("global", "gain")]


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
@pytest.mark.parametrize(
    "options", [{}, {"tile": "torch", "forward": "tile"}, {"stream": "philox"}], ids=str
)
@pytest.mark.parametrize("preset", ["pcm", "pcm-hermes"])
def test_weights_are_those_of_global_times_its_alpha(preset, options):
    if options.get("stream") == "philox":
        pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
        if preset != "pcm":
            pytest.skip("the stream has the law of pcm only")
    behind, front = pair(small_net(), preset, **options)
    assert all(float(tile.alpha.min()) > 1.1 for tile in tiles(behind))
    for one, other in zip(tiles(behind), tiles(front), strict=True):
        assert torch.equal(other.weights, one.weights * one.alpha.view(-1, 1))
        assert torch.equal(other.alpha, torch.ones(1))
    assert front.compensation == "gain"


def test_cpp_tiles_read_out_anew():
    """Their draws are their own: the factor is one a tile, and near that of `global`."""
    behind, front = pair(small_net(), "pcm", tile="cpp", forward="tile")
    for one, other in zip(tiles(behind), tiles(front), strict=True):
        factor = (other.weights.double() * one.weights).sum() / one.weights.double().square().sum()
        torch.testing.assert_close(other.weights, one.weights * factor.float())
        assert float(factor) == pytest.approx(float(one.alpha), rel=0.1)
        assert torch.equal(other.alpha, torch.ones(1))


@pytest.mark.parametrize("forward", ["native", "tile"])
def test_outputs_are_the_converters_formula(forward):
    """One tile without noise, in numpy: DAC, product, bound and ADC; the factor before or after."""
    torch.manual_seed(3)
    network, x = nn.Sequential(nn.Linear(24, 10, bias=False)), torch.randn(7, 24)
    analog = convert(network, "pcm", QUIET, calibrate=x, tile="torch", forward=forward)
    for kind in ("global", "gain"):
        chip = program(analog).drift_(YEAR_S, kind)
        (tile,) = tiles(chip)
        (alpha,) = tiles(program(analog).drift_(YEAR_S, "global"))[0].alpha.tolist()
        weights = tiles(program(analog).drift_(YEAR_S, "none"))[0].weights.double().numpy()
        dac = 2.0 / (2**QUIET.dac_bits - 2)
        sent = np.clip(x.double().numpy() / tile.input_range, -1, 1)
        sent = np.round(sent / dac) * dac
        before, after = (alpha, 1.0) if kind == "gain" else (1.0, alpha)
        adc = 2.0 * QUIET.output_bound / (2**QUIET.adc_bits - 2)
        answer = np.clip(before * sent @ weights.T, -QUIET.output_bound, QUIET.output_bound)
        expected = after * np.round(answer / adc) * adc * tile.input_range
        expected = expected * tile.scale.reshape(-1).numpy()
        off = np.abs(outputs(chip, x).numpy() - expected)
        lsb = after * adc * tile.input_range * tile.scale.reshape(-1).numpy()
        assert (off <= 1e-5 * np.abs(expected).max()).mean() > 0.97
        assert (off <= 1.001 * lsb).all()


def test_output_noise_is_not_amplified():
    """One tile, no converters to speak of: the spread of an output between two forward passes."""
    torch.manual_seed(3)
    network, x = nn.Sequential(nn.Linear(24, 10, bias=False)), torch.randn(4000, 24)
    fine = dataclasses.replace(STANDARD, name="fine", dac_bits=16, adc_bits=16, read_noise=0.0)
    analog = convert(network, "pcm", fine, calibrate=x)
    spread = {}
    for kind in ("none", "global", "gain"):
        chip = program(analog).drift_(YEAR_S, kind)
        with torch.no_grad():
            spread[kind] = float((chip(x) - chip(x)).std())
    (alpha,) = tiles(program(analog).drift_(YEAR_S, "global"))[0].alpha.tolist()
    # 40,000 outputs: the standard error of a spread is .35 %; the ratio of two, .5 %.
    assert spread["global"] / spread["none"] == pytest.approx(alpha, rel=0.025)
    assert spread["gain"] / spread["none"] == pytest.approx(1.0, rel=0.025)


@pytest.mark.parametrize("stream", ["aihwkit", "philox"])
def test_without_converters_it_is_global(stream):
    if stream == "philox":
        pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
    behind, front = pair(small_net(), "pcm", "ideal", stream=stream)
    assert torch.equal(outputs(front, small_inputs()), outputs(behind, small_inputs()))


def test_a_large_network_computes_its_weights_again(monkeypatch):
    """Its tiles do not keep what the engines have taken."""
    _, kept = pair(small_net(), "pcm")
    monkeypatch.setattr(size, "LARGE", 1)
    _, front = pair(small_net(), "pcm")
    assert front.large
    for one, other in zip(tiles(kept), tiles(front), strict=True):
        assert other.let_go_()._weights is None
        assert torch.equal(one.weights, other.let_go_().weights)
    assert torch.equal(outputs(kept, small_inputs()), outputs(front, small_inputs()))


def test_saved_loaded_and_drifted_on(tmp_path):
    _, chip = pair(small_net(), "pcm")
    analogsim.save(chip, tmp_path / "chip")
    loaded = analogsim.load(tmp_path / "chip", model=small_net())
    assert loaded.compensation == "gain"
    for kind in ("gain", "global", "gain"):
        assert torch.equal(outputs(loaded, small_inputs()), outputs(chip, small_inputs()))
        loaded.drift_(YEAR_S, kind)
        chip.drift_(YEAR_S, kind)

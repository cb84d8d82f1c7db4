"""The ADC's range is what holds the asked share of the calibration outputs."""

import dataclasses

import pytest
import torch
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.periphery import STANDARD


def edge(**fields):
    quiet = {"output_noise": 0.0, "read_noise": 0.0, "ir_drop": 0.0, "dac_bits": 0}
    return dataclasses.replace(STANDARD, name="own", **{**quiet, **fields})


def setting():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(60, 9, bias=False)).eval().requires_grad_(False)
    return net, torch.randn(500, 60)


@pytest.mark.parametrize("share", [0.9998, 0.9, 1.0])
def test_a_range_is_the_quantile_of_the_outputs(share):
    net, x = setting()
    analog = convert(net, "ideal", edge(output_range="layer", output_share=share), calibrate=x)
    (layer,) = analog.layers.values()
    scale, span = layer.tiles[0].scale, layer.tiles[0].input_range
    outputs = x.clamp(-span, span) @ (net[0].weight.detach() / scale).T / span
    wanted = torch.quantile(outputs.abs().flatten(), share, interpolation="higher")
    found = float(layer.output_bounds[0, 0])
    # Bins of 0.4 %, never below.
    assert float(wanted) * (1 - 1e-6) <= found <= float(wanted) * 1.005


def test_each_tile_may_have_a_range_of_its_own():
    net, x = setting()
    with torch.no_grad():
        net[0].weight[:, 30:] = net[0].weight[:, 30:].sign()
    fields = {"max_input_size": 30, "bits_per_cell": 4}
    (layer,) = convert(
        net, "ideal", edge(output_range="tile", **fields), calibrate=x
    ).layers.values()
    assert layer.output_bounds.shape == (2, 2)
    assert float(layer.output_bounds[1, 0]) > 1.3 * float(layer.output_bounds[0, 0])
    (layer,) = convert(
        net, "ideal", edge(output_range="layer", **fields), calibrate=x
    ).layers.values()
    assert torch.equal(layer.output_bounds[0], layer.output_bounds[1])


def test_a_calibrated_range_saves_bits_of_the_adc():
    net, x = setting()
    few = {"adc_bits": 6}

    def error(**fields):
        chip = program(convert(net, "ideal", edge(**few, **fields), calibrate=x))
        return float((chip(x) - net(x)).norm() / net(x).norm())

    assert error(output_range="layer") < 0.6 * error()


def test_noise_is_of_the_output_and_not_of_the_range():
    """The same spread whatever the range: n = 54,000, four standard errors are 1.2 %."""
    net, x = setting()
    x = x.repeat(12, 1)
    noise = {"adc_bits": 16, "output_noise": 0.05}
    chip = program(convert(net, "ideal", edge(output_range="tile", **noise), calibrate=x))
    torch.manual_seed(1)
    (layer,) = chip.layers.values()
    scale = layer.tiles[0].scale.reshape(-1) * layer.tiles[0].input_range
    inside = x.abs().amax(dim=1) < layer.tiles[0].input_range
    apart = ((chip(x) - net(x)) / scale)[inside]
    assert float(apart.std()) == pytest.approx(0.05, rel=0.02)


def test_a_layer_that_gives_nothing_is_noted():
    net = nn.Sequential(nn.Linear(3, 2, bias=False)).eval()
    analog = convert(net, "ideal", edge(output_range="layer"), calibrate=torch.zeros(4, 3))
    assert any("an ADC saw no output but zeros; its range is 10" in note for note in analog.notes)


def test_a_range_is_shared_with_the_chips():
    net, x = setting()
    analog = convert(net, "pcm", edge(output_range="layer"), calibrate=x)
    chip = program(analog)
    assert torch.equal(chip.layers["0"].output_bounds, analog.layers["0"].output_bounds)

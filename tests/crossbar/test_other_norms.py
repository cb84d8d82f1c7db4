"""Networks with L1, TopK or GroupNorm on crossbars."""

import dataclasses

import pytest
import torch
from torch import nn

import analogsim
from analogsim import convert, program
from analogsim.batchnorm import BATCHNORMS
from analogsim.batchnorm.layers import L1BatchNorm2d, TopKBatchNorm2d
from analogsim.crossbar.mapping.periphery import PERIPHERIES
from tests.batchnorm.compare import randomise_
from tests.crossbar.nets import relative_error, small_inputs, small_net

KINDS = [pytest.param(L1BatchNorm2d, id="l1"), pytest.param(TopKBatchNorm2d, id="topk")]
DAY_S = 86400.0
# A value between two steps of a converter may fall to either side in float32.
STEPS = 2e-3


def net_with(norm: nn.Module) -> nn.Module:
    net = small_net()
    net[1] = norm
    return randomise_(net).eval()


def line_of(analog, name):
    return {line.name: line for line in analog.report}[name]


@pytest.mark.parametrize("kind", KINDS)
def test_it_joins_its_layers_factors_and_is_exact(kind):
    net, x = net_with(kind(16)), small_inputs()
    analog = convert(net, "ideal", "ideal", calibrate=x)
    assert analog.merged == (("0", "1"),)
    line = line_of(analog, "1")
    assert (line.kind, line.where) == (kind.__name__, "digital")
    assert line.why == "normalisation stays in digital periphery, with the factors of 0"
    chip = program(analog)
    assert isinstance(chip.module[1], kind)
    assert [one.name for one in chip.joined] == ["1"]
    tiles = program(convert(net, "ideal", "ideal", calibrate=x, tile="torch", forward="tile"))
    assert not tiles.joined
    with torch.no_grad():
        assert relative_error(chip(x), net(x)) < 1e-5
        assert relative_error(tiles(x), net(x)) < 1e-5


def test_with_converters_the_native_product_is_the_tiles():
    net, x = net_with(L1BatchNorm2d(16)), small_inputs()
    quiet = dataclasses.replace(PERIPHERIES["standard"], output_noise=0.0, read_noise=0.0)
    native, tile = (
        program(convert(net, "ideal", quiet, calibrate=x, tile="torch", forward=how))
        for how in ("native", "tile")
    )
    assert [one.name for one in native.joined] == ["1"]
    with torch.no_grad():
        assert relative_error(native(x), tile(x)) < STEPS
        # What they share is far more: the converters were at work in both.
        assert relative_error(native(x), net(x)) > 10 * relative_error(native(x), tile(x))


@pytest.mark.parametrize("kind", KINDS)
def test_it_folds_into_the_analog_weights(kind):
    net, x = net_with(kind(16)), small_inputs()
    analog = convert(net, "ideal", "ideal", bn="fold", calibrate=x)
    assert analog.folded == (("0", "1"),)
    assert "1 folded in" in line_of(analog, "0").why
    with torch.no_grad():
        assert relative_error(program(analog)(x), net(x)) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_chip_comes_back(kind, tmp_path):
    net, x = net_with(kind(16)), small_inputs()
    chip = program(convert(net, "pcm", calibrate=x), seed=1).drift_(DAY_S)
    analogsim.save(chip, tmp_path / "chip")
    loaded = analogsim.load(tmp_path / "chip", model=net_with(kind(16)))
    outputs = []
    for one in (chip, loaded):
        torch.manual_seed(0)
        with torch.no_grad():
            outputs.append(one(x))
    assert torch.equal(*outputs)


def test_groupnorm_stays_digital_and_says_why():
    net, x = net_with(nn.GroupNorm(8, 16)), small_inputs()
    assert not isinstance(net[1], BATCHNORMS)
    analog = convert(net, "ideal", "ideal", bn="fold", calibrate=x)
    assert analog.folded == analog.merged == ()
    line = line_of(analog, "1")
    assert (line.kind, line.where) == ("GroupNorm", "digital")
    assert line.why == (
        "normalisation stays in digital periphery; its statistics are each input's own, so that "
        "it can never be folded"
    )
    with torch.no_grad():
        assert relative_error(program(analog)(x), net(x)) < 1e-5

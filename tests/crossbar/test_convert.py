"""How a network is converted: what it leaves alone, its options, its engine, BatchNorm."""

import copy

import pytest
import torch
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.engines import choose_forward
from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD, Periphery
from analogsim.errors import CalibrationWarning, DeviceError, InputError
from tests.crossbar.nets import relative_error, small_inputs, small_net
from tests.crossbar.test_convert_layers import lines


def test_the_given_network_is_not_changed():
    net = small_net().train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    convert(net, "pcm", bn="fold", calibrate=small_inputs())
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_keep_digital():
    found = lines(small_net(), small_inputs(), keep_digital=("0", "8"))
    assert found["0"].why == "kept digital by choice (0)"
    assert found["8"].where == "digital"
    assert found["3"].where == "analog"


def test_keep_digital_pattern_that_matches_nothing():
    with pytest.raises(InputError, match=r"got 'layer1\.\*'; layers: 0, 3, 5, 8"):
        convert(small_net(), periphery="ideal", keep_digital=("layer1.*",))


def test_weights_that_are_not_finite():
    net = small_net()
    net[3].weight.data[0, 0] = float("nan")
    with pytest.raises(InputError, match="layer 3: weight must be finite, got 9 NaN or infinite"):
        convert(net, "pcm", "ideal")


def test_lazy_networks():
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    with pytest.raises(InputError, match=r"got 6 lazy ones \(0\.weight\); run one batch first"):
        convert(net, "pcm", "ideal")


def test_half_precision_becomes_float32():
    net = small_net().half()
    x = small_inputs()
    chip = program(convert(net, "ideal", "ideal", calibrate=x))
    with torch.no_grad():
        assert relative_error(chip(x), copy.deepcopy(net).float()(x)) < 1e-5


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"preset": "pcn"}, DeviceError, "got 'pcn'; did you mean 'pcm'"),
        ({"periphery": "best"}, InputError, "got 'best'"),
        ({"bn": "drop"}, InputError, "bn must be one of digital, fold, .*, none, got 'drop'"),
        ({"tile": "cuda"}, InputError, "tile must be one of native, torch, cpp, got 'cuda'"),
        ({"forward": "fast"}, InputError, "forward must be one of auto, .* tile, got 'fast'"),
        ({"calibrate": []}, InputError, "at least one batch, got none"),
        ({"calibrate": ["x"]}, InputError, "got str; give tensors"),
    ],
    ids=str,
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        convert(small_net(), **options)


def test_without_data_the_ranges_are_synthetic_and_said_to_be():
    with pytest.warns(CalibrationWarning, match=r"synthetic normal inputs of shape \(3, 32, 32\)"):
        analog = convert(small_net(), "pcm")
    assert "synthetic" in analog.notes[0]
    with pytest.warns(CalibrationWarning, match=r"shape \(3, 16, 16\)"):
        convert(small_net(), "pcm", calibrate=(3, 16, 16))


def test_a_network_of_unknown_input_shape():
    net = nn.Sequential(nn.Unflatten(1, (3, 7)), nn.Linear(7, 2))
    with pytest.raises(InputError, match="no usual input shape fits Sequential"):
        convert(net, "pcm")


@pytest.mark.parametrize(
    ("edge", "tile", "asked", "how"),
    [
        (IDEAL, "native", "auto", "native"),
        (STANDARD, "native", "auto", "native"),
        (STANDARD, "native", "native", "native"),
        (Periphery(name="d", input_scaling="dynamic"), "native", "auto", "native"),
        (IDEAL, "torch", "auto", "native"),
        (STANDARD, "torch", "auto", "native"),
        (STANDARD, "torch", "tile", "tile"),
        (Periphery(name="d", input_scaling="dynamic"), "torch", "auto", "tile"),
        (STANDARD, "cpp", "auto", "tile"),
        (IDEAL, "cpp", "auto", "tile"),
        (IDEAL, "cpp", "native", "native"),
    ],
    ids=str,
)
def test_native_only_where_it_computes_the_same(edge, tile, asked, how):
    assert choose_forward(edge, tile, asked)[0] == how


@pytest.mark.parametrize(
    ("edge", "tile", "why"),
    [
        (Periphery(name="d", input_scaling="dynamic"), "torch", "couples the images of a batch"),
        (STANDARD, "cpp", "C.. tile by choice"),
    ],
    ids=["dynamic", "cpp"],
)
def test_native_is_refused_where_it_would_change_the_meaning(edge, tile, why):
    with pytest.raises(InputError, match=why):
        choose_forward(edge, tile, "native")


def test_the_table_says_how_each_layer_computes():
    assert "ideal periphery" in lines(small_net(), small_inputs())["0"].why
    assert "by choice" in lines(small_net(), small_inputs(), tile="torch", forward="tile")["0"].why


def test_folding_follows_the_execution_order_and_is_exact():
    class Crossed(nn.Module):
        """BatchNorm layers registered crosswise to the order in which they run."""

        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 6, 3)
            self.conv2 = nn.Conv2d(6, 6, 3)
            self.bn_b = nn.BatchNorm2d(6)
            self.bn_a = nn.BatchNorm2d(6)

        def forward(self, x):
            return self.bn_b(self.conv2(torch.relu(self.bn_a(self.conv1(x))))).mean((2, 3))

    torch.manual_seed(0)
    net = Crossed().eval()
    for bn in (net.bn_a, net.bn_b):
        nn.init.normal_(bn.running_mean)
        nn.init.uniform_(bn.running_var, 0.5, 3.0)
        nn.init.normal_(bn.weight)
    x = small_inputs()
    analog = convert(net, "ideal", "ideal", bn="fold", calibrate=x)
    assert set(analog.folded) == {("conv1", "bn_a"), ("conv2", "bn_b")}
    assert "bn_a folded in" in {line.name: line for line in analog.report}["conv1"].why
    with torch.no_grad():
        assert relative_error(program(analog)(x), net(x)) < 1e-5


def test_digital_batchnorm_joins_its_layers_factors_and_is_exact():
    net, x = small_net(), small_inputs()
    analog = convert(net, "ideal", "ideal", calibrate=x)
    assert analog.merged == (("0", "1"),)
    line = {line.name: line for line in analog.report}["1"]
    assert line.where == "digital"
    assert line.why == "normalisation stays in digital periphery, with the factors of 0"
    with torch.no_grad():
        assert relative_error(program(analog)(x), net(x)) < 1e-5
    # On aihwkit's tiles the BatchNorm is computed by itself, with the same result.
    tiles = program(convert(net, "ideal", "ideal", calibrate=x, tile="torch", forward="tile"))
    assert isinstance(tiles.module[1], nn.BatchNorm2d)
    with torch.no_grad():
        assert relative_error(tiles(x), net(x)) < 1e-5


def test_bfloat16_is_close_and_only_for_an_ideal_periphery():
    net, x = small_net(), small_inputs()
    exact = program(convert(net, "pcm", "ideal", calibrate=x)).drift_(3600.0)
    rounded = program(convert(net, "pcm", "ideal", calibrate=x, forward="native-bf16"))
    with torch.no_grad():
        got = rounded.drift_(3600.0)(x)
        assert got.dtype == torch.float32
        # bfloat16 has 8 bits: about 1 % of the logits after a few layers.
        assert 1e-4 < relative_error(got, exact(x)) < 2e-2
    # Nothing else is rounded: the tiles hold the same weights.
    for name, layer in rounded.layers.items():
        for ours, theirs in zip(layer.tiles, exact.layers[name].tiles, strict=True):
            assert torch.equal(ours.weights, theirs.weights)
    with pytest.raises(InputError, match="ideal periphery, got 'standard'"):
        convert(net, "pcm", calibrate=x, forward="native-bf16")

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from analogsim.call import Inputs
from analogsim.crossbar.conversion.again import converted_again
from analogsim.crossbar.conversion.calibrate import AbsQuantile, calibrate_
from analogsim.crossbar.conversion.convert import convert, crossbar_layers
from analogsim.errors import InputError

BIN = 2.0**-10


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.999, 0.99995, 1.0])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e6])
def test_quantile_is_that_of_the_absolute_values_within_one_bin(quantile, scale):
    x = scale * torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    exact = float(np.quantile(x.abs().numpy(), quantile, method="inverted_cdf"))
    streamed = AbsQuantile()
    for chunk in x.split(7_919):
        streamed.update(chunk)
    got = streamed.value(quantile)
    assert exact <= got <= exact * (1 + 2 * BIN)


def test_all_negative_inputs_count_by_their_size():
    # aihwkit's own calibration takes the quantile of the signed values.
    streamed = AbsQuantile()
    streamed.update(torch.linspace(-5.0, -0.1, 10_000))
    assert streamed.value(0.99995) == pytest.approx(5.0, rel=2 * BIN)


def test_order_and_chunks_do_not_matter():
    x = torch.randn(10_000, generator=torch.Generator().manual_seed(1))
    one, other = AbsQuantile(), AbsQuantile()
    one.update(x)
    for chunk in x.flip(0).split(13):
        other.update(chunk)
    assert one.value(0.99) == other.value(0.99)


def test_extremes():
    empty = AbsQuantile()
    empty.update(torch.empty(0))
    assert empty.value(0.5) == 0.0
    zeros = AbsQuantile()
    zeros.update(torch.zeros(10))
    assert zeros.value(1.0) == 0.0
    largest = AbsQuantile()
    largest.update(torch.tensor([1.0, 3.0]))
    assert largest.value(1.0) == 3.0


def test_each_tile_has_the_range_of_its_own_inputs():
    net = nn.Sequential(nn.Conv2d(100, 4, 3, bias=False))
    # 900 inputs on two tiles of 450: channels 0-49 and 50-99.
    x = torch.ones(2, 100, 5, 5)
    x[:, 50:] = -4.0
    analog = convert(net, "ideal", calibrate=x)
    tiles = analog.layers["0"].tiles
    assert [tile.input_range for tile in tiles] == [1.0, 4.0]


def test_groups_have_ranges_of_their_own():
    net = nn.Sequential(nn.Conv2d(4, 4, 1, groups=2))
    x = torch.ones(2, 4, 5, 5)
    x[:, 2:] = 8.0
    tiles = convert(net, "ideal", calibrate=x).layers["0"].tiles
    assert [tile.input_range for tile in tiles] == [1.0, 8.0]


def test_a_layer_that_sees_only_zeros_is_named():
    analog = convert(nn.Sequential(nn.Linear(3, 2)), "ideal", calibrate=torch.zeros(4, 3))
    assert "layer 0: a tile saw no input but zeros" in analog.notes[0]
    assert analog.layers["0"].tiles[0].input_range == 1.0


def test_inputs_that_are_not_finite_are_refused():
    analog = convert(nn.Sequential(nn.Linear(3, 2)), "ideal", "ideal")
    x = torch.tensor([[1.0, float("nan"), float("inf")]])
    with pytest.raises(InputError, match="layer 0 sees 2 inputs that are not finite"):
        calibrate_(analog.module, [Inputs.of(x)])
    assert crossbar_layers(analog.module)["0"].observer is None


def test_given_ranges_take_the_place_of_calibrated_ones():
    network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(2))
    analog = convert(network, "ideal", calibrate=x, input_ranges={"0": 7.0, "1": 3.0})
    usual = convert(network, "ideal", calibrate=x)
    ranges, calibrated = (
        {name: [tile.input_range for tile in layer.tiles] for name, layer in one.layers.items()}
        for one in (analog, usual)
    )
    # The ReLU is on no tile.
    assert ranges == {"0": [7.0], "2": calibrated["2"]}
    assert "Input ranges of 1 of 2 layers are those that were given." in analog.notes


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({"conv": 1.0}, r"must name layers of the network, got 'conv'"),
        ({"0": 0.0}, r"of layer 0 must be a number above 0, got 0\.0"),
        ({"0": float("inf")}, r"of layer 0 must be a number above 0, got inf"),
    ],
)
def test_ranges_of_nothing_are_refused(ranges, said):
    network = nn.Sequential(nn.Linear(4, 3))
    with pytest.raises(InputError, match=said):
        convert(network, "ideal", calibrate=torch.randn(5, 4), input_ranges=ranges)


def test_given_ranges_stay_where_a_sweep_converts_anew():
    network = nn.Sequential(nn.Linear(40, 3))
    x = torch.randn(50, 40, generator=torch.Generator().manual_seed(2))
    analog = convert(network, "ideal", calibrate=x, input_ranges={"0": 7.0})
    smaller = replace(analog.periphery, max_input_size=20)
    again = converted_again(analog, smaller, x)
    assert [tile.input_range for tile in again.layers["0"].tiles] == [7.0, 7.0]

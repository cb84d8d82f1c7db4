"""One weight scale for a whole tile in place of one a column."""

import pytest
import torch

import analogsim
from analogsim.crossbar.mapping.geometry import geometry_of, matrix_of
from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD, Periphery
from analogsim.crossbar.mapping.periphery_text import from_dict
from analogsim.crossbar.mapping.tiling import map_weights, tile_slots
from analogsim.errors import InputError
from tests.crossbar.nets import relative_error, small_inputs, small_net


def test_the_largest_weight_of_the_tile_fills_the_range():
    layer = small_net()[8]
    geometry = geometry_of(layer)
    matrix = matrix_of(layer.weight, geometry)
    for slot in tile_slots(geometry, STANDARD):
        target, scale = map_weights(matrix, slot, "tile")
        assert scale.shape == (10, 1)
        assert scale.unique().tolist() == [float(matrix[0, :, slot.inputs].abs().max())]
        assert float(target.abs().max()) == 1.0
        torch.testing.assert_close(target * scale, matrix[0, :, slot.inputs])


@pytest.mark.parametrize(
    "options",
    [{}, {"tile": "torch", "forward": "tile"}, {"forward": "tile", "tile": "cpp"}],
    ids=str,
)
def test_ideal_tiles_compute_the_network(options):
    net, x = small_net(), small_inputs()
    edge = Periphery(name="one", perfect=True, weight_scaling="tile")
    chip = analogsim.program(analogsim.convert(net, "ideal", edge, calibrate=x, **options))
    with torch.no_grad():
        assert relative_error(chip(x), net(x)) < 1e-5


def test_in_files_and_digests_only_where_it_is_chosen():
    assert "weight_scaling" not in IDEAL.as_dict()
    one = Periphery(name="one", weight_scaling="tile")
    assert one.as_dict()["weight_scaling"] == "tile"
    assert from_dict(one.as_dict(), where="here") == one
    with pytest.raises(InputError, match="weight_scaling must be 'column' or 'tile', got 'layer'"):
        from_dict({"name": "one", "weight_scaling": "layer"}, where="here")


def test_folding_without_column_wise_scaling_is_warned_of_and_costs():
    net, x = small_net(), small_inputs()
    net[1].weight.data = torch.tensor([1.0] + [0.05] * 15)
    edge = Periphery(name="one scale", perfect=True, weight_scaling="tile")
    note = (
        "BatchNorm is folded (layers: 1) with weight scaling 'tile': channels with a small gain "
        "use little of the conductance range; set weight_scaling to 'column', or keep BatchNorm "
        "digital"
    )
    with pytest.warns(analogsim.errors.FoldingWarning) as caught:
        folded = analogsim.convert(net, "pcm", edge, "fold", calibrate=x)
    assert [str(one.message) for one in caught] == [note]
    assert folded.notes == (note,)
    column = analogsim.convert(net, "pcm", "ideal", "fold", calibrate=x)
    assert column.notes == ()
    layers = [analogsim.program(analog).layers["0"] for analog in (folded, column)]
    targets = [layer.logical(lambda tile: tile.target) for layer in layers]
    torch.testing.assert_close(*targets)
    # A weak channel's noise is that of the strong one: 16 such channels in place of one.
    assert len(layers[0].tiles[0].scale.unique()) == 1
    assert layers[0].weight_error() > 1.5 * layers[1].weight_error()
    # Nothing is folded, nothing to warn of.
    assert analogsim.convert(net, "pcm", edge, calibrate=x).notes == ()

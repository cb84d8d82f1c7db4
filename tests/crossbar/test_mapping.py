import pytest
import torch
from aihwkit.simulator.tiles.array import TileModuleArray
from torch import nn

from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.mapping.geometry import geometry_of, matrix_of
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery
from analogsim.crossbar.mapping.tiling import assemble, map_weights, split_sizes, tile_slots


@pytest.mark.parametrize("size", [1, 511, 512, 513, 1152, 1537, 4608])
@pytest.mark.parametrize("largest", [0, 7, 512])
def test_splits_equal_aihwkits(size, largest):
    assert split_sizes(size, largest) == TileModuleArray.get_split_sizes(None, size, largest)


@pytest.mark.parametrize(
    "layer",
    [nn.Linear(1300, 40), nn.Conv2d(130, 20, 3), nn.Conv2d(12, 8, 3, groups=4), nn.Linear(3, 1)],
    ids=str,
)
def test_assemble_inverts_the_mapping(layer):
    edge = Periphery(name="small", max_input_size=512, max_output_size=16)
    geometry = geometry_of(layer)
    slots = tile_slots(geometry, edge)
    matrix = matrix_of(layer.weight, geometry)
    parts = []
    for slot in slots:
        weights, scale = map_weights(matrix, slot)
        assert float(weights.abs().max()) == 1.0
        parts.append(weights * scale)
    torch.testing.assert_close(
        assemble(parts, slots, geometry), layer.weight.data, rtol=2e-7, atol=0
    )


def test_a_column_of_zeros_has_scale_one():
    layer = nn.Linear(4, 2)
    layer.weight.data[1] = 0.0
    geometry = geometry_of(layer)
    matrix = matrix_of(layer.weight, geometry)
    weights, scale = map_weights(matrix, tile_slots(geometry, STANDARD)[0])
    assert scale[1] == 1.0
    assert torch.equal(weights[1], torch.zeros(4))


@pytest.mark.parametrize("tile", ["torch", "cpp"])
def test_tile_weights_and_scales_equal_aihwkits_bit_for_bit(tile):
    torch.manual_seed(0)
    layer = nn.Linear(1300, 40)
    config = build_rpu_config(STANDARD, tile)
    array = config.get_default_tile_module_class(40, 1300)(40, 1300, config, bias=False)
    array.set_weights(layer.weight.data)
    theirs = [row[0] for row in array.array]
    geometry = geometry_of(layer)
    slots = tile_slots(geometry, STANDARD)
    assert len(slots) == len(theirs) == 3
    for slot, their in zip(slots, theirs, strict=True):
        weights, scale = map_weights(matrix_of(layer.weight, geometry), slot)
        assert torch.equal(weights, their.tile.get_weights())
        assert torch.equal(scale.reshape(-1), their.get_scales().reshape(-1))

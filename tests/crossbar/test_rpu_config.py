import dataclasses

import pytest
import torch
from aihwkit.simulator.presets import StandardHWATrainingPreset
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD, Periphery
from tests.crossbar.nets import relative_error


def test_cpp_standard_is_aihwkits_preset_field_by_field():
    ours, theirs = build_rpu_config(STANDARD, "cpp").forward, StandardHWATrainingPreset().forward
    differing = {
        field.name: (getattr(ours, field.name), getattr(theirs, field.name))
        for field in dataclasses.fields(theirs)
        if getattr(ours, field.name) != getattr(theirs, field.name)
    }
    assert differing == {}


def test_mapping_uses_the_whole_range_column_by_column():
    for tile in ("torch", "cpp"):
        mapping = build_rpu_config(STANDARD, tile).mapping
        assert mapping.weight_scaling_omega == 1.0
        assert mapping.weight_scaling_columnwise
        assert mapping.max_input_size == 512
        preset = StandardHWATrainingPreset().mapping
        assert mapping.max_output_size == preset.max_output_size


def test_upstreams_default_leaves_most_of_the_range_unused():
    """Fails on the day upstream mends it (aihwkit 1.1.0 and 1.2.0: omega 0)."""
    from aihwkit.simulator.configs import InferenceRPUConfig

    assert InferenceRPUConfig().mapping.weight_scaling_omega == 0.0


@pytest.mark.parametrize("edge", [IDEAL, STANDARD, Periphery(name="d", input_scaling="dynamic")])
def test_cpp_tile_runs_the_whole_job(edge):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 10)).eval()
    x = torch.randn(32, 3, 6, 6)
    chip = program(convert(net, "pcm", edge, tile="cpp", calibrate=x, forward="tile"))
    with torch.no_grad():
        error = relative_error(chip.drift_(86400.0, "global")(x), net(x))
    # Weight noise alone gives 0.1 to 0.2 here; IR drop, read and output noise add to it.
    assert 0.05 < error < 0.5


def test_cpp_and_torch_tiles_agree_without_noise():
    """Same converters; RPUCuda and torch round ties differently, one step of 2/254 of a range."""
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(100, 50))
    x = torch.randn(200, 100)
    quiet = Periphery(name="quiet", output_noise=0.0, read_noise=0.0, ir_drop=0.0)
    outputs = []
    for tile in ("torch", "cpp"):
        chip = program(convert(layer, "ideal", quiet, tile=tile, calibrate=x, forward="tile"))
        with torch.no_grad():
            outputs.append(chip(x))
    state = chip.layers["0"].tiles[0]
    step = 20 / 254 * state.input_range * float(state.scale.max())
    off = (outputs[0] - outputs[1]).abs()
    assert float(off.max()) <= 1.01 * step
    assert float((off < 1e-5).float().mean()) > 0.99

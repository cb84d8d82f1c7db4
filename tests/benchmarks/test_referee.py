"""The referee of hardened weights: aihwkit's own preset, with the ranges that were learned."""

import copy
import importlib
import json
from pathlib import Path

import pytest
import torch
from aihwkit.simulator.parameters.enums import WeightNoiseType
from torch import nn

import analogsim
from analogsim.batchnorm.recalibrate import Recalibration, recalibrate_
from analogsim.draws.addresses import seeded

FOLDER = Path(__file__).parents[2] / "benchmarks"
DAY_S = 86400.0


@pytest.fixture
def referee(monkeypatch):
    # The scripts import each other as neighbours.
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("referee")


def network():
    """One convolution of 600 rows, which two tiles share, and one linear layer."""
    with seeded(1, "referee"):
        return nn.Sequential(
            nn.Conv2d(150, 6, 2), nn.ReLU(), nn.Flatten(), nn.Linear(24, 5)
        ).eval(), torch.randn(64, 150, 3, 3)


def test_the_standard_setting_is_the_presets_with_our_ranges(referee):
    net, x = network()
    analog = referee.in_standard_setting(net, x, {"3": 2.5})
    tiles = dict(analog.named_analog_tiles())
    assert len(tiles) == 3
    for tile in tiles.values():
        forward = tile.rpu_config.forward
        assert type(tile).__name__ == "InferenceTile"
        assert (forward.ir_drop, forward.w_noise, forward.out_noise) == (1.0, 0.0175, 0.04)
        assert forward.w_noise_type == WeightNoiseType.PCM_READ
    ours = analogsim.convert(net, "pcm", "standard", calibrate=x).layers["0"].tiles
    want = [pytest.approx(tile.input_range) for tile in ours] + [2.5]
    assert [float(tile.input_range.detach()) for tile in tiles.values()] == want
    assert ours[0].input_range != ours[1].input_range


def test_its_answers_are_those_of_our_law(referee):
    """32 chips each, no drift between: means of 10 logits, t < 5 (alpha = 1e-4; unseeded there)."""
    net, x = network()
    images = x[:2]
    analog = referee.in_standard_setting(net, x, {})
    made = analogsim.convert(net, "pcm", "standard", calibrate=x)
    theirs, ours = [], []
    with torch.no_grad():
        for chip in range(32):
            torch.manual_seed(chip)
            analog.program_analog_weights()
            analog.drift_analog_weights(DAY_S)
            theirs.append(analog(images))
            ours.append(analogsim.program(made, seed=chip).drift_(DAY_S)(images))
        clean = net(images)
    theirs, ours = torch.stack(theirs), torch.stack(ours)
    error = ((theirs.var(0) + ours.var(0)) / 32).sqrt()
    assert float(((theirs.mean(0) - ours.mean(0)) / error).abs().max()) < 5.0
    ratio = theirs.var(0).mean() / ours.var(0).mean()
    assert 0.6 < float(ratio) < 1.7
    # Negative control: the digital answer's scale is another, and is seen.
    assert float(((theirs.mean(0) - 1.5 * clean) / error).abs().max()) > 5.0


def test_weights_are_read_out_as_the_tiles_multiply_with_them(referee):
    net, x = network()
    analog = referee.on_tiles(net)
    torch.manual_seed(0)
    analog.program_analog_weights()
    analog.drift_analog_weights(DAY_S)
    read = referee.read_out(net, analog)
    with torch.no_grad():
        torch.testing.assert_close(read(x), analog(x), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(read(x), net(x), rtol=0.01)


def test_ranges_lie_beside_the_weights(referee, tmp_path):
    weights = tmp_path / "weights.safetensors"
    assert referee.learned_beside(str(weights), "zoo:digits_cnn") == {}
    found = {"model": "zoo:digits_cnn", "input_ranges": {"fc": 1.5}}
    (tmp_path / "weights.json").write_text(json.dumps(found))
    assert referee.learned_beside(str(weights), "zoo:digits_cnn") == {"fc": 1.5}


def test_statistics_of_a_chip_are_adabs_and_are_given_back(referee):
    with seeded(2, "referee"):
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
        parts = [torch.randn(20, 3, 8, 8) + part for part in range(3)]
    trained = {key: value.clone() for key, value in net.state_dict().items()}
    ours = copy.deepcopy(net)
    rule = Recalibration(method="adabs", images=60, batch_size=20)
    recalibrate_({"1": ours[1]}, ours, torch.cat(parts), rule)
    referee.adabs_(net, parts)
    torch.testing.assert_close(net[1].running_mean, ours[1].running_mean)
    torch.testing.assert_close(net[1].running_var, ours[1].running_var)
    assert not torch.equal(net[1].running_mean, trained["1.running_mean"])
    referee.restore_statistics_(net, trained)
    assert all(torch.equal(value, trained[key]) for key, value in net.state_dict().items())
    assert not net[1].training

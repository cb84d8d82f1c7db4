"""Chips on the reproducible stream (`stream="philox"`)."""

import dataclasses

import pytest
import torch
from torch import nn

import analogsim
from analogsim.crossbar.chip import blocks, streamed
from analogsim.crossbar.chip.program import program, reprogram_
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping import size, streams
from analogsim.crossbar.mapping.periphery import IDEAL
from analogsim.errors import InputError
from tests.crossbar.nets import small_inputs, small_net

pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
DAY_S = 86_400.0
KINDS = ("none", "global", "exact", "column")


def made(periphery="ideal", **options):
    return convert(
        small_net(), "pcm", periphery, calibrate=small_inputs(), stream="philox", **options
    )


def weights(chip):
    return [tile.weights for layer in chip.layers.values() for tile in layer.tiles]


def alphas(chip):
    return [tile.alpha for layer in chip.layers.values() for tile in layer.tiles]


def same(a, b) -> bool:
    return all(
        torch.equal(x, y) for of in (weights, alphas) for x, y in zip(of(a), of(b), strict=True)
    )


@torch.no_grad()
def outputs(chip):
    torch.manual_seed(0)
    return chip(small_inputs())


def test_a_chip_is_decided_by_seed_number_and_time():
    analog = made()
    one = program(analog, seed=2, chip=5).drift_(DAY_S)
    around = program(analog, seed=2, chip=4).drift_(7.0)
    reprogram_(around, 5).drift_(1.0).drift_(DAY_S, "column").drift_(DAY_S)
    assert same(one, around)
    assert torch.equal(outputs(one), outputs(around))
    for seed, chip, t_s in ((3, 5, DAY_S), (2, 6, DAY_S), (2, 5, DAY_S + 1)):
        assert not same(one, program(analog, seed=seed, chip=chip).drift_(t_s))


def test_threads_and_blocks_move_nothing(monkeypatch):
    before = torch.get_num_threads()
    found = []
    try:
        for threads, size in ((1, 1 << 16), (2, 1 << 16), (3, 1)):
            torch.set_num_threads(threads)
            monkeypatch.setattr(streamed, "BLOCK", size)
            found.append(program(made(), chip=1).drift_(DAY_S, "column"))
    finally:
        torch.set_num_threads(before)
    assert len(found[0].parts[0].blocks) == 1
    assert len(found[2].parts[0].blocks) == 4
    assert same(found[0], found[1])
    assert same(found[0], found[2])


def test_other_layers_move_nothing():
    one = program(made(keep_digital=["0"])).drift_(DAY_S)
    full = program(made()).drift_(DAY_S)
    for name, layer in one.layers.items():
        for a, b in zip(layer.tiles, full.layers[name].tiles, strict=True):
            assert torch.equal(a.weights, b.weights)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tile_size", [512, 40])
def test_engines_are_filled_as_by_their_own_way(kind, tile_size):
    edge = dataclasses.replace(IDEAL, max_input_size=tile_size, max_output_size=tile_size)
    torch.manual_seed(4)
    net = nn.Sequential(
        nn.Conv2d(3, 20, 3, padding=1),
        nn.BatchNorm2d(20),
        nn.Conv2d(20, 20, (3, 5), groups=20),
        nn.Conv2d(20, 44, 1, stride=2, groups=4),
        nn.Flatten(2),
        nn.Conv1d(44, 50, 3),
        nn.Flatten(),
        nn.Linear(50 * 40, 7),
    ).eval()
    chip = program(convert(net, "pcm", edge, calibrate=small_inputs(), stream="philox"))
    chip.drift_(DAY_S, kind)
    assert chip.direct
    filled = {n: layer.engine.product.plain().clone() for n, layer in chip.layers.items()}
    got = outputs(chip)
    for name, layer in chip.layers.items():
        layer.refresh_()
        assert torch.equal(layer.engine.product.plain(), filled[name]), name
    assert torch.equal(outputs(chip), got)


def test_weights_are_the_same_whatever_computes():
    expected = program(made()).drift_(DAY_S)
    for options in (
        {"tile": "torch", "forward": "tile"},
        {"forward": "native-bf16"},
        {"bn": "recalibrate", "recalibrate": small_inputs()},
    ):
        assert same(expected, program(made(**options)).drift_(DAY_S))
    # Their compensation is read through the tile, or through its periphery.
    for other in (made("standard"), made(tile="cpp")):
        found = weights(program(other).drift_(DAY_S))
        assert all(torch.equal(a, b) for a, b in zip(found, weights(expected), strict=True))


@pytest.mark.parametrize("stream", ["aihwkit", "philox"])
@pytest.mark.parametrize("periphery", ["ideal", "standard"])
def test_a_large_network_draws_its_weights_again(stream, periphery, monkeypatch):
    analog = dataclasses.replace(made(periphery), stream=stream)
    expected = program(analog, chip=3).drift_(DAY_S)
    monkeypatch.setattr(size, "LARGE", 1)
    monkeypatch.setattr(blocks, "_PART", 3000)
    chip = program(analog, chip=3).drift_(DAY_S)
    assert len(chip.parts) > 2
    assert all(t._weights is None for layer in chip.layers.values() for t in layer.tiles)
    assert same(chip, expected)
    assert torch.equal(outputs(chip), outputs(expected))


def test_a_network_that_is_not_large_keeps_them():
    chip = program(dataclasses.replace(made(), stream="aihwkit")).drift_(DAY_S)
    first = chip.layers["0"].tiles[0]
    assert first.weights is first.weights


def test_targets_are_the_networks_own_weights():
    analog = made()
    for name, layer in analog.layers.items():
        source = analog.source.get_submodule(name).weight
        assert {t.matrix.values.data_ptr() for t in layer.tiles} == {source.data_ptr()}
    folded = made(bn="fold")
    shared = folded.layers["0"].tiles[0].matrix.values.data_ptr()
    assert shared != folded.source.get_submodule("0").weight.data_ptr()


def test_saved_loaded_and_drifted_on(tmp_path):
    chip = program(made(), seed=1, chip=2)
    analogsim.save(chip, tmp_path / "programmed")
    chip.drift_(DAY_S, "column")
    analogsim.save(chip, tmp_path / "drifted")
    for folder in ("programmed", "drifted"):
        loaded = analogsim.load(tmp_path / folder, model=small_net())
        assert loaded.analog.stream == "philox"
        assert same(loaded.drift_(DAY_S, "column"), chip)
        assert torch.equal(outputs(loaded), outputs(chip))


def test_all_effects_off_is_ideal():
    analog = convert(small_net(), "pcm?noise_scale=0", "ideal", stream="philox")
    chip = program(analog).drift_(DAY_S)
    assert all(layer.weight_error() == 0.0 for layer in chip.layers.values())
    assert not chip.direct


def test_refused(monkeypatch):
    with pytest.raises(InputError, match="stream must be one of aihwkit, philox, got 'torch'"):
        convert(small_net(), stream="torch", calibrate=small_inputs())
    with pytest.raises(InputError, match=r"compiled law \(pcm\), got 'rram'"):
        convert(small_net(), "rram", "ideal", stream="philox")
    other = dataclasses.replace(made(), device=convert(small_net(), "rram", "ideal").device)
    with pytest.raises(InputError, match=r"compiled law \(pcm\), got 'rram'"):
        program(other)
    monkeypatch.setattr(streams, "_has_numba", lambda: False)
    with pytest.raises(InputError, match="must have numba, got none installed; install"):
        convert(small_net(), "pcm", "ideal", stream="philox")

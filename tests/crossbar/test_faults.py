"""Faults on a chip: what programming is told of them, and the same chip ever after."""

import numpy as np
import pytest
import torch

import analogsim
from analogsim.crossbar.chip.program import reprogram_
from analogsim.crossbar.mapping import size
from analogsim.draws.addresses import seeded
from analogsim.errors import InputError
from device_models.effects import Cells, Faults, GainError, Levels
from device_models.effects.fault_map import FIELDS
from tests.crossbar.nets import small_inputs, small_net
from tests.crossbar.test_effects import CHIP, SEED, outputs, tiles, weights
from tests.device_models.drawn import Drawn

pytestmark = pytest.mark.usefixtures("one_torch_thread")

DAY_S, YEAR_S = 86_400.0, 365 * 86_400.0
PLAIN = Faults(on=0.03, off=0.03, open=0.02)
AWARE = Faults(on=0.03, off=0.03, open=0.02, pairs=True, remap="both", spare=2)


def made(device="pcm", effects=(AWARE,), chip=CHIP, periphery="ideal", net=None, **options):
    analog = analogsim.convert(
        net or small_net(), device, periphery, calibrate=small_inputs(), effects=effects, **options
    )
    return analogsim.program(analog, seed=SEED, chip=chip)


def settled(tile):
    (here,) = tile.settled.values()
    return here


@pytest.mark.parametrize("device", ["pcm", "pcm-hermes", "rram", "gaussian", "ideal"])
def test_the_device_s_law_programs_what_the_effect_asks_and_faults_come_after(device):
    chip = made(device)
    law_of = chip.analog.device.noise_law
    drifted = {}
    for name, layer in chip.layers.items():
        for tile in layer.tiles:
            draws = chip.effects._each(layer, tile)
            ((effect, address),) = draws
            asked, here = effect.settle(tile.target, address)
            assert not torch.equal(asked, tile.target)
            law = law_of(layer.context(tile))
            with seeded(SEED, "program", name, tile.slot.index, CHIP):
                programmed, remembered = law.apply_programming_noise(asked)
            assert torch.equal(tile.origin, programmed)
            shown = here.apply(Cells.of(programmed), address).weights
            assert torch.equal(tile.programmed, shown)
            assert torch.equal(tile.weights, shown)
            with seeded(SEED, "drift", name, tile.slot.index, CHIP, DAY_S):
                later = law.apply_drift_noise(programmed, remembered, DAY_S)
            drifted[name, tile.slot.index] = here.apply(Cells.of(later), address).weights
    chip.drift_(DAY_S, "none")
    for name, tile in tiles(chip):
        assert torch.equal(tile.weights, drifted[name, tile.slot.index])


def test_knowing_the_faults_costs_ideal_cells_next_to_nothing():
    chips = {name: made("ideal", (one,)) for name, one in (("plain", PLAIN), ("aware", AWARE))}
    error = {name: [a.programming_error for a in one.report] for name, one in chips.items()}
    assert all(b < 0.2 * a for a, b in zip(error["plain"], error["aware"], strict=True) if a)
    # Faults are those of the chip, whatever is done about them.
    spare = Faults(on=0.03, off=0.03, open=0.02, pairs=True)
    for (_, one), (_, two) in zip(
        tiles(chips["plain"]), tiles(made("ideal", (spare,))), strict=True
    ):
        for a, b in zip(settled(one).places, settled(two).places, strict=True):
            assert np.array_equal(a, b)


def test_the_same_chip_over_time_and_when_programmed_anew():
    chip = made()
    before = {key: settled(tile) for key, (_, tile) in enumerate(tiles(chip))}
    first = weights(chip.drift_(DAY_S, "global"))
    chip.drift_(YEAR_S, "column")
    assert all(settled(tile) is before[key] for key, (_, tile) in enumerate(tiles(chip)))
    assert torch.equal(weights(chip.drift_(DAY_S, "global")), first)
    other = reprogram_(chip, CHIP + 1).drift_(DAY_S, "global")
    expected = made(chip=CHIP + 1).drift_(DAY_S, "global")
    assert torch.equal(weights(other), weights(expected))
    assert not torch.equal(weights(other), first)


@pytest.mark.parametrize("device", ["pcm", "pcm-hermes"])
def test_saved_loaded_and_drifted_on(device, tmp_path):
    chip = made(device, periphery="standard").drift_(DAY_S, "global")
    analogsim.save(chip, tmp_path / "chip")
    loaded = analogsim.load(tmp_path / "chip", model=small_net())
    assert loaded.analog.effects == (AWARE,)
    assert torch.equal(outputs(loaded), outputs(chip))
    for kind in ("exact", "column", "current"):
        chip.drift_(YEAR_S, kind)
        loaded.drift_(YEAR_S, kind)
        assert torch.equal(weights(loaded), weights(chip))
        assert torch.equal(outputs(loaded), outputs(chip))


def test_a_large_network_computes_its_weights_again(monkeypatch):
    kept = made().drift_(DAY_S)
    monkeypatch.setattr(size, "LARGE", 1)
    chip = made().drift_(DAY_S)
    assert all(tile._weights is None for _, tile in tiles(chip))
    assert torch.equal(weights(chip), weights(kept))


def test_effects_in_a_row_meet_what_the_ones_before_have_asked_for():
    """Two maps of faults: the second is programmed around on top of the first."""
    effects = (Faults(off=0.05, pairs=True), Faults(off=0.02, pairs=True), GainError(std=0.1))
    chip = made("ideal", effects)
    for _, layer in chip.layers.items():
        for tile in layer.tiles:
            places = list(chip.effects._each(layer, tile))
            asked, one = places[0][0].settle(tile.target, places[0][1])
            asked, two = places[1][0].settle(asked, places[1][1])
            assert torch.equal(tile.origin, asked)
            cells = two.apply(one.apply(Cells.of(asked), Drawn()), Drawn())
            assert torch.equal(tile.programmed, cells.weights)
            gained = places[2][0].apply(cells, places[2][1]).weights
            assert torch.equal(tile.weights, gained)


def test_levels_are_programmed_and_faults_made_up_for_from_level_to_level():
    """With 4 bits and stuck cells at the ends, a healthy cell's conductance is a level, too."""
    effects = (Levels(bits=4), Faults(on=0.05, off=0.05, pairs=True))
    grid = torch.linspace(0, 1, 16)
    for _, tile in tiles(made("ideal", effects)):
        for held in (tile.origin.abs(), tile.weights.abs()):
            assert float((held[..., None] - grid).abs().min(-1).values.max()) < 2e-7
    plain = made("pcm", (Levels(bits=4),))
    for _, tile in tiles(plain):
        levels = (tile.target.abs() * 15).round() / 15
        # The device's law is on top of the levels.
        assert 0.001 < float((tile.weights.abs() - levels).std()) < 0.1


def test_a_map_is_of_the_network_s_arrays(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(f"{','.join(FIELDS)}\n0/0,*,0,*,off\n")
    chip = made("ideal", (Faults(map=str(path)),))
    held = chip.layers["0"].tiles[0].weights
    assert float(held[0].abs().max()) == 0
    assert torch.equal(held[1:], chip.layers["0"].tiles[0].target[1:])
    path.write_text(f"{','.join(FIELDS)}\nfc/0,*,0,*,off\n")
    said = "effect 'faults' must name arrays of the network, LAYER/TILE, got 'fc/0'; one of them is"
    with pytest.raises(InputError, match=said):
        made("ideal", (Faults(map=str(path)),))


def test_the_compiled_stream_refuses_it():
    with pytest.raises(InputError, match="stream 'philox' must have no effects, got faults"):
        made(stream="philox")

"""Wires on a chip: its arrays multiply with what their resistors conduct, at every time."""

import numpy as np
import pytest
import torch

import analogsim
from analogsim.crossbar.mapping.periphery import STANDARD
from analogsim.errors import DeviceError
from analogsim.experiment.setting import Setting
from device_models import Pcm
from device_models.effects import Cells, Stuck, Wires
from tests.crossbar.nets import small_inputs, small_net
from tests.device_models.test_wires import expected

DAY_S = 86_400.0
WIRES = Wires(r_row=2.0, r_col=3.0, r_sense=20.0, rows=16, columns=24)


def made(effects=(), device="pcm", **options):
    analog = analogsim.convert(
        small_net(), device, "ideal", calibrate=small_inputs(), effects=effects, **options
    )
    return analogsim.program(analog, seed=4, chip=3)


def tiles(chip):
    return [tile for layer in chip.layers.values() for tile in layer.tiles]


@pytest.mark.parametrize("t_s", [1.0, DAY_S])
@pytest.mark.parametrize("pairs", ["arrays", "rows"])
def test_a_chips_weights_at_every_time(t_s, pairs):
    wires = Wires(r_row=2.0, r_col=3.0, r_sense=20.0, rows=16, columns=24, pairs=pairs)
    plain, chip = made().drift_(t_s, "none"), made((wires,)).drift_(t_s, "none")
    # A sparse solver takes a minute for those of more cells.
    small = [pair for pair in zip(tiles(plain), tiles(chip), strict=True) if pair[0].numel < 2000]
    assert len(small) > 2
    for bare, wired in small:
        plus, minus = expected(wires, Cells.of(bare.weights, 25.0))
        np.testing.assert_allclose(wired.weights.numpy(), plus - minus, rtol=1e-5, atol=2e-7)
        # What is in the cells is what programming left there.
        assert torch.equal(wired.programmed, bare.programmed)


def test_both_readings_of_a_compensation_meet_them():
    chip = made((WIRES,)).drift_(DAY_S, "global")
    now = made((WIRES,)).drift_(DAY_S, "none")
    start = made((WIRES,))
    for tile, later, first in zip(tiles(chip), tiles(now), tiles(start), strict=True):
        alpha = first.weights.abs().mean() / later.weights.abs().mean()
        assert float(tile.alpha) == pytest.approx(float(alpha), rel=1e-5)


def test_nothing_without_resistance():
    plain = made().drift_(DAY_S, "global")
    chip = made((Wires(rows=16, columns=24, pairs="columns"),)).drift_(DAY_S, "global")
    for bare, wired in zip(tiles(plain), tiles(chip), strict=True):
        assert torch.equal(bare.weights, wired.weights)
        assert torch.equal(bare.alpha, wired.alpha)


def test_they_meet_the_faults_that_stand_in_front_of_them():
    faults = Stuck(rate_on=0.1)
    bare, chip = made((faults,)), made((faults, WIRES))
    for one, wired in zip(tiles(bare), tiles(chip), strict=True):
        weights = one.weights
        # A pair of which both are on has the weight 0, and loads its wires all the same.
        assert float(wired.weights.abs().sum()) < float(weights.abs().sum())


def test_saved_and_loaded(tmp_path):
    chip = made((WIRES,)).drift_(DAY_S, "global")
    analogsim.save(chip, tmp_path / "chip")
    loaded = analogsim.load(tmp_path / "chip", model=small_net())
    assert loaded.analog.effects == (WIRES,)
    for one, other in zip(tiles(chip), tiles(loaded), strict=True):
        assert torch.equal(one.weights, other.weights)


def test_a_device_without_conductance_is_refused_before_anything_is_computed():
    said = r"got no g_max of preset 'gaussian'; write for example 'wires\?g_max_us=25&r_row=1'"
    with pytest.raises(DeviceError, match=said):
        made((WIRES,), "gaussian")
    made((Wires(r_row=1.0, g_max_us=25.0),), "gaussian")


def test_notes_say_what_holds_for_one_cell_a_weight():
    notes = " ".join(made((WIRES,), "rram-cmo").analog.notes)
    assert WIRES.info.not_modelled in notes
    assert "rram-cmo has one cell a weight" in notes


def test_a_sweep_of_wires_has_one_law_of_ir_drop_at_all_points():
    device = Pcm()
    start = Setting(periphery=STANDARD, device=device, seed=0)
    for point in ({"wires": "none"}, {"wires": "1ohm"}, {"wires.r_row": 0.0}):
        assert start.at(point).periphery.ir_drop == 0
    assert start.at({"adc_bits": 6}).periphery.ir_drop == STANDARD.ir_drop > 0


@pytest.mark.parametrize("behind", ["faults?on=0.1", "levels?bits=4", "stuck", "wires?r_col=1"])
def test_what_is_in_the_cells_does_not_come_behind_them(behind):
    said = f"effect 'wires' must come behind .* got '{behind.partition('?')[0]}' behind it"
    with pytest.raises(DeviceError, match=said):
        analogsim.convert(small_net(), "pcm", "ideal", effects=["wires?r_row=1", behind])
    gains = ["wires?r_row=1", "gain_error?std=0.1"]
    assert len(analogsim.convert(small_net(), "pcm", "ideal", effects=gains).effects) == 2

"""Effects on the cells of a chip: their laws in numpy, their draws, and what they leave alone.

Programming and drift under them are aihwkit's own classes, with the seeds of the tiles' addresses.
"""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from aihwkit.inference.compensation.drift import GlobalDriftCompensation
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from aihwkit.nn.conversion import convert_to_analog
from scipy import stats
from torch import nn

import analogsim
from analogsim.crossbar.chip.program import reprogram_
from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.mapping import size
from analogsim.crossbar.mapping.periphery import IDEAL
from analogsim.draws.addresses import generator_at, seeded
from analogsim.errors import DeviceError, InputError
from device_models.effects import EFFECTS, Cells, EffectInfo, GainError, Stuck
from tests.crossbar.nets import relative_error, small_inputs, small_net

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SEED, CHIP = 4, 3
DAY_S, YEAR_S = 86_400.0, 365 * 86_400.0
STUCK, GAIN = Stuck(rate_on=0.05, rate_off=0.1), GainError(std=0.2)


def made(device="pcm", periphery="ideal", effects=(STUCK, GAIN), chip=CHIP, **options):
    analog = analogsim.convert(
        small_net(), device, periphery, calibrate=small_inputs(), effects=effects, **options
    )
    return analogsim.program(analog, seed=SEED, chip=chip)


def tiles(chip):
    return [(name, tile) for name, layer in chip.layers.items() for tile in layer.tiles]


def weights(chip):
    return torch.cat([tile.weights.reshape(-1) for _, tile in tiles(chip)])


def outputs(chip):
    torch.manual_seed(0)
    with torch.no_grad():
        return chip(small_inputs())


def drawn(kind, effect, name, tile, cell, chip=CHIP):
    generator = generator_at(SEED, "effect", effect, 0, name, tile.slot.index, chip, cell)
    return getattr(torch.empty(tile.shape), f"{kind}_")(generator=generator).numpy()


def shown(w, name, tile, *, stuck=STUCK, gain=GAIN):
    """The two laws in numpy, in this order, on tile weights (out, in)."""
    pair = {"plus": np.maximum(w, 0), "minus": np.maximum(-w, 0)}
    for cell, g in pair.items():
        if stuck is not None:
            u = drawn("uniform", "stuck", name, tile, cell)
            g = np.where(u < stuck.rate_on + stuck.rate_off, np.float32(0), g)
            g = np.where(u < stuck.rate_on, np.float32(1), g)
        if gain is not None:
            z = drawn("normal", "gain_error", name, tile, cell)
            g = np.maximum(g * (1 + np.float32(gain.std) * z), 0)
        pair[cell] = g
    return pair["plus"] - pair["minus"]


def upstream_states(device, chip, t_s):
    """What aihwkit's law gives for each tile: programmed, and drifted to `t_s`."""
    for name, layer in chip.layers.items():
        for tile in layer.tiles:
            law = device.noise_law(layer.context(tile))
            with seeded(SEED, "program", name, tile.slot.index, CHIP):
                programmed, remembered = law.apply_programming_noise(tile.target)
            with seeded(SEED, "drift", name, tile.slot.index, CHIP, t_s):
                drifted = law.apply_drift_noise(programmed, remembered, t_s)
            yield name, tile, programmed.numpy(), drifted.numpy()


@pytest.mark.parametrize("device", ["pcm", "pcm-hermes", "rram", "gaussian", "ideal"])
@pytest.mark.parametrize("t_s", [1.0, DAY_S])
def test_laws_in_numpy_on_what_the_device_gives(device, t_s):
    chip = made(device)
    for name, tile, programmed, _ in upstream_states(chip.analog.device, chip, t_s):
        # Stuck cells are an error of programming; a gain is met whenever cells are read.
        expected = shown(programmed, name, tile, gain=None)
        np.testing.assert_array_equal(tile.programmed.numpy(), expected)
        np.testing.assert_allclose(
            tile.weights.numpy(), shown(programmed, name, tile), rtol=1e-6, atol=1e-7
        )
    chip.drift_(t_s, "global")
    for name, tile, programmed, drifted in upstream_states(chip.analog.device, chip, t_s):
        now = shown(drifted, name, tile)
        np.testing.assert_allclose(tile.weights.numpy(), now, rtol=1e-6, atol=1e-7)
        # Both readings of the compensation meet the effects.
        alpha = np.abs(shown(programmed, name, tile)).mean() / np.abs(now).mean()
        assert float(tile.alpha) == pytest.approx(alpha, rel=1e-5)
        np.testing.assert_allclose(tile.present.numpy(), now * float(tile.alpha), rtol=1e-5)


def test_aihwkits_own_tiles_compute_the_same():
    """aihwkit programs, drifts, reads out and multiplies; only the two laws lie between."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(3, 24, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(864, 10))
    x = torch.randn(8, 3, 6, 6, generator=torch.Generator().manual_seed(2))
    config = build_rpu_config(IDEAL, "torch")
    config.noise_model = PCMLikeNoiseModel()
    config.drift_compensation = GlobalDriftCompensation()
    theirs = convert_to_analog(net, config).eval()
    for forward in ("native", "tile"):
        analog = analogsim.convert(
            net, "pcm", "ideal", tile="torch", forward=forward, effects=(STUCK, GAIN)
        )
        chip = analogsim.program(analog, seed=SEED, chip=CHIP).drift_(DAY_S, "global")
        for name in ("0", "3"):
            for index, their in enumerate(theirs.get_submodule(name).analog_tiles()):
                tile = chip.layers[name].tiles[index]
                law = their.rpu_config.noise_model
                with seeded(SEED, "program", name, index, CHIP):
                    programmed, memory = law.apply_programming_noise(tile.target)
                with seeded(SEED, "drift", name, index, CHIP, DAY_S):
                    drifted = law.apply_drift_noise(programmed, memory, DAY_S)
                own = their.rpu_config.drift_compensation
                their.tile.set_weights(torch.from_numpy(shown(programmed.numpy(), name, tile)))
                before = own.readout(their.tile.forward(own.get_readout_tensor(tile.shape[1])))
                their.tile.set_weights(torch.from_numpy(shown(drifted.numpy(), name, tile)))
                now = own.readout(their.tile.forward(own.get_readout_tensor(tile.shape[1])))
                their.alpha = before / now
                assert float(tile.alpha) == pytest.approx(float(their.alpha), rel=1e-5)
        with torch.no_grad():
            assert relative_error(chip(x), theirs(x)) < 2e-6


@pytest.mark.parametrize("device", ["pcm", "rram-cmo"])
def test_exactly_nothing_at_the_defaults(device):
    # Wires take the IR drop over from the periphery, also where they have no resistance.
    nothing = tuple(effect() for name, effect in EFFECTS.items() if name != "wires")
    plain, other = (made(device, "standard", effects) for effects in ((), nothing))
    assert [a.programming_error for a in plain.report] == [
        b.programming_error for b in other.report
    ]
    for kind in ("none", "global", "exact", "column", "gain", "current"):
        pair = (tiles(chip.drift_(DAY_S, kind)) for chip in (plain, other))
        for (_, one), (_, two) in zip(*pair, strict=True):
            for part in ("programmed", "weights", "alpha", "gain"):
                assert torch.equal(getattr(one, part), getattr(two, part)), (kind, part)
        assert torch.equal(outputs(plain), outputs(other))


def test_pairs_are_the_weights_bit_for_bit():
    torch.manual_seed(0)
    w = torch.cat([torch.randn(1000), torch.tensor([0.0, -0.0, 1e-40, -1e-40, 1.5])])
    assert torch.equal(Cells.of(w).weights, w)
    assert float(torch.minimum(Cells.of(w).g_plus, Cells.of(w).g_minus).abs().max()) == 0


def test_stuck_cells_stay_where_they_are_and_healthy_ones_drift_as_before():
    plain, chip = made(effects=()), made(effects=(STUCK,))
    for t_s in (1.0, DAY_S, YEAR_S):
        plain.drift_(t_s, "none")
        chip.drift_(t_s, "none")
        for (name, one), (_, other) in zip(tiles(plain), tiles(chip), strict=True):
            u = {cell: drawn("uniform", "stuck", name, other, cell) for cell in ("plus", "minus")}
            healthy = np.minimum(u["plus"], u["minus"]) >= STUCK.rate_on + STUCK.rate_off
            assert np.array_equal(one.weights.numpy()[healthy], other.weights.numpy()[healthy])
            both = (u["plus"] < STUCK.rate_on) & (u["minus"] >= STUCK.rate_on)
            both &= u["minus"] < STUCK.rate_on + STUCK.rate_off
            assert np.all(other.weights.numpy()[both] == 1)


def test_share_of_stuck_cells():
    """70,176 pairs: each rate within the binomial interval at alpha 1e-4 for each of 4 counts."""
    states = []
    for name, tile in tiles(made("ideal", effects=())):
        for cell in ("plus", "minus"):
            u = drawn("uniform", "stuck", name, tile, cell)
            g = STUCK.apply(Cells.of(torch.full(tile.shape, 0.5)), _Fixed(name, tile)).g_plus
            states.append((u, g.numpy() if cell == "plus" else None))
    n = sum(u.size for u, _ in states)
    on = sum(int((u < STUCK.rate_on).sum()) for u, _ in states)
    held = np.concatenate([g.reshape(-1) for _, g in states if g is not None])
    low, high = stats.binom.ppf([1e-4 / 8, 1 - 1e-4 / 8], n, STUCK.rate_on)
    assert low <= on <= high
    for state, rate in ((1.0, STUCK.rate_on), (0.0, STUCK.rate_off)):
        low, high = stats.binom.ppf([1e-4 / 8, 1 - 1e-4 / 8], held.size, rate)
        assert low <= int((held == state).sum()) <= high


@dataclass(frozen=True)
class _Fixed:
    name: str
    tile: object

    def generator(self, what):
        index = self.tile.slot.index
        return generator_at(SEED, "effect", "stuck", 0, self.name, index, CHIP, what)


def test_more_faults_keep_those_that_were_there():
    few, many = (
        made("ideal", effects=(Stuck(rate_off=0.05),)),
        made("ideal", effects=(Stuck(rate_off=0.2),)),
    )
    gone, left = weights(few) == 0, weights(many) == 0
    assert int(left.sum()) > 2 * int(gone.sum()) > 0
    assert bool(left[gone].all())


def test_another_effect_and_another_layer_move_no_draw():
    alone = made("ideal", effects=(GAIN,))
    for (_, one), (name, other) in zip(tiles(alone), tiles(made("ideal")), strict=True):
        u = [drawn("uniform", "stuck", name, other, cell) for cell in ("plus", "minus")]
        healthy = np.minimum(*u) >= STUCK.rate_on + STUCK.rate_off
        assert np.array_equal(one.weights.numpy()[healthy], other.weights.numpy()[healthy])
    fewer = made("ideal", effects=(GAIN,), keep_digital=["0"])
    for name, layer in fewer.layers.items():
        for a, b in zip(layer.tiles, alone.layers[name].tiles, strict=True):
            assert torch.equal(a.weights, b.weights)


def test_an_effect_that_is_named_twice_draws_twice():
    one, two = made("ideal", effects=(GAIN,)), made("ideal", effects=(GAIN, GAIN))
    start = made("ideal", effects=())
    held = weights(start).abs() > 0.01
    first = weights(one)[held] / weights(start)[held]
    second = weights(two)[held] / weights(one)[held]
    # About 7,000 weights: a correlation of independent gains has a standard error of 0.012.
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 5 * 0.012
    assert float(second.std()) == pytest.approx(GAIN.std, rel=0.1)


def test_order_is_that_of_the_current():
    """A gain in front of a fault is lost in it."""
    (_, tile), *_ = tiles(made("ideal", effects=(GAIN, Stuck(rate_on=1.0))))
    assert torch.equal(tile.weights, torch.zeros(tile.shape))
    (_, tile), *_ = tiles(made("ideal", effects=(Stuck(rate_on=1.0), GAIN)))
    assert float(tile.weights.std()) == pytest.approx(GAIN.std * 2**0.5, rel=0.15)


def test_a_gain_alone_needs_no_compensation():
    for _, tile in tiles(made("ideal", effects=(GAIN,)).drift_(DAY_S, "global")):
        assert torch.equal(tile.alpha, torch.ones(1))


def test_only_what_programming_leaves_is_an_error_of_programming():
    plain, gain, stuck = (made(effects=effects) for effects in ((), (GAIN,), (STUCK,)))
    error = [chip.layers["0"].weight_error() for chip in (plain, gain, stuck)]
    assert error[0] == error[1] < 0.5 * error[2]


def test_caller_s_generator_stays_where_it_is():
    torch.manual_seed(7)
    expected = torch.rand(3)
    analog = made().analog
    torch.manual_seed(7)
    analogsim.program(analog, seed=SEED, chip=CHIP).drift_(DAY_S)
    assert torch.equal(torch.rand(3), expected)


def test_programmed_anew_it_is_that_chip():
    expected = made(chip=5).drift_(DAY_S, "column")
    chip = reprogram_(made().drift_(1.0), 5).drift_(DAY_S, "column")
    assert torch.equal(weights(chip), weights(expected))
    assert torch.equal(outputs(chip), outputs(expected))


@pytest.mark.parametrize("periphery", ["ideal", "standard"])
def test_a_large_network_computes_its_weights_again(periphery, monkeypatch):
    kept = made(periphery=periphery).drift_(DAY_S)
    monkeypatch.setattr(size, "LARGE", 1)
    chip = made(periphery=periphery).drift_(DAY_S)
    assert all(tile._weights is None for _, tile in tiles(chip))
    assert torch.equal(weights(chip), weights(kept))


@pytest.mark.parametrize("device", ["pcm", "pcm-hermes"])
def test_saved_loaded_and_drifted_on(device, tmp_path):
    chip = made(device, "standard").drift_(DAY_S, "global")
    analogsim.save(chip, tmp_path / "chip")
    loaded = analogsim.load(tmp_path / "chip", model=small_net())
    assert loaded.analog.effects == (STUCK, GAIN)
    assert torch.equal(outputs(loaded), outputs(chip))
    assert [a.programming_error for a in loaded.report] == [
        b.programming_error for b in chip.report
    ]
    for kind in ("column", "current"):
        chip.drift_(YEAR_S, kind)
        loaded.drift_(YEAR_S, kind)
        assert torch.equal(weights(loaded), weights(chip))
        assert torch.equal(outputs(loaded), outputs(chip))


def test_text_form_and_objects_are_one():
    text = ("stuck?rate_on=0.05&rate_off=0.1", "gain_error?std=0.2")
    assert made(effects=text).analog.effects == (STUCK, GAIN)


def test_notes_say_what_acts_and_what_it_leaves_out():
    notes = " ".join(made().analog.notes)
    for effect in (STUCK, GAIN):
        assert effect.info.law in notes
        assert effect.info.not_modelled in notes
        assert effect.info.citation in notes
    assert repr(STUCK) in notes
    assert not [note for note in made(effects=()).analog.notes if "ffect" in note]


def test_a_device_without_pairs_says_so():
    said = "Effects act on pairs of cells whose idle one is at zero: rram-cmo has one cell a weight"
    assert any(note.startswith(said) for note in made("rram-cmo").analog.notes)
    assert not any(note.startswith(said) for note in made("pcm").analog.notes)
    assert not any(note.startswith(said) for note in made("rram-cmo", effects=()).analog.notes)


def test_the_compiled_stream_refuses_them():
    said = r"stream 'philox' must have no effects, got stuck, gain_error: .* use stream 'aihwkit'"
    with pytest.raises(InputError, match=said):
        made(stream="philox")
    chip = made()
    with pytest.raises(InputError, match=said):
        analogsim.program(dataclasses.replace(chip.analog, stream="philox"))


@dataclass(frozen=True)
class Halved:
    """An effect of a user's own: every cell conducts half."""

    info: ClassVar = EffectInfo(
        name="halved", title="t", models="m", not_modelled="n", law="g/2", citation="c", domain="d"
    )
    moment: ClassVar = "present"

    def apply(self, cells, draws):
        return Cells(g_plus=cells.g_plus / 2, g_minus=cells.g_minus / 2)


def test_an_effect_of_one_s_own_acts_but_no_folder_names_it(tmp_path):
    chip, plain = made("ideal", effects=(Halved(),)), made("ideal", effects=())
    assert torch.equal(weights(chip), weights(plain) / 2)
    said = r"effect must be one of .* to be named in a file, got Halved; "
    with pytest.raises(DeviceError, match=said):
        analogsim.save(chip, tmp_path / "chip")
    assert not list((tmp_path / "chip").glob("*"))

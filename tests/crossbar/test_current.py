"""Compensation `current`: summed currents of a tile's columns, against the formula in numpy."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import analogsim
from analogsim.crossbar.chip.program import program, reprogram_
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping import size
from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD
from analogsim.draws.addresses import generator_at
from tests.crossbar.nets import relative_error, small_inputs, small_net

DAY_S, YEAR_S = 86_400.0, 31_536_000.0
QUIET = dataclasses.replace(STANDARD, name="quiet", output_noise=0.0, read_noise=0.0)


def with_adc(bits, edge=STANDARD):
    return dataclasses.replace(edge, name=f"adc{bits}", adc_bits=bits)


def tiles(chip):
    return [(layer, tile) for layer in chip.layers.values() for tile in layer.tiles]


def needed(tile):
    return float(tile.programmed.abs().mean() / tile.weights.abs().mean())


def expected(layer, tile, chip):
    """The factor of a tile in numpy, from its weights before and now."""
    edge = layer.periphery

    def currents(weights):
        w = weights.double().numpy()
        return np.concatenate([np.where(w > 0, w, 0).sum(1), np.where(w < 0, -w, 0).sum(1)])

    def seen(values, *address):
        z = torch.randn(len(values), generator=generator_at(*address)).double().numpy()
        values = values + edge.output_noise * z
        lsb = 2 * edge.output_bound / (2**edge.adc_bits - 2)
        return np.clip(np.round(values / lsb) * lsb, -edge.output_bound, edge.output_bound).sum()

    before, now = currents(tile.programmed), currents(tile.weights)
    voltage = edge.output_bound / before.max()
    place = (layer.name, tile.slot.index, chip.chip)
    return seen(before * voltage, chip.seed, "current baseline", *place) / seen(
        now * voltage, chip.seed, "current", *place, chip.t_s
    )


def made(preset="pcm", edge=STANDARD, *, t_s=DAY_S, kind="current", **options):
    analog = convert(small_net(), preset, edge, calibrate=small_inputs(), **options)
    return program(analog, seed=2, chip=1).drift_(t_s, kind)


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tile": "torch", "forward": "tile"},
        {"tile": "cpp"},
        {"stream": "philox"},
        {"bn": "fold"},
    ],
    ids=str,
)
@pytest.mark.parametrize(("preset", "bits"), [("pcm", 4), ("pcm-hermes", 8), ("rram", 4)])
def test_factors_are_the_formula(preset, bits, options):
    """Every way to compute, without and with a fused law, and each again at another time."""
    if options.get("stream") == "philox":
        pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
        if preset != "pcm":
            pytest.skip("the stream has the law of pcm only")
    chip = made(preset, with_adc(bits), **options)
    for t_s in (DAY_S, 2 * DAY_S, DAY_S):
        chip.drift_(t_s, "current")
        for layer, tile in tiles(chip):
            assert tile.alpha.tolist() == pytest.approx([expected(layer, tile, chip)], rel=1e-6)
    assert chip.compensation == "current"


@pytest.mark.parametrize(("bits", "off"), [(4, 0.3), (5, 0.05)])
def test_few_bits_are_enough_where_single_cells_answer_below_a_step(bits, off):
    """On layers of 27 to 576 inputs. The weights are uniform: small ones, as trained layers have
    many, fall below the step sooner (ResNet20 at 5 bits: `global` is off by half)."""
    found = {}
    for kind in ("current", "global"):
        chip = made(edge=with_adc(bits), kind=kind)
        apart = [float(tile.alpha) / needed(tile) - 1 for _, tile in tiles(chip)]
        found[kind] = np.array(apart)
    assert abs(found["current"].mean()) < 0.02
    assert np.abs(found["current"]).max() < 0.06
    assert np.abs(found["global"]).mean() > off


@pytest.mark.parametrize(("bits", "share"), [(4, 0.8), (5, 0.95)])
def test_outputs_come_nearer_the_digital_ones(bits, share):
    """A whole network after a day; the noise of its products is the same in both."""
    digital, x = small_net(), small_inputs()
    errors = {}
    for kind in ("current", "global"):
        chip = made(edge=with_adc(bits), kind=kind)
        torch.manual_seed(0)
        with torch.no_grad():
            errors[kind] = relative_error(chip(x), digital(x))
    assert errors["current"] < share * errors["global"]


def test_without_an_adc_only_noise_is_between_the_factor_and_the_need():
    for edge, rel in ((with_adc(0, QUIET), 1e-6), (with_adc(0), 5e-3)):
        for _, tile in tiles(made(edge=edge, t_s=YEAR_S)):
            assert float(tile.alpha) == pytest.approx(needed(tile), rel=rel)


@pytest.mark.parametrize("stream", ["aihwkit", "philox"])
def test_without_converters_it_is_the_exact_ratio_and_that_of_global(stream):
    if stream == "philox":
        pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
    chip, other = (made(edge=IDEAL, kind=kind, stream=stream) for kind in ("current", "global"))
    for (_, tile), (_, like) in zip(tiles(chip), tiles(other), strict=True):
        assert float(tile.alpha) == pytest.approx(needed(tile), rel=1e-6)
        assert torch.equal(tile.alpha, like.alpha)
    with torch.no_grad():
        assert torch.equal(chip(small_inputs()), other(small_inputs()))


def test_a_tile_of_zeros_has_factor_one():
    network = nn.Linear(6, 4, bias=False)
    nn.init.zeros_(network.weight)
    chip = program(convert(network, "ideal", STANDARD, calibrate=torch.randn(8, 6)))
    ((_, tile),) = tiles(chip.drift_(DAY_S, "current"))
    assert tile.alpha.tolist() == [1.0]


def test_other_kinds_before_it_move_nothing():
    chip, plain = made(kind="global"), made()
    for kind in ("column", "gain", "exact", "current"):
        chip.drift_(DAY_S, kind)
    for (_, tile), (_, like) in zip(tiles(chip), tiles(plain), strict=True):
        assert torch.equal(tile.alpha, like.alpha)
        assert torch.equal(tile.weights, like.weights)


def test_a_large_network_has_the_same_factors(monkeypatch):
    """Its tiles do not keep what the engines have taken."""
    kept = made()
    monkeypatch.setattr(size, "LARGE", 1)
    chip = made()
    assert chip.large
    for (_, tile), (_, like) in zip(tiles(chip), tiles(kept), strict=True):
        assert torch.equal(tile.alpha, like.alpha)


def test_saved_loaded_and_drifted_on(tmp_path):
    chip = made()
    analogsim.save(chip, tmp_path / "chip")
    loaded = analogsim.load(tmp_path / "chip", model=small_net())
    assert loaded.compensation == "current"
    for t_s in (DAY_S, YEAR_S):
        chip.drift_(t_s, "current")
        loaded.drift_(t_s, "current")
        for (_, tile), (_, like) in zip(tiles(chip), tiles(loaded), strict=True):
            assert torch.equal(tile.alpha, like.alpha)


@pytest.mark.parametrize("options", [{}, {"tile": "cpp"}], ids=str)
def test_a_chip_programmed_anew_is_read_anew(options):
    """What the tiles answered as another chip is forgotten."""
    chip = made(**options)
    before = [tile.baselines["current"] for _, tile in tiles(chip)]
    reprogram_(chip, 5).drift_(DAY_S, "current")
    for (layer, tile), old in zip(tiles(chip), before, strict=True):
        assert not torch.equal(tile.baselines["current"], old)
        assert float(tile.alpha) == pytest.approx(expected(layer, tile, chip), rel=1e-6)


def test_global_on_the_cpp_tile_forgets_the_chip_before():
    """Upstream's tile reads it; its own noise is not seeded, so only the mean can be held."""
    edge = with_adc(0, QUIET)
    edge = dataclasses.replace(edge, name="bare", dac_bits=0, read_noise=0.0, ir_drop=0.0)
    chip = made(edge=edge, tile="cpp", kind="global")
    reprogram_(chip, 5).drift_(DAY_S, "global")
    for _, tile in tiles(chip):
        assert float(tile.alpha) == pytest.approx(needed(tile), rel=1e-4)

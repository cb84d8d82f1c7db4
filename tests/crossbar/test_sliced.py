"""Products of slices: folded they are one product, elsewhere the digital side shifts and adds."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import analogsim
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.again import converted_again, with_periphery
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.conversions import (
    compensated_together,
    conversions_of,
    digits,
    drives,
    input_slices,
)
from analogsim.crossbar.forward.native import StaticEngine
from analogsim.crossbar.forward.reads import reads_entry, reads_of
from analogsim.crossbar.forward.sliced import SlicedEngine
from analogsim.crossbar.mapping.periphery import PERIPHERIES, STANDARD, Periphery
from analogsim.crossbar.mapping.periphery_presets import PRESETS
from analogsim.crossbar.mapping.periphery_text import from_dict, parse
from analogsim.draws.addresses import generator_at
from analogsim.errors import InputError
from device_models.circuits import effective_conductance

ENCODINGS = ("pair", "pair-two-sided", "offset", "offset-column")
READS = ("slice", "weight-slice", "input-slice", "product")
X = torch.randn(6, 4, 12, 12, generator=torch.Generator().manual_seed(1))


def network():
    torch.manual_seed(0)
    return (
        nn.Sequential(
            nn.Conv2d(4, 10, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(10, 12, 3, stride=2, groups=2),
            nn.Flatten(),
            nn.Linear(12 * 25, 7),
        )
        .eval()
        .requires_grad_(False)
    )


def edge(**fields):
    quiet = {"output_noise": 0.0, "read_noise": 0.0, "ir_drop": 0.0, "max_input_size": 128}
    return dataclasses.replace(STANDARD, name="own", **{**quiet, **fields})


def chip_of(periphery, device="ideal", **options):
    return program(convert(network(), device, periphery, calibrate=X, **options), seed=2)


def apart(found, wanted):
    return float((found - wanted).detach().norm() / wanted.detach().norm())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("bits_per_cell", [0, 4])
def test_without_an_adc_all_is_one_product(encoding, bits_per_cell):
    cells = {"weight_encoding": encoding, "bits_per_cell": bits_per_cell, "weight_bits": 12}
    chip = chip_of(edge(adc_bits=0, output_bound=1e6, dac_bits=12, bits_per_input=1, **cells))
    assert all(len(conversions_of(layer.periphery)) == 1 for layer in chip.layers.values())
    assert input_slices(chip.analog.periphery) == 0
    assert apart(chip(X), network()(X)) < 3e-3


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("reads", READS)
def test_shift_and_add_gives_the_product_back(encoding, reads):
    cells = {"weight_encoding": encoding, "bits_per_cell": 4, "weight_bits": 12}
    fine = {"adc_bits": 16, "output_bound": 200.0, "dac_bits": 12, "bits_per_input": 4}
    chip = chip_of(edge(adc_reads=reads, **fine, **cells))
    assert apart(chip(X), network()(X)) < 0.03


def test_a_folded_product_is_the_static_engine_s():
    """One conversion of the sum: the same ADC codes as without slices, for the same weights."""
    whole = {"weight_bits": 16, "bits_per_cell": 15}
    sliced = chip_of(edge(bits_per_cell=5, weight_bits=16, adc_reads="product", bits_per_input=2))
    plain = chip_of(edge(**whole))
    # Float32 of another order of sums: a few outputs lie at a code's very end.
    differ = (sliced(X) - plain(X)).abs() > 1e-5
    assert float(differ.float().mean()) < 0.05


def test_the_engine_of_before_is_used_where_nothing_new_is_asked_for():
    assert isinstance(next(iter(chip_of(edge()).layers.values())).engine, StaticEngine)
    found = chip_of(edge(bits_per_cell=4))
    assert isinstance(next(iter(found.layers.values())).engine, SlicedEngine)


def test_one_slice_of_an_ideal_range_is_the_static_engine_s_product():
    """Weights of any value through the one engine, of 16 bits through the other."""
    found = chip_of(edge(bits_per_cell=15, weight_bits=16, adc_bits=16, output_bound=50.0))
    plain = chip_of(edge(adc_bits=16, output_bound=50.0))
    assert apart(found(X), plain(X)) < 3e-3


def test_digits_add_up_and_have_the_number_s_sign():
    x = torch.arange(-127.0, 128.0)
    for bits in (1, 2, 3, 7):
        count = -(-7 // bits)
        parts = digits(x, bits, count)
        assert torch.equal(sum(d * 2.0 ** (bits * k) for k, d in enumerate(parts)), x)
        assert all(float(d.abs().max()) <= 2**bits - 1 for d in parts)
        assert all(bool(((d == 0) | (d.sign() == x.sign())).all()) for d in parts)


def test_what_an_adc_sees_together_shares_a_drift_compensation():
    two = edge(weight_encoding="pair-two-sided", bits_per_cell=4)
    assert compensated_together(two) == ((0, 1), (2, 3))
    both = dataclasses.replace(two, adc_reads="product")
    assert compensated_together(both) == ((0, 1, 2, 3),)
    chip = chip_of(both, "pcm").drift_("1d")
    for layer in chip.layers.values():
        for place in layer.places:
            assert len({float(tile.alpha) for tile in place}) == 1
    assert all(float(layer.tiles[0].alpha) > 1 for layer in chip.layers.values())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_drift_compensation_brings_every_encoding_back(encoding):
    fine = {"adc_bits": 14, "output_bound": 120.0, "bits_per_cell": 4}
    chip = chip_of(edge(weight_encoding=encoding, **fine), "pcm?programming_scale=0")
    wanted = network()(X)
    lost = apart(chip.drift_("1d", "none")(X), wanted)
    for kind in ("global", "exact", "column", "gain"):
        assert apart(chip.drift_("1d", kind)(X), wanted) < 0.7 * lost, kind


@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("bits", [0, 14])
def test_a_compensation_s_factor_is_what_its_cells_need(bits, reads):
    """A sum of slices and its reference are read in one unit, and neither is clipped."""
    fine = {"bits_per_cell": 2, "adc_bits": bits, "output_bound": 10.0}
    chip = chip_of(edge(adc_reads=reads, **fine), "pcm?programming_scale=0")
    for kind in ("global", "exact", "gain"):
        chip.drift_("1d", kind)
        for tile in (tile for layer in chip.layers.values() for tile in layer.places[0]):
            assert tile.origin is not None
            needed = float(tile.origin.abs().mean() / tile.cells.abs().mean())
            assert float(tile.alpha * tile.gain) == pytest.approx(needed, rel=0.05), kind


def test_a_reading_of_whole_columns_is_refused_where_parts_are_seen_together():
    chip = chip_of(edge(weight_encoding="offset-column"), "pcm")
    with pytest.raises(InputError, match="compensation 'current' must be read of pairs.*'own'"):
        chip.drift_("1d", "current")
    assert chip_of(edge(bits_per_cell=4), "pcm").drift_("1d", "current").t_s == 86400


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_chip_with_slices_is_saved_and_read_again(preset, tmp_path):
    chip = chip_of(PERIPHERIES[preset], "pcm").drift_("1d", "column")
    analogsim.save(chip, tmp_path / "chip", model=None)
    found = analogsim.load(tmp_path / "chip", network())
    assert torch.equal(found(X), chip(X))
    assert torch.equal(found.drift_("7d")(X), chip.drift_("7d")(X))


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_each_number_of_a_preset_has_a_source(preset):
    own = {name for name, value in PRESETS[preset].values.items()}
    silent = {"output_noise", "read_noise", "ir_drop"}
    assert set(PRESETS[preset].sources) == own - silent
    assert PRESETS[preset].citation
    assert PRESETS[preset].not_modelled


def test_isaac_s_range_is_what_crosssim_computes():
    """GRANULAR: 2**(9 - 1) - 1 steps of 1 / (2**2 - 1)."""
    isaac = PERIPHERIES["isaac"]
    assert isaac.output_bound == pytest.approx((2 ** (isaac.adc_bits - 1) - 1) / (2**2 - 1))


def test_new_fields_are_left_out_while_they_are_at_their_defaults():
    assert set(STANDARD.as_dict()) == {
        "name",
        "perfect",
        "dac_bits",
        "adc_bits",
        "output_noise",
        "output_bound",
        "input_scaling",
        "read_noise",
        "ir_drop",
        "max_input_size",
        "max_output_size",
    }
    for one in PERIPHERIES.values():
        assert from_dict(one.as_dict(), where="here") == one
        assert parse(one.name) is one


@pytest.mark.parametrize("options", [{"tile": "cpp"}, {"tile": "torch", "forward": "tile"}])
def test_aihwkit_s_tiles_refuse_slices(options):
    with pytest.raises(InputError, match="'own' must have whole weights.*--tile native"):
        convert(network(), "ideal", edge(bits_per_cell=2), calibrate=X, **options)


def test_the_fast_stream_refuses_slices():
    with pytest.raises(InputError, match="'philox' must have whole weights.*got periphery 'own'"):
        convert(network(), "pcm", edge(bits_per_cell=2), calibrate=X, stream="philox")


def test_another_periphery_shares_tiles_only_where_weights_are_cut_alike():
    analog = convert(network(), "ideal", edge(bits_per_cell=4), calibrate=X)
    other = edge(bits_per_cell=4, adc_kind="ramp", bits_per_input=1)
    assert program(with_periphery(analog, other))(X).shape == (6, 7)
    with pytest.raises(InputError, match="bits_per_cell must be the 4.*got 2"):
        with_periphery(analog, edge(bits_per_cell=2))
    again = with_periphery(
        analog, edge(bits_per_cell=2), lambda a, p: converted_again(a, p, calibrate=X)
    )
    assert len(again.layers["0"].tiles) == 4


def test_conversions_are_counted_by_hand():
    analog = convert(network(), "ideal", edge(), calibrate=X)
    # 144 pixels of 10 outputs, 36 inputs; 25 of 2 groups of 6, 45; 7 of 300 in three arrays.
    assert {name: (one.adc, one.dac) for name, one in reads_of(analog).items()} == {
        "0": (1440, 144 * 36),
        "2": (25 * 12, 25 * 90),
        "4": (3 * 7, 300),
    }
    cut = edge(bits_per_cell=4, bits_per_input=1, weight_encoding="offset-column")
    found = reads_of(convert(network(), "ideal", cut, calibrate=X))
    # Two slices, each with a unit column; seven bits of an input.
    assert found["0"].adc == 144 * 2 * (10 + 1) * 7
    assert found["0"].dac == 144 * 36 * 7
    assert drives(cut) == 7
    ideal = convert(network(), "ideal", "ideal", calibrate=X)
    assert reads_entry(ideal)["adc"] == 0


def test_a_periphery_of_old_is_read_without_the_new_fields():
    old = {"name": "old", "dac_bits": 7, "max_input_size": 64}
    assert from_dict(old, where="here") == Periphery(name="old", dac_bits=7, max_input_size=64)


def test_faults_hit_each_slice_by_itself():
    """Cells of 12 tiles and more, 30 % of the pairs stuck at zero: binomial in every slice."""
    faulty = chip_of(edge(bits_per_cell=4), effects=["stuck?rate_off=0.3"])
    healthy = chip_of(edge(bits_per_cell=4))
    for name, layer in faulty.layers.items():
        lost = []
        for tile, whole in zip(layer.tiles, healthy.layers[name].tiles, strict=True):
            held = whole.weights != 0
            lost.append((tile.weights == 0) & held)
            n, share = int(held.sum()), float(lost[-1].sum()) / int(held.sum())
            # Four standard deviations, alpha 1e-4.
            assert abs(share - 0.3) < 4 * (0.3 * 0.7 / n) ** 0.5
        assert not torch.equal(lost[0], lost[1])


def test_wires_lower_the_conductance_of_each_slice():
    wired = chip_of(edge(bits_per_cell=4), effects=["wires?r_row=5&r_col=5&g_max_us=25"])
    ideal = chip_of(edge(bits_per_cell=4))
    for name, layer in wired.layers.items():
        for tile, whole in zip(layer.tiles, ideal.layers[name].tiles, strict=True):
            assert float(tile.weights.abs().sum()) < float(whole.weights.abs().sum())


ALONE = [one for one in ENCODINGS if one != "pair"]


@pytest.mark.parametrize("encoding", ALONE)
def test_effects_act_on_cells_that_stand_alone(encoding):
    """A gain and stuck cells in numpy, from the draws of each tile's plus cells."""
    cut = edge(bits_per_cell=4, weight_encoding=encoding)
    effects = ["gain_error?std=0.1", "stuck?rate_on=0.05&rate_off=0.1"]
    plain, chip = chip_of(cut), chip_of(cut, effects=effects)
    for name, layer in chip.layers.items():
        for tile, healthy in zip(layer.tiles, plain.layers[name].tiles, strict=True):

            def drawn(effect, kind, tile=tile, name=name):
                place = (2, "effect", effect, 0, name, tile.slot.index, 0, "plus")
                made = getattr(torch.empty(tile.shape), kind)(generator=generator_at(*place))
                return made.numpy()

            g = healthy.weights.numpy()
            g = np.maximum(g * (1 + np.float32(0.1) * drawn("gain_error", "normal_")), 0)
            u = drawn("stuck", "uniform_")
            g = np.where(u < 0.05, np.float32(1), np.where(u < 0.15, np.float32(0), g))
            np.testing.assert_allclose(tile.weights.numpy(), g, atol=1e-6)


@pytest.mark.parametrize("device", ["ideal", "pcm"])
def test_wires_of_isaac_are_those_of_its_cells(device):
    """Slices with an offset column: each array as `effective_conductance` has it, at any time."""
    fields = {"r_row": 1.0, "r_col": 2.0}
    wires = "wires?r_row=1&r_col=2&g_max_us=25"
    isaac = dataclasses.replace(PERIPHERIES["isaac"], max_input_size=36)
    plain, chip = (
        chip_of(isaac, device, effects=effects).drift_(86400.0, compensation="none")
        for effects in ((), (wires,))
    )
    for name, layer in chip.layers.items():
        for tile, ideal in zip(layer.tiles, plain.layers[name].tiles, strict=True):
            g = ideal.weights.double().numpy().T * 25e-6
            wanted = effective_conductance(g, **fields).T / 25e-6
            np.testing.assert_allclose(tile.weights.numpy(), wanted, atol=2e-6)
            if float(ideal.weights.max()) > 0.5:
                assert float((tile.weights - ideal.weights).abs().max()) > 1e-4


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        ("faults?on=0.01&pairs=true", "faults with pairs, which is of pairs"),
        ("wires?r_row=1&pairs=columns&g_max_us=25", "wires with pairs"),
    ],
)
def test_what_is_of_pairs_is_refused_for_cells_that_stand_alone(effect, said):
    with pytest.raises(InputError, match=said):
        convert(network(), "ideal", edge(weight_encoding="offset"), calibrate=X, effects=[effect])


def test_an_effect_that_does_nothing_does_nothing_to_cells_that_stand_alone():
    cut = edge(weight_encoding="offset-column", bits_per_cell=2)
    plain, chip = (
        chip_of(cut, "pcm", effects=effects).drift_(1.0) for effects in ((), ("gain_error?std=0",))
    )
    for one, other in zip(plain.layers.values(), chip.layers.values(), strict=True):
        for a, b in zip(one.tiles, other.tiles, strict=True):
            assert torch.equal(a.weights, b.weights)


@pytest.mark.parametrize("encoding", ["pair-two-sided", "offset", "offset-column"])
def test_arrays_of_cells_that_stand_alone_are_laid_out_by_their_faults(encoding):
    """Each array by itself: never worse than in the given order."""
    cut = edge(weight_encoding=encoding, bits_per_cell=3)
    plain, chip = (
        chip_of(cut, "ideal", effects=[f"faults?on=0.04&off=0.04{more}"])
        for more in ("", "&remap=both")
    )
    better = 0
    for one, other in zip(plain.layers.values(), chip.layers.values(), strict=True):
        for given, laid in zip(one.tiles, other.tiles, strict=True):
            before, after = (
                float((tile.weights - given.target).double().square().sum())
                for tile in (given, laid)
            )
            assert after <= before + 1e-9
            better += after < 0.8 * before
    assert better > 2

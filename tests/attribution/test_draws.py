"""Common random numbers: a source alone draws the very normals that it draws in the full chip."""

import pytest
import torch
from torch import nn

from analogsim.attribution.networks import Forms
from analogsim.attribution.treatment import Plan
from analogsim.crossbar.chip.blocks import Block
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.draws.addresses import seeded
from device_models.effects import Cells, Stuck, Wires
from tests.attribution.small import DAY, contrast, logits, plan


def chip_of(treatment, number=3):
    analog = treatment.condition.network
    return program(analog, seed=5, chip=number)


def sides(made, name):
    return contrast(made, name, "alone").worse, contrast(made, name, "without").better


@pytest.fixture
def drawn(monkeypatch):
    """Every block's normals by the address they are drawn at: what the law is given."""
    found = {}
    real = Block._normals

    def spy(block, draws, head, tail):
        normals = real(block, draws, head, tail)
        names = tuple((layer.name, tile.slot.index) for layer, tile in block.members)
        found[head, tail, names] = normals.clone()
        return normals

    monkeypatch.setattr(Block, "_normals", spy)
    return found


@pytest.mark.parametrize("name", ["programming", "drift", "read-noise"])
def test_normals_of_a_device_s_source(drawn, name):
    made = plan("pcm")
    chip_of(made.full()).drift_(DAY)
    full = dict(drawn)
    assert {head[1] for head, _, _ in full} == {"program", "drift"}
    for treatment in sides(made, name):
        drawn.clear()
        chip_of(treatment).drift_(DAY)
        assert drawn.keys() == full.keys()
        assert all(torch.equal(drawn[key], full[key]) for key in full)


def test_normals_of_a_layer_alone(drawn):
    made = plan("pcm")
    programmed, drifted = {}, {}
    for found, treatment in ((programmed, made.full()), (drifted, made.only(["5"]))):
        chip = chip_of(treatment).drift_(DAY)
        found.update({name: layer.tiles for name, layer in chip.layers.items()})
    assert list(drifted) == ["5"]
    for full, alone in zip(programmed["5"], drifted["5"], strict=True):
        assert torch.equal(full.programmed, alone.programmed)
        assert torch.equal(full.weights, alone.weights)
        assert torch.equal(full.alpha, alone.alpha)


def test_programming_alone_programs_the_full_chip_s_weights():
    made = plan("pcm")
    full = chip_of(made.full())
    alone, without = (chip_of(side) for side in sides(made, "programming"))
    for name, layer in full.layers.items():
        for tile, one, other in zip(
            layer.tiles, alone.layers[name].tiles, without.layers[name].tiles, strict=True
        ):
            assert torch.equal(tile.programmed, one.programmed)
            # PCM's law rounds in uS: without noise the target comes back within float32.
            torch.testing.assert_close(other.programmed, tile.target, rtol=3e-7, atol=0)


def test_drift_alone_has_the_full_chip_s_exponents():
    made = plan("pcm")
    full, alone = chip_of(made.full()), chip_of(sides(made, "drift")[0])
    kept = total = 0
    for name, layer in full.layers.items():
        for tile, one in zip(layer.tiles, alone.layers[name].tiles, strict=True):
            # Programming noise can turn a weight's sign: the other cell of the pair then drifts.
            same = torch.signbit(tile.programmed) == torch.signbit(tile.target)
            assert torch.equal(tile.drift_parameters[0][same], one.drift_parameters[0][same])
            kept, total = kept + int(same.sum()), total + same.numel()
    assert kept > 0.9 * total


def test_product_noise_is_common_between_sources():
    """Every chip with the periphery's noise draws as much, from the same address."""
    made = plan("pcm")
    noisy = [made.full(), contrast(made, "output-noise", "alone").worse]
    noisy += [contrast(made, "product-noise", "alone").worse]
    without = ("drift", "dac", "adc", "ir-drop", "output-noise", "product-noise")
    noisy += [contrast(made, name, "without").better for name in without]
    quiet = contrast(made, "dac", "alone").worse
    after = []
    for treatment in (*noisy, quiet):
        chip = chip_of(treatment).drift_(DAY)
        with seeded(5, "forward", 3, DAY):
            logits(chip)
            after.append(torch.random.get_rng_state())
    assert all(torch.equal(after[0], state) for state in after[:-1])
    # Negative control: without the noise nothing is drawn.
    assert not torch.equal(after[0], after[-1])


def test_what_has_no_noise_is_the_same_for_every_chip():
    made = plan("pcm")
    for name in ("input-range", "dac", "adc", "output-bound"):
        treatment = contrast(made, name, "alone").worse
        assert treatment.same_for_every_chip
        for compensation in ("global", "exact"):
            a, b = (logits(chip_of(treatment, n).drift_(DAY, compensation)) for n in (0, 7))
            assert torch.equal(a, b), name
    noisy = contrast(made, "output-noise", "alone").worse
    assert not noisy.same_for_every_chip


def test_effects_of_the_parts_are_those_of_the_full_chip():
    """Without wires it is the chip that never had any; wires alone act on the wanted weights."""
    stuck, wires = Stuck(rate_on=0.2), Wires(r_row=2.0, r_col=2.0)

    net, x = nn.Sequential(nn.Linear(20, 12), nn.ReLU(), nn.Linear(12, 6)), torch.randn(4, 20)

    def tiny(*effects):
        full = convert(net, preset="pcm", calibrate=x, effects=effects)
        return Plan(forms=Forms(full, x), device=full.device)

    made = tiny(stuck, wires)
    without_wires = chip_of(contrast(made, "wires", "without").better).drift_(DAY)
    never = chip_of(tiny(stuck).full()).drift_(DAY)
    alone = chip_of(contrast(made, "wires", "alone").worse).drift_(DAY)
    for name, layer in never.layers.items():
        for place, tile in enumerate(layer.tiles):
            assert torch.equal(tile.present, without_wires.layers[name].tiles[place].present)
            held = alone.layers[name].tiles[place]
            expected = wires.apply(Cells.of(held.target, 25.0), None).weights
            torch.testing.assert_close(held.present, expected)

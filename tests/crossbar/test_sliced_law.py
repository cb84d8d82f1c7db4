"""IR drop and read noise of slices, encodings and drives, against sums over arrays in numpy."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.conversions import digits, drives
from analogsim.crossbar.forward.converter import usable
from analogsim.crossbar.forward.sliced import SlicedEngine
from analogsim.crossbar.mapping.periphery import STANDARD
from analogsim.crossbar.mapping.product_law import ProductLaw, product_law
from analogsim.draws.addresses import seeded
from device_models.contract import ProductNoise

ENCODINGS = ("pair", "pair-two-sided", "offset", "offset-column")
READS = ("slice", "weight-slice", "input-slice", "product")
INPUTS, OUTPUTS, FULL = 40, 6, 127
# Wires that are so bad that the law is far from its straight beginning.
RATIO = 150.0
# Steps too fine to be seen.
FINE = {"adc_bits": 16, "output_bound": 60.0, "output_noise": 0.0, "max_input_size": 0}
SLICED = {"bits_per_cell": 4, "weight_bits": 9, "bits_per_input": 3}
CASES = [
    *({"weight_encoding": e, "adc_reads": r, **SLICED} for e in ENCODINGS for r in READS),
    {"weight_encoding": "pair", "subtraction": "digital", **SLICED},
    {"weight_encoding": "pair-two-sided", "subtraction": "digital"},
    {"weight_encoding": "offset", "bits_per_input": 8},
    {"output_range": "layer"},
]


def linear():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(INPUTS, OUTPUTS)).requires_grad_(False)


X = torch.randn(4, INPUTS, generator=torch.Generator().manual_seed(5))


def chip_of(net, device="ideal", x=X, **fields):
    edge = dataclasses.replace(STANDARD, name="own", **{**FINE, **fields})
    return program(convert(net, device, edge, calibrate=x), seed=2)


def arrays(chip):
    """(coefficient, cells (out, in)) of each array of the layer's only place."""
    layer = chip.layers["0"]
    edge = layer.periphery
    for part, tile in zip(edge.parts, layer.places[0], strict=True):
        cells = tile.cells.double().numpy()
        if edge.subtraction == "digital" and part.role == "pair":
            yield part.coefficient, np.maximum(cells, 0)
            yield -part.coefficient, np.maximum(-cells, 0)
        else:
            yield part.coefficient, cells


def driven(chip, x):
    """(weight, codes (n, in) of a drive, its full scale), and what a tile weight of 1 gives."""
    layer = chip.layers["0"]
    edge, tile = layer.periphery, layer.places[0][0]
    codes = (x / tile.input_range * FULL).round().clamp(-FULL, FULL)
    size = tile.input_range * tile.scale.double().numpy().reshape(-1)
    count, bits = drives(edge), edge.bits_per_input
    if count == 1:
        # A slice that has room for more bits than there are is driven by as much less.
        return [(1 / FULL, codes.double().numpy(), 2**bits - 1 if bits else FULL)], size
    parts = digits(codes, bits, count)
    top = 2**bits - 1
    return [(2 ** (bits * k) / FULL, d.double().numpy(), top) for k, d in enumerate(parts)], size


def lost(chip, x):
    """(n, out): what IR drop takes away of each output."""
    found, size = driven(chip, x)
    share = 1 - (1 - np.arange(INPUTS) / INPUTS) ** 2
    total = 0.0
    for coefficient, cells in arrays(chip):
        for weight, d, top in found:
            load = INPUTS / RATIO * (np.abs(d) / top) @ np.abs(cells).T
            drop = load * (load * (0.05 * load - 0.2) + 0.5)
            total = total + coefficient * weight * drop * (d @ (cells * share).T)
    return total * size


@pytest.mark.parametrize("fields", CASES, ids=str)
def test_each_array_drops_at_each_drive_by_itself(fields, monkeypatch):
    monkeypatch.setattr("analogsim.crossbar.forward.array_terms.WIRE_RATIO", RATIO)
    plain = chip_of(linear(), **fields, ir_drop=0.0, read_noise=0.0)(X)
    found = chip_of(linear(), **fields, ir_drop=1.0, read_noise=0.0)
    wanted = lost(found, X)
    off = (plain - found(X)).double().numpy() - wanted
    # A few readings, each half a step wrong at most.
    step = 60 / 2**15 * float(driven(found, X)[1].max()) * 20
    assert np.abs(off).max() < max(step, 1e-5)
    assert np.abs(wanted).max() > 10 * step


@pytest.mark.parametrize("law", ["root", "constant"])
# A calibrated range leaves out of the outputs without noise what noise would add.
@pytest.mark.parametrize("fields", CASES[:-1], ids=str)
def test_each_cell_has_read_noise_at_each_drive(fields, law, monkeypatch):
    """Variances over 2,000 products, chi-squared at alpha 1e-5 an output; the mean by normals."""
    sigma, n = 0.3, 2000
    noise = ProductLaw(read=ProductNoise(sigma=sigma, law=law, source="test"))
    monkeypatch.setattr("analogsim.crossbar.forward.engines.product_law", lambda *_: noise)
    chip = chip_of(linear(), **fields, ir_drop=0.0)
    drawn, size = driven(chip, X[:1])
    variance = np.zeros(OUTPUTS)
    for coefficient, cells in arrays(chip):
        halves = chip.analog.periphery.subtraction == "digital"
        whose = np.abs(cells) if law == "root" else np.where((cells != 0) | (not halves), 1.0, 0.0)
        if law == "constant" and chip.layers["0"].periphery.weight_encoding != "pair":
            whose = np.ones_like(cells)
        for weight, d, _ in drawn:
            variance = variance + (coefficient * weight * sigma) ** 2 * (whose @ d[0] ** 2)
    variance *= size**2
    with seeded(7):
        y = chip(X[:1].expand(n, -1)).double().numpy()
    spread = y.var(axis=0, ddof=1) * (n - 1) / variance
    low, high = stats.chi2.ppf([5e-6, 1 - 5e-6], n - 1)
    assert ((low < spread) & (spread < high)).all()
    monkeypatch.undo()
    quiet = chip_of(linear(), **fields, ir_drop=0.0, read_noise=0.0)
    apart = (y.mean(axis=0) - quiet(X[:1]).double().numpy()[0]) / np.sqrt(variance / n)
    assert np.abs(apart).max() < 4.9


LAYERS = [
    nn.Conv2d(12, 8, 3, groups=2, padding=1),
    nn.Conv2d(16, 20, 3, stride=2, padding=1, padding_mode="reflect"),
    nn.Conv1d(16, 12, 5, padding="same"),
    nn.Linear(600, 12),
]


def images_of(layer, n):
    shape = (layer.in_features,) if isinstance(layer, nn.Linear) else (layer.in_channels,)
    shape += (9,) * (layer.weight.dim() - 2)
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(1))


def with_slices_(chip):
    """The same chip and the same periphery with the engine of slices."""
    held = chip.layers["0"]
    held.engine = SlicedEngine(product_law(chip.analog.periphery, "native", chip.analog.device))
    held.engine.load_(held)
    return chip


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_whole_weights_have_what_the_plain_engine_gives_them(layer, monkeypatch):
    monkeypatch.setattr("analogsim.crossbar.forward.array_terms.WIRE_RATIO", 4 * RATIO)
    net = nn.Sequential(layer).eval().requires_grad_(False)
    x = images_of(layer, 8)
    fields = {**FINE, "max_input_size": 64, "ir_drop": 1.0, "read_noise": 0.0, "adc_bits": 12}
    chip = chip_of(net, "pcm", x, **fields).drift_(86400.0, "gain")
    plain = chip(x)
    off = (with_slices_(chip)(x) - plain).abs()
    scale = float(plain.abs().max())
    # Ties of the converter: a sum within rounding of the middle falls to either side.
    assert float((off <= 1e-5 * scale).float().mean()) > 0.99
    assert float(off.max()) < 0.01 * scale
    other = chip_of(net, "pcm", x, **{**fields, "ir_drop": 0.0}).drift_(86400.0, "gain")
    assert float((other(x) - plain).abs().max()) > 0.05 * scale


@pytest.mark.parametrize("preset", ["pcm", "rram"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_whole_weights_have_the_read_noise_of_the_plain_engine(layer, preset):
    """Pooled variances of 400 products of one image, by F's normal limit at alpha 1e-5."""
    net = nn.Sequential(layer).eval().requires_grad_(False)
    x = images_of(layer, 8)
    fields = {**FINE, "max_input_size": 64, "ir_drop": 0.0, "read_noise": 0.2}
    chip = chip_of(net, preset, x, **fields).drift_(86400.0, "gain")
    many = x[:1].expand(400, *x.shape[1:])
    with seeded(1):
        plain = chip(many).double().var(0)
    with seeded(2):
        own = with_slices_(chip)(many).double().var(0)
    assert float(plain.min()) > 0
    n = 399 * plain.numel()
    assert abs(float(torch.log(own / plain).mean())) < 4.5 * 2 / n**0.5 + 1e-3


def test_rram_brings_its_read_noise_to_an_accelerator():
    """`isaac` has none of its own; on the torch tile no device has any."""
    net = nn.Sequential(nn.Linear(INPUTS, OUTPUTS)).requires_grad_(False)
    native, theirs = (
        program(convert(net, "rram", "isaac", calibrate=X, tile=tile), seed=1)
        for tile in ("native", "torch")
    )
    answers = []
    for chip in (native, theirs):
        for seed in (1, 2):
            with seeded(seed):
                answers.append(chip(X))
    assert not torch.equal(answers[0], answers[1])
    assert torch.equal(answers[2], answers[3])


@pytest.mark.parametrize(
    "fields",
    [
        {"output_range": "layer"},
        {"adc_kind": "ramp", "adc_bits": 12},
        {"bits_per_cell": 4, "weight_bits": 9},
        {"bits_per_input": 4, "adc_reads": "weight-slice"},
    ],
    ids=str,
)
def test_compiled_passes_drop_and_draw_as_those_of_torch(fields, monkeypatch):
    """4,096 outputs an image. Variances over 60 products, pooled: the ratio has 0.4 % of error."""
    monkeypatch.setattr("analogsim.crossbar.forward.array_terms.WIRE_RATIO", RATIO)
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1)).requires_grad_(False).eval()
    x = torch.randn(1, 3, 16, 16)
    stage = "analogsim.crossbar.forward.adc_stage.usable"
    assert usable(net(x))
    drops = chip_of(net, x=x, **fields, ir_drop=1.0, read_noise=0.0)
    noisy = chip_of(net, x=x, **{**fields, "output_noise": 0.02}, ir_drop=0.0, read_noise=0.3)
    found = {}
    for name in ("compiled", "torch"):
        if name == "torch":
            monkeypatch.setattr(stage, lambda y: False)
        with seeded(7, name):
            drawn = torch.stack([noisy(x) for _ in range(60)]).double()
        found[name] = drops(x), float(drawn.var(dim=0).mean()), float(drawn.mean())
    # Ties of the converter fall to either side.
    apart = (found["compiled"][0] - found["torch"][0]).abs()
    assert float((apart > 1e-5 * found["torch"][0].abs().max()).float().mean()) < 0.02
    assert found["compiled"][1] == pytest.approx(found["torch"][1], rel=0.02)
    assert found["torch"][1] > 0
    plain = chip_of(net, x=x, **fields, ir_drop=0.0, read_noise=0.0)(x)
    assert float((plain - found["torch"][0]).norm()) > 10 * float(apart.norm())

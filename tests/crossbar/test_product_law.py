"""IR drop and read noise of each product against aihwkit's C++ tile, the referee, and in numpy."""

import dataclasses

import numpy as np
import pytest
import torch
from aihwkit.simulator.parameters.enums import WeightNoiseType
from aihwkit.simulator.parameters.io import IOParameters
from scipy import stats
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward import converter, dynamic, patches, tiles
from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery, step
from analogsim.crossbar.mapping.product_law import NOTHING, WIRE_RATIO, product_law
from analogsim.draws.addresses import seeded
from analogsim.errors import InputError
from device_models.registry import parse

DAY_S = 86400.0
# A hundred times the drop of the standard setting, so that an error in it is seen.
DROPPING = Periphery(name="dropping", output_noise=0.0, read_noise=0.0, ir_drop=100.0)
# The array's own noise: nothing rounds it.
BARE = Periphery(
    name="bare", dac_bits=0, adc_bits=0, output_noise=0.0, output_bound=1e6, ir_drop=0.0,
    read_noise=0.05,
)  # fmt: skip
LAYERS = [
    nn.Linear(40, 30),
    nn.Linear(1300, 30),
    nn.Conv2d(16, 20, 3, padding=1),
    nn.Conv2d(130, 12, 3, stride=2),
    nn.Conv2d(16, 20, 3, padding=1, padding_mode="reflect"),
    nn.Conv2d(24, 12, 3, groups=3, dilation=2),
    nn.Conv1d(16, 20, 5, padding="same"),
]


def inputs_of(layer: nn.Module, n: int = 64) -> torch.Tensor:
    sides = (17,) * (layer.weight.dim() - 2)
    channels = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    return torch.randn(n, channels, *sides, generator=torch.Generator().manual_seed(5))


def chip_of(layer, edge, tile="native", device="pcm", compensation="none", **options):
    analog = convert(nn.Sequential(layer), device, edge, tile=tile, **options)
    return program(analog, seed=1).drift_(DAY_S, compensation)


def both(layer, edge, x, **options):
    """What the native tile and the C++ tile answer."""
    with torch.no_grad():
        return [chip_of(layer, edge, tile, calibrate=x, **options)(x) for tile in ("native", "cpp")]


def test_constants_are_aihwkits():
    io = IOParameters()
    assert io.ir_drop_g_ratio == WIRE_RATIO
    assert io.max_bm_factor == dynamic.MOST_REDUCTION
    assert io.max_bm_res == dynamic.MOST_STEPS


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_static_products_equal_the_cpp_tile_up_to_ties(layer):
    """Per layer on identical inputs: >= 99.9 % within 1e-5, the rest within one step."""
    x = inputs_of(layer, 64 if isinstance(layer, nn.Linear) else 8)
    native, cpp = both(layer, DROPPING, x)
    off, scale = (native - cpp).abs(), float(cpp.abs().max())
    assert float((off <= 1e-5 * scale).float().mean()) >= 0.999
    held = chip_of(layer, DROPPING, calibrate=x).layers["0"].tiles
    one = max(float(t.scale.max()) * step(8, 10.0) * t.input_range for t in held)
    assert float(off.max()) <= 1.01 * one
    # Negative control: without the drop it is another answer.
    plain = chip_of(layer, DROPPING, "torch", calibrate=x)
    with torch.no_grad():
        assert float(((plain(x) - cpp).abs() > 1e-5 * scale).float().mean()) > 0.05


@pytest.mark.parametrize("bound", [10.0, 1.5, 0.2], ids="bound {}".format)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_dynamic_products_equal_the_cpp_tile_up_to_ties(layer, bound):
    """With low bounds most vectors are computed again at other scales; a convolution has many."""
    x = inputs_of(layer, 16 if isinstance(layer, nn.Linear) else 4)
    edge = dataclasses.replace(DROPPING, input_scaling="dynamic", output_bound=bound)
    native, cpp = both(layer, edge, x)
    off, scale = (native - cpp).abs(), float(cpp.abs().max())
    assert float((off <= 1e-5 * scale).float().mean()) >= 0.999
    held = chip_of(layer, edge, calibrate=x).layers["0"].tiles
    # A vector's range is its largest input, and 32 times that after most reductions.
    widest = float(x.abs().max()) * (1 if bound == 10 else 32)
    assert float(off.max()) <= 1.01 * widest * step(8, bound) * max(
        float(t.scale.max()) for t in held
    )  # fmt: skip


@pytest.mark.parametrize("layer", [LAYERS[1], LAYERS[3], LAYERS[5]], ids=str)
def test_dynamic_products_equal_the_torch_tile_up_to_ties(layer):
    """One image, whose outputs reach no bound: the torch tile couples those of a batch."""
    x = inputs_of(layer, 1)
    edge = dataclasses.replace(DROPPING, input_scaling="dynamic", ir_drop=0.0, output_bound=40.0)
    with torch.no_grad():
        native, theirs = (
            chip_of(layer, edge, tile, calibrate=x)(x) for tile in ("native", "torch")
        )
    off, scale = (native - theirs).abs(), float(theirs.abs().max())
    assert float((off <= 1e-5 * scale).float().mean()) >= 0.99
    assert float(off.max()) < 0.05 * scale


def test_ir_drop_is_the_formula_in_numpy():
    """float64, one tile: the polynomial of the column's current, row 0 farthest from the ADC."""
    torch.manual_seed(3)
    layer, x = nn.Linear(300, 10, bias=False), torch.randn(20, 300)
    edge = dataclasses.replace(BARE, ir_drop=2.0, read_noise=0.0)
    chip = chip_of(layer, edge, calibrate=x)
    (tile,) = chip.layers["0"].tiles
    w = tile.weights.double().numpy()
    sent = np.clip(x.double().numpy() / tile.input_range, -1, 1)
    a = 300 / (1 / (0.35 * 5e-6)) * np.abs(sent) @ np.abs(w).T
    c = 0.05 * a**3 - 0.2 * a**2 + 0.5 * a
    seen = 1 - (1 - np.arange(300) / 300) ** 2
    y = sent @ w.T - 2.0 * c * ((sent * seen) @ w.T)
    want = y * tile.input_range * tile.scale.reshape(-1).double().numpy()
    with torch.no_grad():
        np.testing.assert_allclose(chip(x).numpy(), want, rtol=1e-5, atol=1e-5)


def test_a_gain_in_front_of_the_adc_amplifies_what_the_array_gives():
    """The current that drops is that of the cells, and not of what the integrator makes of it."""
    torch.manual_seed(3)
    layer, x = nn.Linear(300, 10, bias=False), torch.randn(20, 300)
    edge = dataclasses.replace(BARE, ir_drop=20.0, read_noise=0.0)
    year = 3.15e7
    with torch.no_grad():
        chip = chip_of(layer, edge, calibrate=x)
        behind, front = (chip.drift_(year, kind)(x).clone() for kind in ("global", "gain"))
    torch.testing.assert_close(front, behind, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("edge", [STANDARD, dataclasses.replace(STANDARD, input_scaling="dynamic")])
@pytest.mark.parametrize("layer", [nn.Linear(700, 8), nn.Conv2d(4, 64, 3)], ids=str)
def test_noise_has_the_cpp_tiles_distribution(layer, edge):
    """1,000 products of one input by one chip, read noise ten times the standard's.

    KS on 6 outputs at alpha 1e-4 in all, which sees a spread that is 15 % off; then the spreads of
    all outputs, to 4 sigma, and their mean.
    """
    edge = dataclasses.replace(edge, name="noisy", read_noise=0.175)
    sides = () if isinstance(layer, nn.Linear) else (10, 10)
    x = torch.randn(1, layer.weight.shape[1], *sides, generator=torch.Generator().manual_seed(2))
    x = x.expand(1000 if not sides else 500, *x.shape[1:])
    found = []
    # All draws of one C++ tile have an error in common: the mean log spread of this layer moves by
    # 0.004 (sigma) from tile to tile of the same weights, by 0.0005 from call to call of one tile.
    # So its draws here are of ten tiles.
    for tile, n_tiles in (("native", 1), ("cpp", 10)):
        with torch.no_grad(), seeded(tile):
            chips = (chip_of(layer, edge, tile, calibrate=x[:1]) for _ in range(n_tiles))
            parts = [chip(part) for chip, part in zip(chips, x.chunk(n_tiles), strict=True)]
        found.append(torch.cat(parts).reshape(len(x), -1).double())
    native, cpp = found
    for column in np.linspace(0, native.shape[1] - 1, 6).astype(int):
        one, other = ((s[:, column] * 1e4).round().numpy() for s in (native, cpp))
        assert stats.ks_2samp(one, other, method="asymp").pvalue > 1e-4 / 6
    spread = (native.std(0) / cpp.std(0)).log()
    n = len(x)
    assert float(spread.abs().max()) < 5 / n**0.5
    assert abs(float(spread.mean())) < 4 / (n * len(spread)) ** 0.5 + 0.005
    mean = (native.mean(0) - cpp.mean(0)) / cpp.std(0)
    assert float(mean.abs().max()) < 5 * (2 / n) ** 0.5


def redrawn(w: np.ndarray, x: np.ndarray, sigma: np.ndarray, draws: int) -> np.ndarray:
    """(draws, out): the noise of products whose matrix is drawn anew for each of them."""
    rng = np.random.default_rng(7)
    return np.stack([(sigma * rng.standard_normal(w.shape)) @ x for _ in range(draws)])


@pytest.mark.parametrize("preset", ["pcm", "rram"])
@pytest.mark.parametrize("scaling", ["static", "dynamic"])
def test_read_noise_is_that_of_a_matrix_drawn_anew(preset, scaling):
    """2,000 products: KS at alpha 1e-4 of 3 outputs, and variances to 5 standard errors."""
    torch.manual_seed(3)
    layer = nn.Linear(30, 3, bias=False)
    x = torch.randn(1, 30)
    edge = dataclasses.replace(BARE, input_scaling=scaling)
    chip = chip_of(layer, edge, calibrate=x, device=preset)
    (tile,) = chip.layers["0"].tiles
    w, size = tile.weights.double().numpy(), float(x.abs().max())
    full = tile.input_range if scaling == "static" else size
    sent = np.clip(x[0].double().numpy() / full, -1, 1)
    sigma = 0.05 * np.sqrt(np.abs(w)) if preset == "pcm" else np.full_like(w, 0.01)
    scale = full * tile.scale.reshape(-1).double().numpy()
    want = redrawn(w, sent, sigma, 2000) * scale
    with torch.no_grad(), seeded("here"):
        y = chip(x.expand(2000, -1)).double().numpy()
    noise = y - (w @ sent) * scale
    for column in range(3):
        same = stats.ks_2samp(noise[:, column], want[:, column], method="asymp")
        assert same.pvalue > 1e-4 / 3
    exact = (sigma**2 @ sent**2) * scale**2
    assert np.abs(noise.var(0) / exact - 1).max() < 5 * (2 / 2000) ** 0.5


def test_the_same_spread_for_every_cell_is_aihwkits_additive_constant(monkeypatch):
    """The law that RRAM states, on the C++ tile with `ADDITIVE_CONSTANT`: KS, 1,000 products."""

    def constant(periphery, tile):
        config = build_rpu_config(periphery, tile)
        config.forward.w_noise_type = WeightNoiseType.ADDITIVE_CONSTANT
        config.forward.w_noise = 0.01
        return config

    monkeypatch.setattr(tiles, "build_rpu_config", constant)
    layer, edge = nn.Linear(400, 4), dataclasses.replace(STANDARD, output_noise=0.0)
    x = torch.randn(1, 400, generator=torch.Generator().manual_seed(2)).expand(1000, -1)
    found = []
    for tile in ("native", "cpp"):
        chip = chip_of(layer, edge, tile, calibrate=x[:1], device="rram")
        with torch.no_grad(), seeded(tile):
            found.append((chip(x) * 1e4).round().numpy())
    for column in range(4):
        assert stats.ks_2samp(*(s[:, column] for s in found), method="asymp").pvalue > 1e-4 / 4


@pytest.mark.parametrize("compiled", [True, False], ids=["numba", "torch"])
def test_a_chip_repeats_its_noise(compiled, monkeypatch):
    if not compiled:
        monkeypatch.setattr(converter, "_compiled", lambda: None)
        monkeypatch.setattr(patches, "compiled", lambda: None)
    layer = nn.Conv2d(64, 16, 3)
    x = inputs_of(layer, 3)
    for edge in (STANDARD, dataclasses.replace(STANDARD, input_scaling="dynamic")):
        chip = chip_of(layer, edge, calibrate=x)
        with torch.no_grad(), seeded("here"):
            first = chip(x)
        with torch.no_grad(), seeded("here"):
            assert torch.equal(first, chip(x))
        with torch.no_grad(), seeded("there"):
            assert not torch.equal(first, chip(x))


@pytest.mark.parametrize("scaling", ["static", "dynamic"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_without_numba_it_is_the_same_up_to_ties(layer, scaling, monkeypatch):
    x = inputs_of(layer, 4)
    edge = dataclasses.replace(DROPPING, input_scaling=scaling)
    chip = chip_of(layer, edge, calibrate=x)
    with torch.no_grad():
        fast = chip(x)
        monkeypatch.setattr(converter, "_compiled", lambda: None)
        monkeypatch.setattr(patches, "compiled", lambda: None)
        slow = chip(x)
    off = (fast - slow).abs() > 1e-5 * float(slow.abs().max())
    assert float(off.float().mean()) < 1e-3


def test_nothing_in_the_array_is_the_torch_tiles_law_bit_for_bit():
    """Also the draws: `torch` on native convolutions, of before there was this law."""
    layer = nn.Conv2d(64, 16, 3)
    x = inputs_of(layer, 3)
    edge = dataclasses.replace(STANDARD, ir_drop=0.0, read_noise=0.0)
    assert product_law(edge, "native", parse("pcm")) == NOTHING
    assert product_law(STANDARD, "torch", parse("rram")) == NOTHING
    found = []
    for tile, periphery in (("native", edge), ("torch", STANDARD)):
        chip = chip_of(layer, periphery, tile, calibrate=x, compensation="global")
        with torch.no_grad(), seeded("here"):
            found.append(chip(x))
    assert torch.equal(*found)


def test_vectors_of_zeros_give_exactly_zero_and_nan_stays_nan():
    layer = nn.Conv2d(4, 5, 3, bias=False)
    x = inputs_of(layer, 2)
    x[0] = 0.0
    x[1, 0, 0, 0] = float("nan")
    edge = dataclasses.replace(STANDARD, input_scaling="dynamic")
    chip = chip_of(layer, edge, calibrate=inputs_of(layer, 2))
    with torch.no_grad():
        y = chip(x)
    assert torch.equal(y[0], torch.zeros_like(y[0]))
    assert torch.isnan(y[1, :, 0, 0]).all()
    assert torch.isfinite(y[1, :, 3:]).all()


@pytest.mark.parametrize("scaling", ["static", "dynamic"])
def test_shapes_are_those_of_the_digital_layer(scaling):
    edge = dataclasses.replace(DROPPING, input_scaling=scaling)
    for layer, shape in ((nn.Linear(7, 3), (2, 5, 7)), (nn.Conv2d(3, 4, 3), (3, 9, 8))):
        x = torch.randn(shape)
        with torch.no_grad():
            given = chip_of(layer, edge, calibrate=x)(x)
            assert given.shape == layer(x).shape


def test_gradients_by_the_inputs_are_finite():
    layer = nn.Conv2d(8, 6, 3)
    x = inputs_of(layer, 2)
    chip = chip_of(layer, dataclasses.replace(STANDARD, dac_bits=0, adc_bits=0), calibrate=x)
    x.requires_grad_()
    with seeded("here"):
        chip(x).square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert float(x.grad.abs().max()) > 0


def test_aihwkits_modules_do_not_compute_the_native_law():
    with pytest.raises(InputError, match=r"got tile 'native', .*use --tile torch or --tile cpp"):
        convert(nn.Linear(4, 2), "pcm", "ideal", forward="tile")

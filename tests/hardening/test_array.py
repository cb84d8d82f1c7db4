"""IR drop and read noise of each product in training: the law of the evaluation, its gradient."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from scipy import stats
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.geometry import geometry_of
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery, step
from analogsim.crossbar.mapping.product_law import drop_of, product_law
from analogsim.draws.addresses import seeded
from analogsim.hardening.array import ArrayProducts, Suffered
from analogsim.hardening.converters import convert_outputs_
from analogsim.hardening.currents import currents
from analogsim.hardening.edge import Edge
from analogsim.hardening.noise import TrainingNoise
from analogsim.hardening.weight import Weight
from analogsim.inputs.batching import batches
from analogsim.inputs.data import load_data
from analogsim.inputs.models import load_model
from tests.device_models.law_checks import ALPHA, assert_mean, assert_spread
from tests.hardening.test_edge import (
    LAYERS,
    assert_same_up_to_ties,
    inputs_of,
    numbers,
    path,
    weight_of,
)

__all__ = ["path"]

CHECKPOINTS = Path(__file__).parents[2] / "experiments" / "checkpoints"
DAY_S = 86400.0
# A hundred times the drop of the standard setting, so that an error in it is seen.
DROPPING = dataclasses.replace(STANDARD, output_noise=0.0, read_noise=0.0, ir_drop=100.0)
# The array's own noise, and nothing that rounds it.
BARE = Periphery(
    name="bare", dac_bits=0, adc_bits=0, output_noise=0.03, output_bound=1e6, ir_drop=0.0,
    read_noise=0.05,
)  # fmt: skip
DRAWS = 600


def chip_and_edge(layer, setting, device="pcm", compensation="none", n=8, **options):
    """A chip of one layer, the edge of a training step on it, inputs; one range for all tiles."""
    x = inputs_of(layer, n)
    analog = convert(nn.Sequential(layer), device, setting, calibrate=x)
    chip = program(analog, seed=1).drift_(DAY_S, compensation)
    (crossbar,) = chip.layers.values()
    largest = max(tile.input_range for tile in crossbar.tiles)
    for tile in crossbar.tiles:
        tile.input_range = 0.8 * largest
    law = product_law(analog.periphery, analog.tile, analog.device)
    return chip, crossbar.refresh_(), Edge(crossbar, law, **options), x


def answer(edge, crossbar, x, **options):
    """Of a training step with the chip's weights."""
    return edge(x, weight_of(crossbar), crossbar.bias, edge.compensation, **options)


@pytest.mark.parametrize(("device", "compensation"), [("ideal", "none"), ("pcm", "gain")])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_without_noise_outputs_are_those_of_the_evaluation(layer, device, compensation, path):
    chip, crossbar, edge, x = chip_and_edge(layer, DROPPING, device, compensation)
    with torch.no_grad():
        got, want = answer(edge, crossbar, x), chip(x)
        plain = answer(Edge(crossbar), crossbar, x)
    scale = max(float(tile.behind_adc.max()) for tile in crossbar.tiles)
    one_step = step(8, DROPPING.output_bound) * scale * crossbar.tiles[0].input_range
    assert_same_up_to_ties(got, want, one_step)
    # Negative control: without the drop it is another answer.
    off = (plain - want).abs() > 1e-5 * float(want.abs().max())
    assert float(off.double().mean()) > 0.02
    assert (device == "pcm") == any(bool((tile.gain != 1).all()) for tile in crossbar.tiles)


@pytest.mark.parametrize(("times", "most"), [(1.0, 0.2), (100.0, 0.35)])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_an_estimated_drop_is_the_exact_one_up_to_a_fraction_of_it(layer, times, most, path):
    """The norm of the error over that of the drop: without one it would be 1."""
    setting = dataclasses.replace(BARE, output_noise=0.0, read_noise=0.0, ir_drop=times)
    n = 64 if isinstance(layer, nn.Linear) else 8
    _, crossbar, edge, x = chip_and_edge(layer, setting, "pcm", "gain", n=n)
    *_, estimate, _ = chip_and_edge(layer, setting, "pcm", "gain", n=n, whole=False)
    with torch.no_grad():
        got, want = answer(estimate, crossbar, x), answer(edge, crossbar, x)
        plain = answer(Edge(crossbar), crossbar, x)
    assert float((got - want).norm()) < most * float((plain - want).norm())


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("layer", [layer for layer in LAYERS if layer.weight.dim() != 3], ids=str)
def test_currents_are_sums_over_what_an_output_sees(layer, order, kind, path):
    """Of weights that are the same at all places of a channel, or in all channels of a place."""
    geometry = geometry_of(layer)
    x = inputs_of(layer).to(kind)
    x = x.contiguous(memory_format=order) if x.dim() == 4 else x
    groups, places = geometry.groups, geometry.kernel_size
    of_channels = numbers(groups, geometry.in_features // places, 1).abs()
    weights = [of_channels.expand(-1, -1, places), numbers(groups, 1, places, seed=6).abs()]
    weights = [w.expand(-1, len(of_channels[0]), -1).flatten(1) for w in weights]
    for found, values, weight in zip(
        currents(geometry, x, *weights), (x.abs(), x.double().square()), weights, strict=True
    ):
        kernel = weight.reshape(groups, -1, *geometry.kernel).double()
        want = geometry.product(values.double(), kernel, None)
        assert found.dtype == (torch.float64 if kind == torch.float64 else torch.float32)
        assert float((found - want).abs().max()) < 1e-5 * float(want.max())


def test_a_matrix_that_holds_several_groups_has_its_own_drop(path):
    layer = nn.Conv2d(8, 8, 3, groups=8)
    x = inputs_of(layer)
    analog = convert(nn.Sequential(layer), "ideal", DROPPING, calibrate=x, grouped="blocks")
    chip = program(analog, seed=1)
    (crossbar,) = chip.layers.values()
    edge = Edge(crossbar, product_law(analog.periphery, analog.tile, analog.device))
    with torch.no_grad():
        one_step = float(crossbar.tiles[0].scale.max()) * crossbar.tiles[0].input_range / 12.7
        assert_same_up_to_ties(answer(edge, crossbar, x), chip(x), one_step)


@pytest.mark.parametrize(("device", "compensation"), [("pcm", "gain"), ("rram", "none")])
@pytest.mark.parametrize(
    "layer", [LAYERS[0], LAYERS[1], LAYERS[2], LAYERS[4]], ids=["linear", "wide", "conv", "groups"]
)
@pytest.mark.parametrize("whole", [False, True], ids=["estimated", "whole"])
def test_moments_of_the_noise_are_those_of_the_law_and_of_the_evaluation(
    layer, device, compensation, path, whole
):
    """n = 600 draws of at least 18 outputs, alpha = 1e-4 over 3 comparisons: 3 % are seen.

    An estimate knows what cells hold where all have the same noise (RRAM).
    """
    setting = dataclasses.replace(BARE, read_noise=0.05 if device == "pcm" else 0.0)
    how = {"n": 2, "whole": whole}
    chip, crossbar, edge, x = chip_and_edge(layer, setting, device, compensation, **how)
    x = x[..., :5, :5] if x.dim() == 4 else x
    quiet = Edge(crossbar)
    quiet.periphery = dataclasses.replace(setting, output_noise=0.0)
    with torch.no_grad():
        middle = answer(quiet, crossbar, x)
        ours, theirs = drawn(chip, crossbar, edge, x)
    sigma = expected_spread(crossbar, x, setting, device)

    def z_of(found):
        return ((found.unflatten(0, (DRAWS, -1)) - middle) / sigma).flatten()

    for found in (ours, theirs):
        z = z_of(found)
        assert_mean(z, 0.0, comparisons=3)
        if found is ours and not whole and device == "pcm":
            assert abs(float(z.std()) - 1) < 0.05
        else:
            assert_spread(z, 1.0, comparisons=3)
    assert stats.ks_2samp(z_of(ours), z_of(theirs)).pvalue > ALPHA / 3
    with pytest.raises(AssertionError, match="is not 1"):
        assert_spread(1.06 * z, 1.0, comparisons=3)


def drawn(chip, crossbar, edge, x):
    """Answers of a training step and of the evaluation to `x`, 600 times over."""
    many = x.repeat(DRAWS, *(1 for _ in x.shape[1:]))
    with torch.no_grad(), seeded(3, "draws"):
        return answer(edge, crossbar, many, generator=torch.Generator().manual_seed(3)), chip(many)


def expected_spread(crossbar, x, setting, device):
    """The law in plain numbers, as `product_law` writes it: for each output, in logical units."""
    geometry, variance = crossbar.geometry, 0.0
    full = crossbar.tiles[0].input_range
    patches, spatial = geometry.patches(x.clamp(-full, full) / full)
    variance = torch.zeros(*patches.shape[:-1], geometry.groups, geometry.out_features)
    for tile in crossbar.tiles:
        slot = tile.slot
        first = slot.group * geometry.in_features
        rows = patches[..., first + slot.inputs.start : first + slot.inputs.stop].square()
        cells, gain = tile.cells.abs(), tile.gain.expand(tile.shape[0]).square()
        of_cells = 0.05**2 * cells if device == "pcm" else torch.full_like(cells, 0.01**2)
        own = rows @ of_cells.t() * gain + setting.output_noise**2
        own = own * (tile.behind_adc.reshape(-1) * full) ** 2
        variance[..., slot.group, slot.outputs] += own
    return geometry.image(variance.flatten(-2).sqrt(), spatial)


@pytest.mark.parametrize("layer", [LAYERS[0], LAYERS[2]], ids=["linear", "conv"])
@pytest.mark.parametrize("whole", [False, True], ids=["estimated", "whole"])
def test_with_everything_on_answers_are_distributed_as_the_evaluations(layer, whole, path):
    """Kolmogorov and Smirnov of 600 draws each way, one output, alpha = 1e-4: D = 0.13 is seen."""
    chip, crossbar, edge, x = chip_and_edge(layer, STANDARD, n=2, whole=whole)
    x = x[..., :5, :5] if x.dim() == 4 else x
    ours, theirs = (found[::2].flatten(1)[:, 7] for found in drawn(chip, crossbar, edge, x))
    assert stats.ks_2samp(ours, theirs).pvalue > ALPHA
    assert stats.ks_2samp(ours + float(theirs.std()), theirs).pvalue < ALPHA


@pytest.mark.parametrize("device", ["pcm", "rram"])
@pytest.mark.parametrize("layer", [*LAYERS[:3], *LAYERS[4:8]], ids=str)
def test_whole_gradients_are_finite_differences(layer, device):
    setting = dataclasses.replace(BARE, ir_drop=100.0)
    _, crossbar, edge, x = chip_and_edge(layer, setting, device, "gain", n=2, whole=True)
    edge.requires_grad_(False)
    full = edge.input_range.item()
    x = x[:1, :, :5, :5] if x.dim() == 4 else x
    # A difference across the corner of a clip, or of a size, is no derivative.
    x = torch.where((x.abs() - full).abs() < 1e-3, 0.5 * x, x)
    x = torch.where(x.abs() < 1e-3, 0.1, x)
    weight = weight_of(crossbar)
    weight = torch.where(weight.abs() < 1e-4, 1e-3, weight)
    leaves = (x, weight, crossbar.bias)
    leaves = [None if v is None else v.double().requires_grad_() for v in leaves]

    def law(*values):
        return edge(*values, edge.compensation, generator=torch.Generator().manual_seed(2))

    assert torch.autograd.gradcheck(law, leaves, fast_mode=True)


@pytest.mark.parametrize("low", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=str)
def test_derivatives_by_what_products_suffer(order, low, path):
    """By the law's formulas, with the normals that the output itself shows."""
    kind = torch.bfloat16 if low else torch.float32
    made = (numbers(40, 4, 5, 5, seed=s).to(memory_format=order).to(kind) for s in range(4))
    y, dropped, current, moment = made
    leaves = [v.clone().requires_grad_() for v in (dropped, current.abs(), moment.abs())]
    dropped, current, moment = (v * 1 for v in leaves)
    amount, spread = torch.tensor([0.1, 0.5, 1.0, 0.2]), torch.tensor([0.5, 0.1, 0.0, 0.3])
    unit = torch.tensor([0.5, 1.0, 2.0, 3.0])
    suffered = Suffered(
        dropped=dropped, current=current, amount=amount, moment=moment, spread=spread
    )
    out = convert_outputs_(
        y.clone(), unit, None, suffered, bits=0, bound=1e6, noise=0.3, axis=-3,
        generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    out.float().sum().backward()
    d, c, m = (v.detach().float() for v in leaves)
    each, variance = unit.view(4, 1, 1), spread.view(4, 1, 1) * m + 0.3**2
    a = amount.view(4, 1, 1) * c
    drop = a * (a * (0.05 * a - 0.2) + 0.5)
    noise = out.detach().float() - y.float() + drop * d
    z = noise / each / variance.sqrt()
    assert abs(float(z.std()) - 1) < 0.05
    wanted = (
        -drop,
        -(0.15 * a**2 - 0.4 * a + 0.5) * amount.view(4, 1, 1) * d,
        each * spread.view(4, 1, 1) * z / (2 * variance.sqrt()),
    )
    close = 0.03 if low else 1e-4
    for leaf, want in zip(leaves, wanted, strict=True):
        assert float((leaf.grad.float() - want).norm()) < close * float(want.norm())


def test_the_gradient_of_an_estimate_is_that_of_the_product_with_its_weight(monkeypatch):
    """Without an ADC that clips: straight through all but the part of the drop in the weight."""
    parts, compute = [], ArrayProducts.estimated

    def estimated(self, geometry, x, weight, **known):
        both = Weight(weight.held, torch.ones_like(weight.held))
        own, suffered = compute(self, geometry, x, both, **known)
        parts.append(own.clean)
        return Weight(own.held), suffered

    monkeypatch.setattr(ArrayProducts, "estimated", estimated)
    setting, found = dataclasses.replace(BARE, ir_drop=100.0), []
    _, crossbar, edge, x = chip_and_edge(LAYERS[2], setting, whole=False)
    for one in (edge, Edge(crossbar)):
        leaves = [v.detach().requires_grad_() for v in (x, weight_of(crossbar))]
        joined = leaves[1] if one is edge else leaves[1] * parts[0]
        y = one(leaves[0], joined, crossbar.bias, edge.compensation)
        (y * numbers(*y.shape)).sum().backward()
        found.append((y.detach(), *(v.grad for v in leaves)))
    (dropped, *of_dropped), (joined, *of_joined) = found
    assert float((joined - dropped).norm()) > 0.01 * float(joined.norm())
    assert float((parts[0] - 1).abs().max()) > 0.01
    for got, want in zip(of_dropped, of_joined, strict=True):
        assert float((got - want).abs().max()) < 1e-6 * float(want.abs().max())


@pytest.mark.parametrize("whole", [False, True], ids=["estimated", "whole"])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_step_in_bfloat16_differs_by_its_own_rounding(order, whole, path):
    layer = LAYERS[2]
    _, crossbar, edge, x = chip_and_edge(layer, DROPPING, whole=whole)
    x = x.contiguous(memory_format=order)
    found = []
    for low in (False, True):
        leaves = [v.clone().requires_grad_() for v in (x.bfloat16().float(), weight_of(crossbar))]
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            y = edge(leaves[0], leaves[1], crossbar.bias, edge.compensation)
        (y.float() * numbers(*y.shape)).sum().backward()
        found.append((y.detach().float(), *(v.grad for v in leaves)))
    for got, want in zip(*found, strict=True):
        assert float((got - want).norm()) < 0.05 * float(want.norm())
    assert math.isfinite(float(found[1][0].sum()))


@pytest.mark.data
def test_on_resnet20_what_an_estimate_is_off_by_is_lost_in_the_output_noise(monkeypatch):
    """Drop and error in its standard deviations, read noise in its variance, layer by layer."""
    compute, drops, errors, shares, off = ArrayProducts.estimated, [], [], [], []

    def estimated(self, geometry, x, weight, **known):
        _, exact = self.exact(geometry, x, weight, **known)
        own, estimate = compute(self, geometry, x, weight, **known)

        def last(values):
            return values.movedim(geometry.channel_axis, -1)

        lost = drop_of(exact.amount * last(exact.current)) * last(exact.dropped)
        left = 1 - drop_of(estimate.amount * last(estimate.current)) * estimate.fraction
        error = last(own.product(geometry, x)) * left - last(weight.product(geometry, x)) + lost
        noise = STANDARD.output_noise * known["unit"]
        drops.append(float((lost / noise).std()))
        errors.append(float((error / noise).std()))
        true = exact.spread * last(exact.moment)
        shares.append(float(true.mean()) / STANDARD.output_noise**2)
        ratio = estimate.spread * last(estimate.moment) / true
        off.append(float((ratio[true > 0.1 * true.mean()] - 1).square().mean().sqrt()))
        return own, estimate

    monkeypatch.setattr(ArrayProducts, "estimated", estimated)
    images, _ = next(iter(batches(load_data("cifar10"), 64, 64)))
    weights = CHECKPOINTS / "resnet20_cifar10_batch_s1.safetensors"
    network = load_model("zoo:resnet20?norm=batch", weights=weights).module.eval()
    noise = TrainingNoise(network, "pcm", "standard", calibrate=images)
    with torch.no_grad(), noise.step(0):
        network(images)
    assert len(errors) >= len(noise.layers) >= 20
    assert 0 < max(errors) < 0.003
    assert max(errors) < max(drops) / 5 < 0.004
    assert 0.02 < min(shares) < max(shares) < 0.3
    assert 0.1 < min(off) < max(off) < 0.45

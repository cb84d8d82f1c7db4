"""Converters and edge of a training step: the static path's outputs, aihwkit's range gradient."""

import dataclasses

import numpy as np
import pytest
import torch
from aihwkit.simulator.parameters import InputRangeParameter
from aihwkit.simulator.tiles.inference_torch import InputRangeForward
from scipy import stats
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.input_stage import InputStage
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import PERIPHERIES, STANDARD, step
from analogsim.errors import InputError
from analogsim.hardening import converters, currents
from analogsim.hardening.converters import convert_inputs, convert_outputs_
from analogsim.hardening.edge import Edge
from tests.device_models.law_checks import ALPHA, assert_mean, assert_spread

DAY_S = 86400.0
QUIET = dataclasses.replace(STANDARD, output_noise=0.0, ir_drop=0.0, read_noise=0.0)
LAYERS = [
    nn.Linear(40, 30),
    nn.Linear(1100, 9, bias=False),
    nn.Conv2d(16, 20, 3, stride=2, padding=1),
    nn.Conv2d(16, 20, 3, padding=1, padding_mode="reflect", bias=False),
    nn.Conv2d(24, 12, 3, groups=3, dilation=2),
    nn.Conv2d(64, 10, 3, padding=1),
    nn.Conv2d(67, 10, 3),
    nn.Conv2d(140, 6, 3, groups=2),
    nn.Conv1d(16, 20, 5, padding="same"),
]
ONE = torch.ones(1)


@pytest.fixture(params=["numba", "torch"])
def path(request, monkeypatch):
    """Both ways to compute on a CPU."""
    if request.param == "torch":
        for module in (converters, currents):
            monkeypatch.setattr(module, "compiled", lambda: None)
    else:
        pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
    return request.param


def numbers(*shape, seed=5, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def inputs_of(layer, n=8):
    channels = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    return numbers(n, channels, *(9 for _ in layer.weight.shape[2:]))


def chip_of(layer, edge=QUIET, device="ideal", compensation="none"):
    """A chip of one layer and what it computes with; all its tiles have one input range."""
    x = inputs_of(layer)
    analog = convert(nn.Sequential(layer), device, edge, tile="torch", calibrate=x)
    chip = program(analog, seed=1).drift_(DAY_S, compensation)
    (crossbar,) = chip.layers.values()
    largest = max(tile.input_range for tile in crossbar.tiles)
    for tile in crossbar.tiles:
        tile.input_range = 0.8 * largest
    return chip, crossbar.refresh_(), x


def weight_of(crossbar):
    return crossbar.logical(lambda tile: tile.present)


def assert_same_up_to_ties(got, want, one_step):
    """At least 99.9 % within 1e-5 of the largest; the rest within one step of their ADCs."""
    off = (got - want).detach().abs()
    rough = off > 1e-5 * float(want.detach().abs().max())
    assert float(rough.double().mean()) < 1e-3
    assert float(off.max()) < 1.01 * one_step


@pytest.mark.parametrize("device", ["ideal", "pcm"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_outputs_are_those_of_the_static_path(layer, device, path):
    chip, crossbar, x = chip_of(layer, device=device, compensation="global")
    edge = Edge(crossbar)
    factor = edge.compensation
    with torch.no_grad():
        got = edge(x, weight_of(crossbar), crossbar.bias, factor)
        want = chip(x)
    scale = max(float(tile.scale.max() * tile.alpha.max()) for tile in crossbar.tiles)
    one_step = step(QUIET.adc_bits, QUIET.output_bound) * scale * crossbar.tiles[0].input_range
    assert_same_up_to_ties(got, want, one_step)
    assert (device == "pcm") == bool((factor != 1).all())


def test_a_matrix_that_holds_several_groups_has_its_own_weight(path):
    layer = nn.Conv2d(8, 8, 3, groups=8)
    x = inputs_of(layer)
    analog = convert(
        nn.Sequential(layer), "ideal", QUIET, "digital", "torch", (), x, grouped="blocks"
    )
    chip = program(analog, seed=1)
    (crossbar,) = chip.layers.values()
    assert crossbar.geometry.block == 8
    with torch.no_grad():
        got = Edge(crossbar)(x, weight_of(crossbar), crossbar.bias, ONE)
        one_step = float(crossbar.tiles[0].scale.max()) * crossbar.tiles[0].input_range / 12.7
        assert_same_up_to_ties(got, chip(x), one_step)


@pytest.mark.parametrize("bits", [0, 4, 8])
@pytest.mark.parametrize("bound", [1.0, 0.5])
def test_codes_are_the_static_paths_bit_for_bit(bits, bound, path):
    layer = nn.Conv2d(6, 4, 3)
    setting = dataclasses.replace(QUIET, dac_bits=bits, input_bound=bound)
    crossbar = CrossbarLayer("conv", layer, setting)
    crossbar.tiles[0].input_range = 1.3
    x = numbers(4, 6, 9, 9)
    x[0, 0, 0, 0] = float("nan")
    want = InputStage(crossbar, crossbar.tiles)(crossbar.geometry, x)
    got = convert_inputs(x, torch.tensor(1.3), bits=bits, bound=bound)
    assert torch.equal(got.isnan(), want.isnan())
    assert torch.equal(got.nan_to_num(), want.nan_to_num())
    assert int(got.isnan().sum()) == 1


def reference(x, weight, bias, crossbar, edge):
    """The straight-through law by `detach`, in plain torch; one tile, no noise."""
    full, (tile,) = edge.input_range.detach(), crossbar.tiles
    dac = full * step(QUIET.dac_bits, 1.0)
    clipped = x.clamp(-full, full)
    x = clipped + ((clipped / dac).round() * dac - clipped).detach()
    y = crossbar.geometry.product(x, weight, None)
    adc = step(QUIET.adc_bits, QUIET.output_bound) * full * tile.scale.reshape(-1)
    adc = adc.reshape(-1, *(1 for _ in crossbar.geometry.kernel))
    y = y / adc
    y = y + (y.round() - y).detach()
    return y.clamp(-127, 127) * adc + bias.reshape(adc.shape)


@pytest.mark.parametrize("layer", [LAYERS[0], LAYERS[2]], ids=str)
def test_gradients_are_those_of_the_straight_through_law(layer, path):
    _, crossbar, x = chip_of(layer)
    edge, found = Edge(crossbar), []
    # So that the ADC clips some outputs.
    weight = weight_of(crossbar) * 4
    for law in (edge, reference):
        leaves = [v.clone().requires_grad_() for v in (x, weight, crossbar.bias)]
        y = law(*leaves, ONE) if law is edge else law(*leaves, crossbar, edge)
        (y * numbers(*y.shape)).sum().backward()
        found.append((y.detach(), *(v.grad for v in leaves)))
    for got, want in zip(*found, strict=True):
        assert float((got - want).abs().max()) <= 1e-4 * float(want.abs().max())
    clipped = 127 * step(QUIET.adc_bits, QUIET.output_bound) * crossbar.tiles[0].scale.reshape(-1)
    clipped = (clipped * edge.input_range.detach()).reshape(
        -1, *(1 for _ in crossbar.geometry.kernel)
    )
    y = found[0][0] - crossbar.bias.reshape(clipped.shape)
    assert 0.01 < float((y.abs() > 0.999 * clipped).double().mean()) < 0.9, "ADCs clip some"
    assert bool((x.abs() > edge.input_range).any()), "DACs clip some"


@pytest.mark.parametrize("layer", [*LAYERS[:3], *LAYERS[4:8]], ids=str)
def test_gradients_without_converters_are_finite_differences(layer):
    setting = dataclasses.replace(QUIET, dac_bits=0, adc_bits=0)
    _, crossbar, x = chip_of(layer, setting)
    edge = Edge(crossbar).requires_grad_(False)
    full = edge.input_range.item()
    x = x[:1, :, :5, :5] if x.dim() == 4 else x[:2]
    # A difference across the corner of the clip is no derivative.
    x = torch.where((x.abs() - full).abs() < 1e-3, 0.5 * x, x)
    leaves = (x, weight_of(crossbar), crossbar.bias)
    leaves = [None if v is None else v.double().requires_grad_() for v in leaves]
    assert torch.autograd.gradcheck(lambda *v: edge(*v, ONE), leaves, fast_mode=True)


@pytest.mark.parametrize("decay", [0.0, 1e-3, 0.1])
@pytest.mark.parametrize("full", [0.5, 1.9, 2.5])
@pytest.mark.parametrize("shape", [(500, 33), (4, 6, 17, 9)])
def test_the_range_learns_as_in_aihwkit(shape, full, decay, path):
    x, d = numbers(*shape), numbers(*shape, seed=6)
    x.view(-1)[:40] = full * torch.tensor([1.0, -1.0]).repeat(20)
    ours = torch.tensor(full, requires_grad=True)
    theirs = torch.tensor([full], requires_grad=True)
    x_ours, x_theirs = (x.clone().requires_grad_() for _ in range(2))
    # Straight through: what reaches the codes is the inputs' gradient times their step.
    codes = convert_inputs(x_ours, ours, bits=8, decay=decay)
    (codes * ours.detach() * step(8, 1.0)).backward(d)
    held = x_theirs.clamp(-full, full)
    InputRangeForward.apply(held, theirs, InputRangeParameter(decay=decay)).backward(d)
    assert float(ours.grad) == pytest.approx(float(theirs.grad), rel=1e-6)
    torch.testing.assert_close(x_ours.grad, x_theirs.grad, rtol=1e-6, atol=0)
    inside = float((x.abs() < full).double().mean())
    assert (inside > 0.95) == (full > 1.9), "both sides of the share are met"


def test_a_range_that_does_not_learn_takes_no_gradient(path):
    x = numbers(7, 5).requires_grad_()
    fixed = torch.tensor(1.0)
    convert_inputs(x, fixed, bits=8).sum().backward()
    assert fixed.grad is None
    assert torch.equal(x.grad == 0, x.abs() > 1)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=str)
def test_moments_of_the_output_noise(order, path):
    """n = 640,000 in 4 channels, alpha = 1e-4 over 8 comparisons: 1 % of the spread is seen."""
    y = torch.zeros(400, 4, 20, 20).contiguous(memory_format=order)
    unit = torch.tensor([0.5, 1.0, 2.0, 3.0])
    how = {"bits": 0, "bound": 10.0, "noise": 0.04, "axis": -3}

    def drawn(seed):
        generator = torch.Generator().manual_seed(seed)
        return convert_outputs_(y.clone(), unit, **how, generator=generator)

    noise = drawn(3)
    for channel in range(4):
        assert_mean(noise[:, channel], 0.0, comparisons=8)
        assert_spread(noise[:, channel], 0.04 * float(unit[channel]), comparisons=8)
    assert torch.equal(noise, drawn(3))
    assert not torch.equal(noise, drawn(4))
    with pytest.raises(AssertionError, match=r"is not 0\.0206"):
        assert_spread(noise[:, 0], 0.0412 * float(unit[0]), comparisons=8)


def test_normals_of_16_bits_are_normal():
    """Kolmogorov and Smirnov, n = 400,000, alpha = 1e-4: a distance of 0.004 is seen."""
    pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
    from analogsim.draws.jit import coarse_normals

    z, bits = np.empty(400_000, dtype=np.float32), np.empty(200_000, dtype=np.uint32)
    coarse_normals(z, bits, 0, np.array((0, 0, 2, 11, 12), dtype=np.uint32))
    assert stats.kstest(z, "norm").pvalue > ALPHA
    assert stats.kstest(z + np.float32(0.02), "norm").pvalue < ALPHA
    # Two of one integer do not know of each other.
    half = z[:200_000], z[200_000:]
    for first, second in (half, tuple(z**2 for z in half)):
        assert stats.pearsonr(first, second).pvalue > ALPHA / 2
    assert float(np.abs(z).max()) < 4.86


def test_noise_comes_before_the_adc(path):
    """Outputs are whole steps; of zeros with 0.5 steps of noise, P(|z| > 1) are not 0."""
    y = convert_outputs_(
        torch.zeros(100_000, 1), torch.ones(1), bits=8, bound=127.0, noise=0.5,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert torch.equal(y, y.round())
    moved = int((y != 0).sum())
    assert stats.binomtest(moved, len(y), 2 * float(stats.norm.sf(1))).pvalue > ALPHA


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("layer", [LAYERS[2], LAYERS[5], LAYERS[6]], ids=str)
def test_memory_order_is_kept(layer, order, path):
    _, crossbar, x = chip_of(layer)
    edge, weight = Edge(crossbar), weight_of(crossbar).contiguous(memory_format=order)
    want = edge(x, weight_of(crossbar), crossbar.bias, ONE)
    x = x.contiguous(memory_format=order).requires_grad_()
    y = edge(x, weight, crossbar.bias, ONE)
    assert y.is_contiguous(memory_format=order)
    assert_same_up_to_ties(y, want, 1.0)
    (y**2).sum().backward()
    assert x.grad.is_contiguous(memory_format=order)


def test_inputs_with_gaps_are_taken(path):
    x = numbers(6, 8, 20).transpose(1, 2)
    x.requires_grad_()
    codes = convert_inputs(x, torch.tensor(1.0), bits=8)
    assert torch.equal(codes, convert_inputs(x.contiguous(), torch.tensor(1.0), bits=8))
    codes.sum().backward()
    assert torch.equal(x.grad == 0, x.abs() > 1)


@pytest.mark.parametrize("layer", [LAYERS[0], LAYERS[2], LAYERS[5]], ids=str)
def test_bfloat16_differs_by_its_own_rounding(layer, path):
    _, crossbar, x = chip_of(layer)
    edge, weight = Edge(crossbar), weight_of(crossbar)
    found = []
    for low in (False, True):
        edge.zero_grad()
        leaves = [v.clone().requires_grad_() for v in (x.bfloat16().float(), weight)]
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            # As after another layer: an input is of autocast's own type.
            given = leaves[0].bfloat16() if low else leaves[0]
            y = edge(given, leaves[1], crossbar.bias, ONE)
            assert y.dtype == (torch.bfloat16 if low else torch.float32)
            assert torch.equal(
                convert_inputs(given, edge.input_range, bits=8).float(),
                convert_inputs(leaves[0], edge.input_range, bits=8),
            )
        (y.float() * numbers(*y.shape)).sum().backward()
        grads = [v.grad for v in leaves] + [edge.input_range.grad]
        found.append((y.detach().float(), *grads))
    for got, want in zip(*found, strict=True):
        assert float((got - want).norm()) < 0.05 * float(want.norm())


def test_an_output_that_its_maker_keeps_is_not_changed_in_silence(path):
    x = numbers(5, 4).requires_grad_()
    y = convert_outputs_(x.exp(), torch.ones(4), bits=8, bound=10.0, noise=0.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_the_range_begins_with_the_largest_of_the_tiles():
    crossbar = CrossbarLayer("wide", nn.Linear(1100, 4), STANDARD)
    for tile, found in zip(crossbar.tiles, (1.5, 2.5, 0.5), strict=True):
        tile.input_range = found
    edge = Edge(crossbar)
    assert [name for name, _ in edge.named_parameters()] == ["input_range"]
    assert edge.input_range.shape == ()
    assert edge.input_range.item() == 2.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bits_per_cell": 2}, "bits_per_cell = 2"),
        ({"bits_per_input": 1}, "bits_per_input = 1"),
        ({"weight_encoding": "offset"}, "weight_encoding = 'offset'"),
        ({"adc_kind": "ramp"}, "adc_kind = 'ramp'"),
        ({"output_range": "layer"}, "output_range = 'layer'"),
        ({"input_scaling": "dynamic"}, "input_scaling = 'dynamic'"),
        ({"perfect": True}, "perfect = True"),
    ],
    ids=str,
)
def test_a_periphery_without_a_law_of_training_is_refused(change, said):
    layer = CrossbarLayer("conv1", nn.Linear(4, 3), dataclasses.replace(STANDARD, **change))
    with pytest.raises(InputError, match=f"layer conv1: periphery standard must .*, got {said}; "):
        Edge(layer)


def test_published_peripheries_are_taken_or_refused_by_their_converters():
    found = {}
    for name, periphery in PERIPHERIES.items():
        try:
            Edge(CrossbarLayer("one", nn.Linear(4, 3), periphery))
        except InputError:
            found[name] = False
        else:
            found[name] = True
    takes = {n for n, p in PERIPHERIES.items() if p.plain and p.needs_input_ranges}
    assert {name for name, taken in found.items() if taken} == takes
    assert "standard" in takes


@pytest.mark.gpu
@pytest.mark.parametrize("layer", [LAYERS[0], LAYERS[2], LAYERS[6]], ids=str)
def test_a_gpu_computes_the_same_up_to_ties(layer):
    _, crossbar, x = chip_of(layer)
    found = []
    for device in ("cpu", "cuda"):
        edge = Edge(crossbar).to(device)
        leaves = [v.to(device).requires_grad_() for v in (x, weight_of(crossbar))]
        y = edge(*leaves, crossbar.bias.to(device), ONE.to(device))
        (y * numbers(*y.shape).to(device)).sum().backward()
        found.append([v.detach().cpu() for v in (y, *(v.grad for v in leaves))])
    for got, want in zip(*found, strict=True):
        assert float((got - want).norm()) < 1e-2 * float(want.norm())

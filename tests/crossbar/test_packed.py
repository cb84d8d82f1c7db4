"""Convolutions with packed weights against torch's own."""

import copy
import pickle

import pytest
import torch
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward import packed
from analogsim.crossbar.forward.packed import Product
from analogsim.crossbar.mapping.geometry import geometry_of
from tests.crossbar.nets import small_inputs, small_net

CONVOLUTIONS = [
    nn.Conv2d(3, 16, 3, padding=1),
    nn.Conv2d(16, 33, 3, stride=2, padding=(1, 0), bias=False),
    nn.Conv2d(64, 10, 1),
    nn.Conv2d(8, 12, (5, 3), groups=2, dilation=2),
    nn.Conv2d(8, 8, 3, groups=8, padding="same"),
    nn.Conv2d(16, 8, 3, padding=1, padding_mode="reflect"),
]


def close(got, expected, tolerance):
    assert got.shape == expected.shape
    assert float((got - expected).abs().max() / expected.abs().max()) < tolerance


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("last", [False, True], ids=["nchw", "nhwc"])
@torch.no_grad()
def test_equals_torchs_convolution(layer, last):
    geometry = geometry_of(layer)
    product = Product().take_(layer.weight)
    rounding = Product().bfloat16().take_(layer.weight)
    memory = torch.channels_last if last else torch.contiguous_format
    # One product object, inputs of several shapes and types in turn.
    for n, size in ((2, 12), (5, 12), (2, 9), (2, 12)):
        torch.manual_seed(n + size)
        x = torch.randn(n, layer.in_channels, size, size).contiguous(memory_format=memory)
        close(product(geometry, x, layer.bias), layer(x), 1e-6)
        half = copy.deepcopy(layer).bfloat16()
        rounded = rounding(geometry, x.bfloat16(), half.bias)
        assert rounded.dtype == torch.bfloat16
        close(rounded, half(x.bfloat16()), 1e-2)


@pytest.mark.parametrize("inference", [False, True])
def test_follows_the_weight(inference):
    with torch.inference_mode(inference), torch.no_grad():
        layer = CONVOLUTIONS[0]
        product, geometry = Product().take_(layer.weight), geometry_of(layer)
        x = torch.ones(1, 3, 8, 8)
        first = product(geometry, x, None)
        close(product.take_(layer.weight * 2)(geometry, x, None), 2 * first, 1e-6)


@torch.no_grad()
def test_the_same_bits_whatever_was_computed_before():
    layer = CONVOLUTIONS[1]
    geometry, used = geometry_of(layer), Product().take_(layer.weight)
    x = torch.randn(4, 16, 14, 14)
    for n in (1, 4, 2):
        used(geometry, x[:n], None)
    fresh = Product().take_(layer.weight)(geometry, x, None)
    assert torch.equal(used(geometry, x, None), fresh)


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=str)
@torch.no_grad()
def test_one_form_of_the_weight_is_kept_and_gives_the_other(layer):
    product, geometry = Product().take_(layer.weight), geometry_of(layer)
    packs = geometry.zero_padding is not None
    for n in (1, 3):
        product(geometry, torch.randn(n, layer.in_channels, 12, 12), None)
        assert product.weight.numel() == (0 if packs else layer.weight.numel())
        assert torch.equal(product.plain(), layer.weight)
    moved = copy.deepcopy(product).double()
    assert torch.equal(moved.weight, layer.weight.double())


@pytest.fixture(scope="module")
def chip():
    return program(convert(small_net(), "pcm", "ideal"), seed=3)


def test_gradients_still_flow(chip):
    x = small_inputs().clone().requires_grad_()
    with torch.no_grad():
        expected = chip(x)
    y = chip(x)
    torch.testing.assert_close(y.detach(), expected, rtol=1e-5, atol=1e-5)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    # Against a difference: the network is piecewise linear, and the step small.
    direction = torch.randn_like(gradient)
    with torch.no_grad():
        step = (chip(x + 1e-3 * direction).sum() - chip(x - 1e-3 * direction).sum()) / 2e-3
    assert float(step) == pytest.approx(float((gradient * direction).sum()), rel=0.02)


@torch.no_grad()
def test_transforms_of_torch_func_still_work(chip):
    x = small_inputs()
    one_by_one = torch.func.vmap(chip.module)(x[:, None])[:, 0]
    torch.testing.assert_close(one_by_one, chip(x), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_used_chip_can_be_copied_and_pickled(chip):
    x = small_inputs()
    expected = chip(x)
    for other in (copy.deepcopy(chip), pickle.loads(pickle.dumps(chip))):
        assert torch.equal(other(x), expected)


@torch.no_grad()
def test_torch_without_the_operators(chip, monkeypatch):
    x = small_inputs()
    expected = chip(x)
    monkeypatch.setattr(packed, "_available", lambda: False)
    torch.testing.assert_close(chip(x), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_bfloat16_that_cannot_be_packed_is_computed_all_the_same(monkeypatch):
    monkeypatch.setattr(packed, "packs_bfloat16", lambda: False)
    layer = copy.deepcopy(CONVOLUTIONS[0]).bfloat16()
    product = Product().bfloat16().take_(layer.weight)
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)).bfloat16()
    close(product(geometry_of(layer), x, layer.bias), layer(x), 1e-2)
    assert product._packed.weight is None

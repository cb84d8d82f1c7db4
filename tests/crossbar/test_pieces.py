"""A large batch goes through a layer with static input ranges in pieces of images."""

import pytest
import torch
from torch import nn

from analogsim.crossbar import native
from analogsim.crossbar.convert import convert
from analogsim.crossbar.periphery import Periphery
from analogsim.crossbar.program import Chip, program
from tests.crossbar.nets import relative_error, small_inputs, small_net

QUIET = Periphery(name="quiet", output_noise=0.0, max_input_size=100)
LOUD = Periphery(name="loud", output_noise=0.04, max_input_size=100)


def chip_of(periphery: Periphery) -> Chip:
    return program(convert(small_net(), "pcm", periphery, calibrate=small_inputs()))


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Images of each product that is computed, where two images of the first layer are a piece."""
    monkeypatch.setattr(native, "_LARGE", 1)
    monkeypatch.setattr(native, "_PIECE", 2 * 3 * 16 * 16)
    seen: list[int] = []
    computed = native.Product.forward

    def counted(self, geometry, x, bias):
        seen.append(len(x))
        return computed(self, geometry, x, bias)

    monkeypatch.setattr(native.Product, "forward", counted)
    return seen


@pytest.mark.parametrize(("images", "first"), [(16, 2), (9, 3), (7, 7), (1, 1)])
def test_pieces_are_equal_and_change_nothing(
    images: int, first: int, products: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    chip, x = chip_of(QUIET), small_inputs(images)
    products.clear()
    with torch.no_grad():
        in_pieces = chip(x)
        assert products[: images // first] == [first] * (images // first)
        monkeypatch.setattr(native, "_LARGE", 1 << 62)
        products.clear()
        assert relative_error(in_pieces, chip(x)) < 1e-5
        assert set(products) == {images}


def test_each_piece_has_its_own_noise(products: list[int]) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 64, 3, padding=1)
    chip = program(convert(conv, "pcm", LOUD, calibrate=small_inputs()))
    x = small_inputs(1).expand(8, -1, -1, -1)
    products.clear()
    with torch.no_grad():
        out = chip(x)
    assert products == [2] * 4
    noise = (out - out.mean(dim=0)).flatten(1)
    correlated = torch.corrcoef(noise)[~torch.eye(8, dtype=torch.bool)]
    # Deviations from a mean of eight: -1/7 between any two.
    assert (correlated + 1 / 7).abs().max() < 0.05


def test_gradients_take_the_whole_batch(products: list[int]) -> None:
    chip, x = chip_of(QUIET), small_inputs(4).requires_grad_()
    products.clear()
    chip(x).sum().backward()
    assert set(products) == {4}
    assert x.grad is not None

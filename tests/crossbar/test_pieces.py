"""A large batch goes through a native chip in pieces of images."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from analogsim.crossbar.chip.chip import Chip
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward import pieces
from analogsim.crossbar.forward.pieces import in_pieces, piece_size
from analogsim.crossbar.mapping.periphery import IDEAL, Periphery
from tests.crossbar.nets import relative_error, small_inputs, small_net

QUIET = Periphery(name="quiet", output_noise=0.0, read_noise=0.0, max_input_size=100)
LOUD = Periphery(name="loud", output_noise=0.04, max_input_size=100)


def chip_of(periphery: Periphery, **options: Any) -> Chip:
    return program(convert(small_net(), "pcm", periphery, calibrate=small_inputs(), **options))


@pytest.fixture
def two_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images of `small_inputs` are large enough for a piece."""
    monkeypatch.setattr(pieces, "_NUMBERS", 2 * 3 * 16 * 16)
    monkeypatch.setattr(pieces, "_IMAGES", 2)


def counted(chip: Chip) -> list[int]:
    """Images of each pass through the chip's network, from now on."""
    seen: list[int] = []
    chip.module.register_forward_pre_hook(lambda _, x: seen.append(len(x[0])))
    return seen


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((256, 3, 32, 32), 64),
        ((250, 3, 32, 32), 50),
        ((1000, 3, 32, 32), 50),
        ((96, 3, 32, 32), 48),
        ((64, 3, 32, 32), 64),
        ((257, 3, 32, 32), 257),  # a prime
        ((2 * 251, 3, 32, 32), 502),  # no divisor between 48 and 192
        ((64, 3, 224, 224), 8),
        ((256, 1, 8, 8), 256),
        ((0, 3, 32, 32), 0),
        ((256, 3, 0, 32), 256),
        ((4096, 3072), 4096),
        ((), 1),
    ],
)
def test_sizes(shape: tuple[int, ...], size: int) -> None:
    assert piece_size(torch.Size(shape)) == size


@pytest.mark.parametrize("periphery", [QUIET, IDEAL], ids=lambda p: p.name)
@pytest.mark.parametrize(("images", "size"), [(16, 2), (9, 3), (11, 11), (1, 1)])
def test_pieces_change_no_answer(
    images: int, size: int, periphery: Periphery, two_a_piece: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip, x = chip_of(periphery), small_inputs(images)
    seen = counted(chip)
    with torch.no_grad():
        split = chip(x)
        assert seen == [size] * (images // size)
        monkeypatch.setattr(pieces, "_NUMBERS", 1 << 62)
        assert relative_error(split, chip(x)) < 1e-5
        assert seen[-1] == images


def test_each_piece_has_its_own_noise(two_a_piece: None) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 64, 3, padding=1)
    chip = program(convert(conv, "pcm", LOUD, calibrate=small_inputs()))
    x = small_inputs(1).expand(8, -1, -1, -1)
    seen = counted(chip)
    with torch.no_grad():
        out = chip(x)
    assert seen == [2] * 4
    noise = (out - out.mean(dim=0)).flatten(1)
    correlated = torch.corrcoef(noise)[~torch.eye(8, dtype=torch.bool)]
    # Deviations from a mean of eight: -1/7 between any two.
    assert (correlated + 1 / 7).abs().max() < 0.05


def test_gradients_take_the_whole_batch(two_a_piece: None) -> None:
    chip, x = chip_of(QUIET), small_inputs(4).requires_grad_()
    seen = counted(chip)
    chip(x).sum().backward()
    assert seen == [4]
    assert x.grad is not None


def test_tiles_take_the_whole_batch(two_a_piece: None) -> None:
    chip = chip_of(QUIET, tile="torch", forward="tile")
    seen = counted(chip)
    with torch.no_grad():
        chip(small_inputs(8))
    assert seen == [8]


def test_statistics_are_estimated_on_whole_batches(two_a_piece: None) -> None:
    images = small_inputs(32)
    chip = chip_of(QUIET, bn="recalibrate", recalibrate=images)
    seen = counted(chip)
    chip.recalibrate_()
    assert seen
    assert set(seen) == {32}
    with torch.no_grad():
        chip(images)
    assert seen[-1] == 2


@pytest.mark.parametrize(
    "compute",
    [lambda x: (x, x), lambda x: x.mean(), lambda x: x.flatten(0, 1)],
    ids=["a tuple", "one number", "no row an image"],
)
def test_other_outputs_come_from_the_whole_batch(
    compute: Callable[[Tensor], Any], two_a_piece: None
) -> None:
    x = small_inputs(8)
    torch.testing.assert_close(in_pieces(compute, x), compute(x), rtol=0, atol=0)

"""Weights do not depend on how many threads torch has; the order of output noise."""

import pytest
import torch
from torch import nn

from analogsim.crossbar.chip.pool import each
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.native import add_noise_
from analogsim.draws.addresses import seeded


@pytest.fixture
def threads():
    """Set torch's threads; put back afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("preset", ["pcm", "pcm-hermes"])
def test_weights(preset, threads):
    # Above 32,768 elements torch splits a loop over its threads.
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(509, 211), nn.Linear(211, 307))
    found = []
    for count in (1, 2, 3):
        threads(count)
        chip = program(convert(net, preset, "ideal")).drift_(12345.0)
        found.append([tile.weights for layer in chip.layers.values() for tile in layer.tiles])
        assert torch.get_num_threads() == count
    assert all(torch.equal(a, b) for a, b in zip(found[0], found[1], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(found[0], found[2], strict=True))


def noisy(shape, address, *, last=False):
    y = torch.zeros(shape)
    if last:
        y = y.contiguous(memory_format=torch.channels_last)
    with seeded(*address):
        return add_noise_(y, 2.0)


def test_output_noise(threads):
    shape = (4, 24, 50, 51)
    threads(1)
    one = noisy(shape, (1,))
    threads(2)
    assert torch.equal(one, noisy(shape, (1,)))
    assert not torch.equal(one, noisy(shape, (2,)))


def test_output_noise_is_normal_and_follows_the_memory_order():
    # n = 244,800: the standard error of the spread is 0.14 %, of the mean 0.4 % of it; 4 sigma.
    shape = (4, 24, 50, 51)
    noise = noisy(shape, (3,), last=True)
    assert float(noise.std()) == pytest.approx(2.0, rel=0.006)
    assert abs(float(noise.mean())) < 0.017
    plain = noisy((4, 50, 51, 24), (3,))
    assert torch.equal(noise.permute(0, 2, 3, 1), plain)


def test_an_error_in_the_pool_reaches_the_caller():
    def fail(n):
        raise ValueError(f"item {n}")

    with pytest.raises(ValueError, match="item 0"):
        each(fail, range(3), serial=False)

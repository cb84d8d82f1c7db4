"""The tiles of a programmed chip."""

import pytest
import torch
from torch import nn

import analogsim
from analogsim.errors import InputError
from analogsim.gaussian.flat import flatten_
from benchmarks.gpu.pcm import PcmNetwork
from benchmarks.gpu.pcm_tiles import pcm_tiles
from device_models import Gaussian, Pcm
from tests.gaussian.stream_checks import SmallNetwork, without_numba_too

pytestmark = without_numba_too


def test_tiles_of_a_chip():
    """Names, places and exponents of a programmed chip fit the digital network."""
    network = SmallNetwork()
    chip = analogsim.program(analogsim.convert(network, Pcm(noise_scale=0.0), periphery="ideal"))
    PcmNetwork(pcm_tiles(chip), flatten_(network), Pcm(noise_scale=0.0), seed=1).drift_(1.0)
    for name, value in SmallNetwork().named_parameters():
        torch.testing.assert_close(network.get_parameter(name), value, rtol=2e-7, atol=0)
    real = analogsim.program(analogsim.convert(network, Pcm(), periphery="ideal"))
    for tile in pcm_tiles(real):
        assert tile.nu.shape == tile.programmed.shape
        # Mean exponents are 0.049 to 0.1, with spreads up to 0.045.
        assert 0.04 < float(tile.nu.mean()) < 0.11


def test_refused_chips():
    network = nn.Linear(4, 3).eval()
    gaussian = analogsim.program(analogsim.convert(network, Gaussian(), periphery="ideal"))
    with pytest.raises(InputError, match=r"device must be pcm, got 'gaussian'; use Chip\.drift_"):
        pcm_tiles(gaussian)
    standard = analogsim.convert(network, Pcm(), calibrate=[torch.randn(8, 4)])
    with pytest.raises(InputError, match=r"periphery must be ideal, got 'standard'; use Chip"):
        pcm_tiles(analogsim.program(standard))

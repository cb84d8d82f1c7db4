"""What a trial's graph refuses on a CPU; on a GPU see tests/gaussian/test_gpu.py."""

import pytest
import torch

from analogsim.errors import InputError
from analogsim.gaussian.flat import flatten_
from analogsim.gaussian.noise import Noise
from analogsim.gaussian.spec import NoiseSpec
from benchmarks.gpu.trial_graph import TrialGraph
from tests.gaussian.stream_checks import SmallNetwork


def test_cpu_is_refused():
    noise = Noise(flatten_(SmallNetwork()), NoiseSpec(), seed=0)
    with pytest.raises(InputError, match="must be on one CUDA device, got cpu and cpu;"):
        TrialGraph(noise, torch.zeros(1, 3, 8, 8))

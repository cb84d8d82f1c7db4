"""What a trial's graph refuses on a CPU; on a GPU see test_gpu.py."""

import sys

import pytest
import torch

from analogsim.draws.lazy import import_launch
from analogsim.errors import InputError
from analogsim.gaussian.flat import flatten_
from analogsim.gaussian.graph import TrialGraph
from analogsim.gaussian.noise import Noise
from analogsim.gaussian.spec import NoiseSpec
from tests.gaussian.stream_checks import SmallNetwork


def test_cpu_is_refused():
    noise = Noise(flatten_(SmallNetwork()), NoiseSpec(), seed=0)
    with pytest.raises(InputError, match="must be on one CUDA device, got cpu and cpu;"):
        TrialGraph(noise, torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("name", ["launch", "pcm_launch"])
def test_missing_triton_is_said_in_words(name, monkeypatch):
    for module in [m for m in sys.modules if m.partition(".")[0] == "triton"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "triton", None)
    for module in (
        "draws.kernels",
        "gaussian.launch",
        "gaussian.pcm_kernels",
        "gaussian.pcm_launch",
    ):
        monkeypatch.delitem(sys.modules, f"analogsim.{module}", raising=False)
        monkeypatch.delattr(f"analogsim.{module}", raising=False)
    with pytest.raises(InputError, match=r"must have Triton, got ImportError: .*triton.*; install"):
        import_launch(name)

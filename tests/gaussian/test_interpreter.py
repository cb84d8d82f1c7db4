"""The kernels under Triton's interpreter against the CPU: no GPU needed.

The interpreter runs in a process of its own, with few and large blocks: each program is a pass of
Python. Multiply and add are not fused in it; a GPU's answers are compared in test_gpu.py.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from analogsim.draws import stream
from analogsim.draws.stream import Address
from tests.gaussian.kernel_checks import SEED, check_integers, check_noise, check_pcm, noise_names
from tests.gaussian.stream_checks import without_numba_too

pytestmark = [
    pytest.mark.slow,
    without_numba_too,
    pytest.mark.skipif(
        importlib.util.find_spec("triton") is None,
        reason="needs Triton, which comes with CUDA builds of torch",
    ),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    path = tmp_path_factory.mktemp("interpreter") / "answers.npz"
    root = Path(__file__).parents[2]
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "tests.gaussian.kernel_cases", str(path)]
    run = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return dict(np.load(path))


def test_integers_are_equal_bit_for_bit(answers):
    check_integers(answers)


def test_tritons_own_philox_is_the_same_function(answers):
    """An independent implementation: `tl.randint4x` is tensor 0, trial 0, stream 0."""
    address = Address(seed=SEED - 2**63, tensor=0, trial=0)
    expected = stream.integers(address, 0, len(answers["randint"]))
    assert np.array_equal(answers["randint"], expected)


# Triton 3.7 and 3.9 interpret a conversion to bfloat16 as cutting off; compiled, it rounds to
# nearest (test_compile.py looks for the instruction).
@pytest.mark.parametrize("name", noise_names(without="torch.bfloat16"))
def test_noisy_copies_are_those_of_the_cpu(name, answers):
    check_noise(name, answers)


@pytest.mark.parametrize("channels_last", [False, True])
def test_pcm_drift_is_that_of_the_cpu(channels_last, answers):
    check_pcm(channels_last, answers)

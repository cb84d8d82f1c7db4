"""What the kernels are asked, on whatever device: shared by the interpreter's run and a GPU's.

Run as a script, it runs the cases under Triton's interpreter (TRITON_INTERPRET=1 must be set
before Triton is imported, hence a process of its own) and writes the answers to a file.
"""

import sys
import warnings

import numpy as np
import torch
import triton
import triton.language as tl

from analogsim.gaussian import launch
from benchmarks.gpu.pcm_launch import PcmLaunch
from benchmarks.gpu.pcm_law import moment
from device_models import Pcm
from tests.benchmarks.pcm_cases import pcm_network
from tests.gaussian.kernel_checks import (
    ADDRESSES,
    COUNT,
    RANDINT_BLOCKS,
    SEED,
    SPECS,
    TIMES_S,
    TRIALS,
    noise_of,
)


def integer_answers(device, block):
    """Name -> raw integers, uint32."""
    for name, a in ADDRESSES.items():
        words = (a.tensor, a.trial, a.stream, *a.key)
        drawn = launch.integers(words, COUNT, torch.device(device), block=block)
        yield f"integers {name}", drawn.cpu().numpy().view(np.uint32)


def noise_answers(device, blocks):
    """Name -> noisy copies (trials, n) by the kernels."""
    for name, spec in SPECS.items():
        for channels_last in (False, True):
            noise = noise_of(spec, channels_last=channels_last, device=device)
            trials = launch.words(TRIALS, torch.device(device))
            for dtype in (torch.float32, torch.bfloat16, torch.float16):
                out = torch.empty(len(TRIALS), noise.flat.clean.numel(), dtype=dtype, device=device)
                tables, key = noise.tables(), noise.key()
                launch.write_copies_(out, noise.flat, tables, key, trials, blocks=blocks)
                yield f"{name} {channels_last} {dtype}", out.float().cpu().numpy()


def pcm_answers(device, block):
    """Name -> flat weights after drift; the sums of |w| and alphas of the tiles too."""
    for channels_last in (False, True):
        network = pcm_network(channels_last=channels_last, device=device)
        live = network.flat.live
        made = PcmLaunch(
            network.tiles, network.homes, live, seed=network.seed, chip=network.chip, block=block
        )
        for t_s in TIMES_S:
            for compensation in ("none", "global"):
                network.flat.restore_()
                made.drift_(moment(Pcm(), t_s), compensation)
                yield f"pcm {channels_last} {t_s} {compensation}", live.cpu().numpy().copy()
            yield f"pcm sums {channels_last} {t_s}", made.chunk_sum.cpu().numpy().copy()
            yield f"pcm alphas {channels_last} {t_s}", made.alpha.cpu().numpy().copy()


@triton.jit
def _randint_kernel(out, seed, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x0, x1, x2, x3 = tl.randint4x(seed, at)
    tl.store(out + 4 * at, x0)
    tl.store(out + 4 * at + 1, x1)
    tl.store(out + 4 * at + 2, x2)
    tl.store(out + 4 * at + 3, x3)


def randint_answer(device):
    """Triton's own Philox for tensor 0, trial 0 and stream 0, uint32."""
    out = torch.empty(4 * RANDINT_BLOCKS, dtype=torch.int32, device=device)
    _randint_kernel[1,](out, SEED - 2**63, BLOCK=RANDINT_BLOCKS)
    return out.cpu().numpy().view(np.uint32)


def main(path):
    # Triton's notices about its own future are no business of these tests.
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", module="triton")
    answers = dict(integer_answers("cpu", 16_384))
    answers |= dict(noise_answers("cpu", (4096, 4096)))
    answers |= dict(pcm_answers("cpu", 4096))
    answers["randint"] = randint_answer("cpu")
    np.savez(path, **answers)


if __name__ == "__main__":
    main(sys.argv[1])

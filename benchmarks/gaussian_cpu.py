"""Gaussian noise on a CPU, one core: the reproducible stream and the fast path against the usual.

    python benchmarks/gaussian_cpu.py --json

All sides take turns in one process, heap thresholds set for all. Each ratio is (their time) /
(our time), round by round; above 1 we are faster. On a shared machine trust the ratios, and take
the nanoseconds as upper bounds. What is noised is VGG16's weights as the network holds them, and
one flat layer of 15 million weights.
"""

import subprocess
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import torch
from common import arguments, emit, interleave, machine, ratios, seconds, start
from torch import nn

from analogsim.draws import cpu, stream
from analogsim.gaussian import Noise, NoiseSpec, flatten_
from analogsim.inputs import load_model

LARGE = 15_000_000
ETA = 0.05

_COMPILE = """
from time import perf_counter
from analogsim.draws import cpu
import torch
from analogsim.gaussian import Noise, NoiseSpec, flatten_
noise = Noise(flatten_(torch.nn.Linear(8, 8)), NoiseSpec(), seed=0)
cpu.backend()
begin = perf_counter()
noise.apply_(0)
print(perf_counter() - begin)
"""


def vgg16(*, channels_last: bool) -> nn.Module:
    module = load_model("zoo:vgg16").module.requires_grad_(False)
    return module.to(memory_format=torch.channels_last) if channels_last else module


def weights_of(module: nn.Module) -> list[torch.Tensor]:
    return [m.weight for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def each(
    weights: list[torch.Tensor], one: Callable[[torch.Tensor, float], object]
) -> Callable[[], object]:
    """`one(weight, sigma)` for each layer, sigma known beforehand."""
    sigmas = [ETA * float(w.std()) for w in weights]
    return lambda: [one(w, s) for w, s in zip(weights, sigmas, strict=True)]


def network_sides() -> dict[str, Callable[[], object]]:
    """The weights of VGG16, 14.7 million in 14 layers."""
    plain, last = vgg16(channels_last=False), vgg16(channels_last=True)
    ours = Noise(flatten_(vgg16(channels_last=False)), NoiseSpec(eta=ETA), seed=1)
    ours_last = Noise(flatten_(vgg16(channels_last=True)), NoiseSpec(eta=ETA), seed=1)
    copies = {id(w): torch.empty_like(w) for w in weights_of(plain)}
    return {
        "stream": lambda: ours.apply_(0),
        "stream, channels_last": lambda: ours_last.apply_(0),
        "fast": ours.fast_,
        "fast, channels_last": ours_last.fast_,
        "w + s randn_like(w), channels_last": each(
            weights_of(last), lambda w, s: w + s * torch.randn_like(w)
        ),
        "w + s randn_like(w), contiguous": each(
            weights_of(plain), lambda w, s: w + s * torch.randn_like(w)
        ),
        "normal_(0, s).add_(w), contiguous": each(
            weights_of(plain), lambda w, s: copies[id(w)].normal_(0, s).add_(w)
        ),
    }


def flat_sides() -> dict[str, Callable[[], object]]:
    """One flat buffer of 15 million."""
    layer = nn.Linear(LARGE // 1000, 1000, bias=False).requires_grad_(False)
    ours = Noise(flatten_(layer), NoiseSpec(eta=ETA), seed=1)
    bare, other = torch.empty(LARGE), layer.weight.reshape(-1).clone()
    drawn = np.empty(LARGE, dtype=np.float32)
    sfc = np.random.Generator(np.random.SFC64(1))
    philox = np.random.Generator(np.random.Philox(1))
    return {
        "15M: stream": lambda: ours.apply_(0),
        "15M: fast": ours.fast_,
        "15M: bare normal_": bare.normal_,
        "15M: normal_ and add_": lambda: bare.normal_(0, 0.1).add_(other),
        "15M: numpy SFC64": lambda: sfc.standard_normal(out=drawn, dtype=np.float32),
        "15M: numpy Philox": lambda: philox.standard_normal(out=drawn, dtype=np.float32),
    }


PAIRS = {
    "15M: stream / bare normal_": ("15M: stream", "15M: bare normal_"),
    "15M: stream / normal_ and add_": ("15M: stream", "15M: normal_ and add_"),
    "15M: stream / numpy SFC64": ("15M: stream", "15M: numpy SFC64"),
    "15M: stream / numpy Philox": ("15M: stream", "15M: numpy Philox"),
    "15M: fast / bare normal_": ("15M: fast", "15M: bare normal_"),
    **{
        f"VGG16: {ours} / {theirs}": (ours, theirs)
        for ours, theirs in (
            ("stream, channels_last", "w + s randn_like(w), channels_last"),
            ("fast, channels_last", "w + s randn_like(w), channels_last"),
            ("stream", "w + s randn_like(w), contiguous"),
            ("fast", "w + s randn_like(w), contiguous"),
            ("stream", "normal_(0, s).add_(w), contiguous"),
            ("fast", "normal_(0, s).add_(w), contiguous"),
        )
    },
}


def numpy_ns() -> float:
    """Nanoseconds a normal of the stream in plain numpy, the best of three."""
    address = stream.Address(seed=1, tensor=2, trial=3)
    times = []
    for _ in range(3):
        begin = perf_counter()
        stream.normals(address, 0, 1_000_000)
        times.append(perf_counter() - begin)
    return min(times) * 1e3


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.set_defaults(threads=1)
    options = parser.parse_args()
    heap = start(options.threads)
    with torch.no_grad():
        times = interleave(network_sides() | flat_sides(), options.repeats)
    n_network = sum(w.numel() for w in weights_of(vgg16(channels_last=False)))
    result: dict[str, Any] = {
        "benchmark": "gaussian_cpu",
        "malloc_thresholds": heap,
        "stream_backend": cpu.backend(),
        **machine(),
        "n": {"VGG16": n_network, "15M": LARGE},
        "ns_a_weight": {
            name: {
                key.replace("_s", "_ns"): round(
                    value * 1e9 / (LARGE if name.startswith("15M") else n_network), 3
                )
                for key, value in seconds(values).items()
            }
            for name, values in times.items()
        },
        "numpy_stream_ns_a_normal": round(numpy_ns(), 2),
        "first_call_s": float(
            subprocess.run(
                [sys.executable, "-c", _COMPILE], capture_output=True, text=True, check=True
            ).stdout
        ),
        "ratios": {name: ratios(times, *pair) for name, pair in PAIRS.items()},
    }
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

"""Gaussian noise and PCM drift on a GPU, against torch and aihwkit on the same card.

    python benchmarks/gaussian_gpu.py --json

All sides take turns in one process and are timed by CUDA events; each time is of enough calls in a
row to hide the clock's own. Ratios are (their time) / (our time), round by round. Without a CUDA
device the script says so and measures nothing.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from common import arguments, emit, machine, ratios, seconds
from gpu.pcm import PcmNetwork
from gpu.pcm_law import moment
from gpu.pcm_tiles import pcm_tiles
from gpu.trial_graph import TrialGraph
from torch import nn

import analogsim
from analogsim.gaussian import Noise, NoiseSpec, flatten_
from analogsim.inputs import load_model
from device_models import Pcm

NOT_MEASURED = "not measured: no CUDA device"
ETA = 0.05
SPEC = NoiseSpec(eta=ETA)
LARGE_TRIALS = 16
"""Of 15 million weights: 2.4e8 normals a launch."""
SMALL_TRIALS, IMAGES, DAY_S = 64, 256, 86_400.0

Sides = Mapping[str, tuple[int, Callable[[], object]]]


def interleave(sides: Sides, repeats: int) -> dict[str, list[float]]:
    """Seconds a call of each side, all sides in turn; `sides` gives (calls in a row, side)."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _, side in sides.values():
        for _ in range(3):
            side()
    for _ in range(repeats):
        for name, (calls, side) in sides.items():
            begin = torch.cuda.Event(enable_timing=True)
            end = torch.cuda.Event(enable_timing=True)
            torch.cuda.synchronize()
            begin.record()
            for _ in range(calls):
                side()
            end.record()
            torch.cuda.synchronize()
            times[name].append(begin.elapsed_time(end) / 1e3 / calls)
    return times


def network(name: str) -> nn.Module:
    """With random weights where none are shipped: a time does not depend on them."""
    return load_model(f"zoo:{name}").module.eval().requires_grad_(False).cuda()


def bandwidth(repeats: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Copies of 15 million weights in one launch, against the card's copy and torch's ways."""
    layer = nn.Linear(15_000, 1000, bias=False, device="cuda").requires_grad_(False)
    noise = Noise(flatten_(layer), SPEC, seed=1)
    trials, clean = range(LARGE_TRIALS), noise.flat.clean
    shape = (LARGE_TRIALS, clean.numel())
    sigma = float(noise.layout.sigma[0])
    source, target = torch.ones(shape, device="cuda"), torch.empty(shape, device="cuda")
    write = _writer(noise, trials, target)
    half = _writer(noise, trials, torch.empty(shape, dtype=torch.bfloat16, device="cuda"))
    times = interleave(
        {
            "copy": (10, lambda: target.copy_(source)),
            "fused": (10, write),
            "fused, bfloat16": (10, half),
            "randn, mul, add": (3, lambda: clean + sigma * torch.randn(shape, device="cuda")),
            "randn, add alpha": (
                3,
                lambda: torch.add(clean, torch.randn(shape, device="cuda"), alpha=sigma),
            ),
        },
        repeats,
    )
    size = 4 * shape[0] * shape[1]
    copied = 2 * size / min(times["copy"])
    found = {
        "normals": shape[0] * shape[1],
        "copy_bytes_a_second_read_and_written": copied,
        "fused_bytes_a_second_written": size / min(times["fused"]),
        "fused_normals_a_second": shape[0] * shape[1] / min(times["fused"]),
        # Against all bytes that the copy moves, and against those that it writes.
        "share_of_copy_moved": size / min(times["fused"]) / copied,
        "share_of_copy_written": 2 * size / min(times["fused"]) / copied,
    }
    return times, found


def _writer(noise: Noise, trials: range, out: torch.Tensor) -> Callable[[], object]:
    """One launch, with all that it needs already on the card."""
    from analogsim.gaussian import launch

    tables, key, numbers = noise.tables(), noise.key(), launch.words(trials, out.device)
    return lambda: launch.write_copies_(out, noise.flat, tables, key, numbers)


def layers(repeats: int) -> dict[str, list[float]]:
    """ResNet44, 64 trials: one launch against a launch for each operation, layer and trial."""
    module = network("resnet44")
    weights = [m.weight.clone() for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    sigmas = [ETA * float(w.std()) for w in weights]
    noise = Noise(flatten_(module), SPEC, seed=1)
    out = torch.empty(SMALL_TRIALS, noise.flat.clean.numel(), device="cuda")

    def loop() -> None:
        for _ in range(SMALL_TRIALS):
            for w, s in zip(weights, sigmas, strict=True):
                w + s * torch.randn_like(w)

    fused = _writer(noise, range(SMALL_TRIALS), out)
    return interleave({"r44 x 64 fused": (50, fused), "r44 x 64 by layer": (1, loop)}, repeats)


def trial(repeats: int) -> dict[str, list[float]]:
    """A trial of ResNet44: new weights, then 256 images forward; and PCM drift alone."""
    images = torch.randn(IMAGES, 3, 32, 32, device="cuda")
    graphed = network("resnet44")
    graph = TrialGraph(Noise(flatten_(graphed), SPEC, seed=1), images)
    eager = network("resnet44")
    eager_noise = Noise(flatten_(eager), SPEC, seed=1)
    ideal = analogsim.convert(network("resnet44").cpu(), "pcm", "ideal")
    chip = analogsim.program(ideal)
    drifting = network("resnet44")
    pcm = PcmNetwork(pcm_tiles(chip), flatten_(drifting), Pcm(), seed=1)
    at = moment(Pcm(), DAY_S)
    pcm.gpu.drift_(at, "global")
    theirs, perfect = upstream(perfect=False), upstream(perfect=True)
    return interleave(
        {
            "trial graph": (20, lambda: graph.run(5)),
            "trial eager": (5, lambda: eager_noise.apply_(5).module(images)),
            "forward": (5, lambda: eager(images)),
            "pcm drift": (50, lambda: pcm.gpu.launch_("global")),
            "pcm drift and forward": (5, lambda: (pcm.gpu.launch_("global"), drifting(images))),
            "aihwkit drift": (1, lambda: theirs.drift_analog_weights(DAY_S)),
            "aihwkit forward": (1, lambda: theirs(images)),
            "aihwkit trial": (1, lambda: (theirs.drift_analog_weights(DAY_S), theirs(images))),
            "aihwkit perfect trial": (
                1,
                lambda: (perfect.drift_analog_weights(DAY_S), perfect(images)),
            ),
        },
        repeats,
    )


def upstream(*, perfect: bool) -> nn.Module:
    """ResNet44 converted by aihwkit to its torch tile, on the card, programmed."""
    from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
    from aihwkit.nn.conversion import convert_to_analog
    from forward import AIHWKIT_DEFAULT

    from analogsim.crossbar.forward.rpu_config import build_rpu_config

    config = build_rpu_config(AIHWKIT_DEFAULT, "torch")
    config.noise_model = PCMLikeNoiseModel()
    config.forward.is_perfect = perfect
    converted: nn.Module = convert_to_analog(network("resnet44").cpu(), config).eval().cuda()
    converted.program_analog_weights()
    return converted


PAIRS = {
    "fused / randn, mul, add": ("fused", "randn, mul, add"),
    "fused / randn, add alpha": ("fused", "randn, add alpha"),
    "r44 x 64: fused / by layer": ("r44 x 64 fused", "r44 x 64 by layer"),
    "trial graph / trial eager": ("trial graph", "trial eager"),
    # The forward pass alone, without any noise: a lower bound whatever noise they would draw.
    "trial graph / aihwkit forward": ("trial graph", "aihwkit forward"),
    "trial graph / aihwkit trial": ("trial graph", "aihwkit trial"),
    "trial graph / aihwkit perfect trial": ("trial graph", "aihwkit perfect trial"),
    "pcm drift / aihwkit drift": ("pcm drift", "aihwkit drift"),
    "pcm drift and forward / aihwkit trial": ("pcm drift and forward", "aihwkit trial"),
}


def main() -> None:
    options = arguments(__doc__ or "").parse_args()
    if not torch.cuda.is_available():
        sys.stdout.write(NOT_MEASURED + "\n")
        return
    import triton  # comes with CUDA builds of torch only

    with torch.no_grad():
        times, found = bandwidth(options.repeats)
        times |= layers(options.repeats) | trial(options.repeats)
    result: dict[str, Any] = {
        "benchmark": "gaussian_gpu",
        **machine(),
        "cuda_version": torch.version.cuda,
        "triton": triton.__version__,
        **found,
        "seconds": {name: seconds(values) for name, values in times.items()},
        "ratios": {name: ratios(times, *pair) for name, pair in PAIRS.items()},
    }
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

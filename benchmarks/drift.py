"""Programming and drifting whole networks against aihwkit's own calls.

    python benchmarks/drift.py --json

Default periphery of aihwkit, global drift compensation, PCM; the same network on both sides. Each
ratio is (their time) / (our time), round by round in one process; above 1 we are faster. `native`
is our ideal periphery, `philox` the compiled pass on the reproducible stream (`--stream philox`;
needs numba). Programming includes handing the weights to what computes the products.
"""

import copy
import dataclasses
import itertools
from typing import Any

import torch
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from aihwkit.nn.conversion import convert_to_analog
from common import arguments, emit, interleave, machine, ratios, seconds, start
from forward import AIHWKIT_DEFAULT, network
from torch import nn

import analogsim
from analogsim.crossbar.chip.chip import refresh_
from analogsim.crossbar.chip.program import reprogram_
from analogsim.crossbar.forward.rpu_config import build_rpu_config


def upstream(net: nn.Module) -> nn.Module:
    """The network converted by aihwkit itself: torch tiles, its default noise and compensation."""
    config = build_rpu_config(AIHWKIT_DEFAULT, "torch")
    config.noise_model = PCMLikeNoiseModel()
    return convert_to_analog(copy.deepcopy(net), config).eval()


def ready(chip: analogsim.Chip) -> None:
    """Hand a programmed chip's weights to its engines, which would wait for the first image."""
    refresh_(list(chip.layers.values()))


def measure(name: str, repeats: int) -> dict[str, Any]:
    net = network(name)
    analog = analogsim.convert(
        net, "pcm", AIHWKIT_DEFAULT, tile="torch", calibrate=(3, 32, 32), forward="auto"
    )
    ideal = analogsim.convert(net, "pcm", "ideal")
    chip = analogsim.program(analog)
    native = analogsim.program(ideal)
    philox = analogsim.program(dataclasses.replace(analog, stream="philox"))
    native_philox = analogsim.program(dataclasses.replace(ideal, stream="philox"))
    theirs = upstream(net)
    theirs.program_analog_weights()
    numbers = itertools.count(1)
    times = interleave(
        {
            "our program": lambda: ready(reprogram_(chip, next(numbers))),
            "our program, native": lambda: ready(reprogram_(native, next(numbers))),
            "our program, philox": lambda: ready(reprogram_(philox, next(numbers))),
            "our program, native philox": lambda: ready(reprogram_(native_philox, next(numbers))),
            "our new chip, native": lambda: ready(analogsim.program(ideal, chip=next(numbers))),
            "aihwkit program": theirs.program_analog_weights,
            "our drift": lambda: chip.drift_(float(next(numbers))),
            "our drift, native": lambda: native.drift_(float(next(numbers))),
            "our drift, philox": lambda: philox.drift_(float(next(numbers))),
            "our drift, native philox": lambda: native_philox.drift_(float(next(numbers))),
            "aihwkit drift": lambda: theirs.drift_analog_weights(86400.0),
        },
        repeats,
    )
    pairs = {
        name.removeprefix("our "): (name, "aihwkit drift" if "drift" in name else "aihwkit program")
        for name in times
        if name.startswith("our ")
    }
    return {
        "seconds": {k: seconds(v) for k, v in times.items()},
        "ratios": {k: ratios(times, *v) for k, v in pairs.items()},
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--networks", default="resnet20,resnet44,vgg16")
    options = parser.parse_args()
    heap = start(options.threads)
    result: dict[str, Any] = {"benchmark": "drift", "malloc_thresholds": heap, **machine()}
    with torch.no_grad():
        result["networks"] = {n: measure(n, options.repeats) for n in options.networks.split(",")}
    result["ratios"] = {
        f"{name}: {pair}": value
        for name, found in result["networks"].items()
        for pair, value in found["ratios"].items()
    }
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

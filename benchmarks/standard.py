"""The whole standard setting, with IR drop and read noise, and input ranges of each vector.

    python benchmarks/standard.py --json

Each ratio is (their time) / (our time), round by round in one process; above 1 we are faster. The
static law without IR drop and read noise is `--tile torch` on native convolutions. aihwkit's C++
tile has the whole law; its torch tile has dynamic ranges without IR drop and read noise.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from common import arguments, emit, interleave, machine, ratios, seconds, start
from forward import BATCH, network

import analogsim
from analogsim.crossbar.mapping.periphery import STANDARD

DYNAMIC = dataclasses.replace(STANDARD, name="dynamic", input_scaling="dynamic")
PLAIN = dataclasses.replace(DYNAMIC, name="dynamic, plain", ir_drop=0.0, read_noise=0.0)
PAIRS = {
    "whole vs static without": ("whole", "static"),
    "whole vs C++ tile": ("whole", "C++ tile"),
    "dynamic vs torch tile": ("dynamic", "dynamic, torch tile"),
    "whole dynamic vs C++ tile": ("whole dynamic", "dynamic, C++ tile"),
}


def measure(name: str, repeats: int, *, slow: bool) -> dict[str, Any]:
    net = network(name)
    x = torch.randn(BATCH[name], 3, 32, 32)

    def chip(periphery: Any, tile: Any) -> Callable[[], object]:
        analog = analogsim.convert(net, "pcm", periphery, tile=tile, calibrate=x, verify=False)
        made = analogsim.program(analog).drift_(86400.0)

        @torch.inference_mode()
        def call() -> object:
            return made(x)

        return call

    sides = {
        "static": chip(STANDARD, "torch"),
        "whole": chip(STANDARD, "native"),
        "dynamic": chip(PLAIN, "native"),
        "dynamic, torch tile": chip(PLAIN, "torch"),
        "whole dynamic": chip(DYNAMIC, "native"),
    }
    if slow:
        sides["C++ tile"] = chip(STANDARD, "cpp")
        sides["dynamic, C++ tile"] = chip(DYNAMIC, "cpp")
    times = interleave(sides, repeats)
    return {
        "batch": BATCH[name],
        "seconds": {k: seconds(v) for k, v in times.items()},
        "ratios": {k: ratios(times, *v) for k, v in PAIRS.items() if set(v) <= set(times)},
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--networks", default="resnet20,resnet44,vgg16")
    parser.add_argument("--without-cpp", action="store_true", help="leave out the C++ tile")
    options = parser.parse_args()
    heap = start(options.threads)
    result: dict[str, Any] = {"benchmark": "standard", "malloc_thresholds": heap, **machine()}
    result["networks"] = {
        name: measure(name, options.repeats, slow=not options.without_cpp)
        for name in options.networks.split(",")
    }
    result["ratios"] = {
        f"{name}: {pair}": value
        for name, found in result["networks"].items()
        for pair, value in found["ratios"].items()
    }
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

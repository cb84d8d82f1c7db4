"""Forward pass of a chip on native convolutions against aihwkit's tiles and the digital network.

    python benchmarks/forward.py --json

Each ratio is (their time) / (our time), round by round in one process; above 1 we are faster.
Weights are random with calibrated BatchNorm; times do not depend on their values.
"""

import copy
from typing import Any

import torch
from aihwkit.nn.conversion import convert_to_analog
from common import arguments, emit, interleave, machine, ratios, seconds, start
from torch import Tensor, nn

import analogsim
from analogsim.batchnorm.fold import fold_batchnorm
from analogsim.crossbar.periphery import IDEAL, STANDARD, Periphery
from analogsim.crossbar.rpu_config import build_rpu_config
from analogsim.inputs import parse_zoo

AIHWKIT_DEFAULT = Periphery(
    name="aihwkit default", dac_bits=7, adc_bits=9, output_noise=0.06, output_bound=12.0,
    input_scaling="dynamic",
)  # fmt: skip
BATCH = {"resnet20": 16, "resnet44": 16, "vgg16": 8}


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    net = parse_zoo(f"zoo:{name}").build().train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(32, 3, 32, 32))
    return net.eval()


def upstream(net: nn.Module, periphery: Periphery, ranges: Tensor | None = None) -> nn.Module:
    """The network converted by aihwkit itself, unprogrammed, torch tiles."""
    model = convert_to_analog(copy.deepcopy(net), build_rpu_config(periphery, "torch")).eval()
    if ranges is not None:
        for tile in model.analog_tiles():
            tile.input_range.data.fill_(float(ranges))
    return model


def measure(name: str, repeats: int) -> dict[str, Any]:
    net = network(name)
    x = torch.randn(BATCH[name], 3, 32, 32)
    folded = fold_batchnorm(net, x).module.to(memory_format=torch.channels_last)
    x_last = x.contiguous(memory_format=torch.channels_last)

    def chip(periphery: Periphery, forward: str = "auto") -> nn.Module:
        analog = analogsim.convert(net, "pcm", periphery, calibrate=x, forward=forward)
        return analogsim.program(analog).drift_(86400.0)

    sides: dict[str, tuple[nn.Module, Tensor]] = {
        "native ideal": (chip(IDEAL), x),
        "native ideal bf16": (chip(IDEAL, "native-bf16"), x),
        "native ideal compiled": (chip(IDEAL, "native-compiled"), x),
        "native static": (chip(STANDARD), x),
        "digital eager": (net, x),
        "digital folded channels_last": (folded, x_last),
        "aihwkit is_perfect": (upstream(net, IDEAL), x),
        "aihwkit default periphery": (upstream(net, AIHWKIT_DEFAULT), x),
        "aihwkit static ranges": (upstream(net, STANDARD, torch.tensor(3.0)), x),
    }

    def caller(module: nn.Module, inputs: Tensor) -> Any:
        def call() -> None:
            with torch.inference_mode():
                module(inputs)

        return call

    times = interleave({k: caller(*v) for k, v in sides.items()}, repeats)
    pairs = {
        "ideal vs aihwkit is_perfect": ("native ideal", "aihwkit is_perfect"),
        "ideal bf16 vs aihwkit is_perfect": ("native ideal bf16", "aihwkit is_perfect"),
        "ideal compiled vs aihwkit is_perfect": ("native ideal compiled", "aihwkit is_perfect"),
        "ideal compiled vs ideal": ("native ideal compiled", "native ideal"),
        "ideal vs aihwkit default periphery": ("native ideal", "aihwkit default periphery"),
        "static vs aihwkit static ranges": ("native static", "aihwkit static ranges"),
        "ideal vs digital folded channels_last": ("native ideal", "digital folded channels_last"),
        "ideal vs digital eager": ("native ideal", "digital eager"),
    }
    return {
        "batch": BATCH[name],
        "seconds": {k: seconds(v) for k, v in times.items()},
        "ratios": {k: ratios(times, *v) for k, v in pairs.items()},
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--networks", default="resnet20,resnet44,vgg16")
    options = parser.parse_args()
    heap = start(options.threads)
    result: dict[str, Any] = {"benchmark": "forward", "malloc_thresholds": heap, **machine()}
    result["networks"] = {n: measure(n, options.repeats) for n in options.networks.split(",")}
    result["ratios"] = {
        f"{name}: {pair}": value
        for name, found in result["networks"].items()
        for pair, value in found["ratios"].items()
    }
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

"""Forward pass of a chip on native convolutions against aihwkit's tiles and the digital network.

    python benchmarks/forward.py --json

Each ratio is (their time) / (our time), round by round in one process; above 1 we are faster.
aihwkit-lightning takes part where it is installed (`pip install --no-deps aihwkit-lightning`: it
asks for a torch that aihwkit's wheels may not know). It adds no output noise when it evaluates.
Weights are random with calibrated BatchNorm; times do not depend on their values.
"""

import copy
import dataclasses
import importlib.util
from typing import Any

import torch
from aihwkit.nn.conversion import convert_to_analog
from common import arguments, emit, interleave, machine, ratios, seconds, start
from torch import Tensor, nn

import analogsim
from analogsim.batchnorm.fold import fold_batchnorm
from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD, Periphery
from analogsim.inputs import parse_zoo

AIHWKIT_DEFAULT = Periphery(
    name="aihwkit default", dac_bits=7, adc_bits=9, output_noise=0.06, output_bound=12.0,
    input_scaling="dynamic",
)  # fmt: skip
BATCH = {"resnet20": 16, "resnet44": 16, "vgg16": 8}
MANY = 256


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


def lightning(net: nn.Module, periphery: Periphery) -> nn.Module | None:
    """The network converted by aihwkit-lightning, with static ranges; None where it is missing."""
    if importlib.util.find_spec("aihwkit_lightning") is None:
        return None
    from aihwkit_lightning.nn.conversion import convert_to_analog
    from aihwkit_lightning.simulator.configs import TorchInferenceRPUConfig

    config = TorchInferenceRPUConfig()
    config.forward.inp_res = 2**periphery.dac_bits - 2
    config.forward.out_res = 2**periphery.adc_bits - 2
    config.forward.out_bound = periphery.output_bound
    config.forward.out_noise = periphery.output_noise
    config.mapping.max_input_size = periphery.max_input_size
    config.pre_post.input_range.enable = True
    config.pre_post.input_range.init_value = 3.0
    config.pre_post.input_range.init_from_data = 0
    model: nn.Module = convert_to_analog(copy.deepcopy(net), config).eval()
    return model


def measure(name: str, repeats: int) -> dict[str, Any]:
    net = network(name)
    x = torch.randn(BATCH[name], 3, 32, 32)
    folded = fold_batchnorm(net, x).module.to(memory_format=torch.channels_last)
    x_last = x.contiguous(memory_format=torch.channels_last)

    def chip(periphery: Periphery, forward: str = "auto") -> nn.Module:
        analog = analogsim.convert(
            net, "pcm", periphery, tile="torch", calibrate=x, forward=forward
        )
        return analogsim.program(analog).drift_(86400.0)

    sides: dict[str, tuple[nn.Module, Tensor]] = {
        "native ideal": (chip(IDEAL), x),
        "native ideal bf16": (chip(IDEAL, "native-bf16"), x),
        "native ideal compiled": (chip(IDEAL, "native-compiled"), x),
        "native static": (chip(STANDARD), x),
        "native static, no noise": (chip(dataclasses.replace(STANDARD, output_noise=0.0)), x),
        "digital eager": (net, x),
        "digital folded channels_last": (folded, x_last),
        "aihwkit is_perfect": (upstream(net, IDEAL), x),
        "aihwkit default periphery": (upstream(net, AIHWKIT_DEFAULT), x),
        "aihwkit static ranges": (upstream(net, STANDARD, torch.tensor(3.0)), x),
    }
    other = lightning(net, STANDARD)
    if other is not None:
        sides["aihwkit-lightning static ranges"] = (other, x)

    def caller(module: nn.Module, inputs: Tensor) -> Any:
        def call() -> None:
            with torch.inference_mode():
                module(inputs)

        return call

    # A chip takes many images in pieces; its network, called directly, takes them at once. Chips of
    # their own: each packs its weights for one number of images.
    many = torch.randn(MANY, 3, 32, 32)
    at_once = many.contiguous(memory_format=torch.channels_last)
    for kind, periphery in (("ideal", IDEAL), ("static", STANDARD)):
        sides[f"{kind}, {MANY} in pieces"] = (chip(periphery), many)
        sides[f"{kind}, {MANY} at once"] = (chip(periphery).get_submodule("module"), at_once)
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
    for kind in ("ideal", "static"):
        pairs[f"{kind}, {MANY} in pieces vs at once"] = (
            f"{kind}, {MANY} in pieces",
            f"{kind}, {MANY} at once",
        )
    if other is not None:
        theirs = "aihwkit-lightning static ranges"
        pairs["static vs aihwkit-lightning static ranges"] = ("native static", theirs)
        pairs["static, no noise vs aihwkit-lightning"] = ("native static, no noise", theirs)
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

"""What a conversion costs, with and without the comparison that checks it.

    python benchmarks/convert.py --json

Each ratio is (seconds of `convert`) / (seconds of a digital forward pass), round by round in one
process, on the same images: those are the conversion's example too, so that a standard periphery's
input ranges are calibrated on them. Images and weights are random, with a seed each.
"""

from typing import Any

import torch
from common import arguments, emit, interleave, machine, ratios, seconds, start
from forward import network
from torch import Tensor, nn
from torchvision.models import vit_b_16

import analogsim

SHAPES = {"resnet44": (128, 3, 32, 32), "vit_b_16": (8, 3, 224, 224)}


def transformer() -> nn.Module:
    """torchvision's vit_b_16; its last layer, which starts at zero, would hide all before it."""
    torch.manual_seed(0)
    net = vit_b_16(weights=None)
    nn.init.normal_(net.heads.head.weight, std=0.02)
    return net.eval()


def digital(net: nn.Module, images: Tensor) -> None:
    with torch.inference_mode():
        net(images)


def measure(name: str, repeats: int) -> dict[str, Any]:
    net = transformer() if name == "vit_b_16" else network(name)
    images = torch.randn(SHAPES[name], generator=torch.Generator().manual_seed(0))

    def convert(periphery: str, verify: bool) -> analogsim.AnalogModel:
        return analogsim.convert(net, "pcm", periphery, calibrate=images, verify=verify)

    times = interleave(
        {
            "digital": lambda: digital(net, images),
            "ideal, verify=True": lambda: convert("ideal", True),
            "ideal, verify=False": lambda: convert("ideal", False),
            "standard, verify=True": lambda: convert("standard", True),
            "standard, verify=False": lambda: convert("standard", False),
        },
        repeats,
    )
    return {
        "images": len(images),
        "seconds": {k: seconds(v) for k, v in times.items()},
        "ratios": {k: ratios(times, "digital", k) for k in times if k != "digital"},
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--networks", default=",".join(SHAPES))
    options = parser.parse_args()
    heap = start(options.threads)
    result: dict[str, Any] = {"benchmark": "convert", "malloc_thresholds": heap, **machine()}
    result["networks"] = {n: measure(n, options.repeats) for n in options.networks.split(",")}
    result["ratios"] = {
        f"{name}: {pair}": value
        for name, found in result["networks"].items()
        for pair, value in found["ratios"].items()
    }
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

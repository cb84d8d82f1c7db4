"""Peak memory of evaluating a chip against evaluating the digital network.

    python benchmarks/memory.py --json

Each side is a process of its own: it builds the network (and converts and programs it), evaluates
two batches, and reports its peak resident memory, imports included. A chip keeps its own copy of
the digital network, and the network that it was made of is let go.
"""

import json
import resource
import subprocess
import sys
from typing import Any

import torch
from common import arguments, emit, machine
from torch import nn

from analogsim.inputs import parse_zoo

SIDES = (
    "digital",
    "native ideal",
    "native ideal bf16",
    "native static",
    "native ideal, philox",
    "native static, philox",
)


def digital(network: str) -> nn.Module:
    return parse_zoo(f"zoo:{network}").build().eval()


def chip(network: str, side: str) -> nn.Module:
    import analogsim  # the digital side is measured without it and what it brings

    analog = analogsim.convert(
        digital(network),
        "pcm",
        "standard" if "static" in side else "ideal",
        calibrate=torch.randn(16, 3, 32, 32),
        forward="native-bf16" if side.endswith("bf16") else "auto",
        stream="philox" if side.endswith("philox") else "aihwkit",
    )
    return analogsim.program(analog).drift_(86400.0)


def side(which: str, network: str, batch: int, threads: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    # The chip takes the network's place, as in a worker of the command line.
    module = digital(network) if which == "digital" else chip(network, which)
    with torch.inference_mode():
        for _ in range(2):
            module(torch.randn(batch, 3, 32, 32))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"peak_mb": peak / 1024}))


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--network", default="vgg16")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--side", choices=SIDES, help="measure one side in this process")
    options = parser.parse_args()
    if options.side:
        side(options.side, options.network, options.batch, options.threads)
        return
    result: dict[str, Any] = {"benchmark": "memory", **machine()}
    result |= {"network": options.network, "batch": options.batch}
    peaks = {}
    for which in SIDES:
        call = [sys.executable, __file__, "--side", which, "--network", options.network]
        call += ["--batch", str(options.batch), "--threads", str(options.threads)]
        done = subprocess.run(call, check=True, capture_output=True, text=True)
        peaks[which] = json.loads(done.stdout)["peak_mb"]
    result["peak_mb"] = peaks
    result["over_digital"] = {k: round(v / peaks["digital"], 3) for k, v in peaks.items()}
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

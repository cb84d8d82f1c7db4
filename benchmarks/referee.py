"""aihwkit's own tiles judge weights: programmed, drifted and compensated by aihwkit alone.

    python benchmarks/referee.py --model 'zoo:resnet20?norm=batch' --data cifar10 \
        --weights direct=W.safetensors --weights hardened=out/h1/weights.safetensors --json

Nothing of analogsim's chips takes part: `convert_to_analog`, `program_analog_weights` and
`drift_analog_weights` with aihwkit's PCM model and its global drift compensation, an ideal
periphery. Chip k has the same torch seed for all weights, so that differences are paired.
"""

import copy
import statistics
from typing import Any

import torch
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from aihwkit.nn.conversion import convert_to_analog
from common import arguments, emit, machine
from torch import Tensor, nn

from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.mapping.periphery import IDEAL
from analogsim.durations import parse_duration
from analogsim.inputs.batching import batches
from analogsim.inputs.data import load_data
from analogsim.inputs.models import load_model

BATCH = 250


@torch.no_grad()
def accuracy(network: nn.Module, images: list[tuple[Tensor, Tensor]]) -> float:
    """Share of the images whose largest output is that of their label."""
    right = sum(int((network(x).argmax(1) == labels).sum()) for x, labels in images)
    return right / sum(len(labels) for _, labels in images)


def judged(
    network: nn.Module, images: list[tuple[Tensor, Tensor]], times_s: list[float], chips: int
) -> dict[str, Any]:
    """Accuracy in digital, and of each chip at each time."""
    config = build_rpu_config(IDEAL, "torch")
    config.noise_model = PCMLikeNoiseModel(g_max=25.0)
    analog = convert_to_analog(copy.deepcopy(network), config).eval()
    found: dict[str, list[float]] = {str(t_s): [] for t_s in times_s}
    for chip in range(chips):
        torch.manual_seed(chip)
        analog.program_analog_weights()
        for t_s in times_s:
            analog.drift_analog_weights(t_s)
            found[str(t_s)].append(accuracy(analog, images))
    return {
        "digital": accuracy(network, images),
        "chips": found,
        "mean": {t_s: statistics.fmean(values) for t_s, values in found.items()},
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--weights", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--times", default="1s,1d,1y")
    parser.add_argument("--chips", type=int, default=6)
    parser.add_argument("--limit", type=int, default=2000)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    data = load_data(given.data)
    images = list(batches(data, BATCH, given.limit))
    times_s = [parse_duration(text, where="--times") for text in given.times.split(",")]
    results = {
        name: judged(load_model(given.model, weights=file).module, images, times_s, given.chips)
        for name, _, file in (one.partition("=") for one in given.weights)
    }
    emit(
        {**machine(), "images": given.limit, "model": given.model, "results": results},
        as_json=given.json,
    )


if __name__ == "__main__":
    main()

"""Do `native` and `tile` give the same answer on a shipped CIFAR network?

    python benchmarks/agreement.py --json

The same chips (same seeds, so the same weights) are evaluated both ways on the same images, over
time. Without noise in the products the predictions agree image by image, but for ties; with output
noise the two draw it in another order, and the accuracies agree within their interval. Differences
are native minus tile, chip by chip, in points, with a 95 % interval over chips (t).
"""

from pathlib import Path
from typing import Any, Literal

import torch
from common import arguments, emit, machine
from torch import Tensor, nn

import analogsim
from analogsim.crossbar.chip.chip import Chip
from analogsim.draws.addresses import seeded
from analogsim.experiment.statistics.interval import interval
from analogsim.inputs import batches, load_data, load_model

ROOT = Path(__file__).parents[1]
DAY_S, YEAR_S = 86_400.0, 31_536_000.0
# RRAM was measured up to two days, and its law refuses later times.
TIMES = {"pcm": (1.0, DAY_S, YEAR_S), "rram": (1.0, DAY_S, 2 * DAY_S)}
BATCH = 100
FORWARDS: tuple[Literal["native", "tile"], ...] = ("native", "tile")


def outputs(chip: Chip, images: Tensor) -> Tensor:
    """Logits of all images; product noise comes from the chip's address."""
    with torch.inference_mode(), seeded(chip.seed, "forward", chip.chip, chip.t_s or 0.0):
        return torch.cat([chip(some) for some in images.split(BATCH)])


def compare(
    net: nn.Module, preset: str, periphery: str, images: Tensor, labels: Tensor, n_chips: int
) -> list[dict[str, Any]]:
    pair = {
        f: analogsim.convert(
            net, preset, periphery, tile="torch", calibrate=images[:BATCH], forward=f
        )
        for f in FORWARDS
    }
    rows = []
    chips = [{f: analogsim.program(pair[f], chip=n) for f in FORWARDS} for n in range(n_chips)]
    for t_s in TIMES[preset]:
        right: dict[str, list[float]] = {f: [] for f in FORWARDS}
        same, error = [], []
        for one in chips:
            found = {f: outputs(chip.drift_(t_s), images) for f, chip in one.items()}
            for f, logits in found.items():
                right[f].append(float((logits.argmax(1) == labels).float().mean()))
            equal = found["native"].argmax(1) == found["tile"].argmax(1)
            same.append(float(equal.float().mean()))
            error.append(float((found["native"] - found["tile"]).norm() / found["tile"].norm()))
        gap = interval([100 * (a - b) for a, b in zip(right["native"], right["tile"], strict=True)])
        rows.append(
            {
                "preset": preset,
                "periphery": periphery,
                "t_s": t_s,
                "native_percent": [round(100 * x, 3) for x in right["native"]],
                "tile_percent": [round(100 * x, 3) for x in right["tile"]],
                "difference_points": [gap.mean, gap.low, gap.high],
                "same_prediction": sum(same) / len(same),
                "relative_error_of_logits": sum(error) / len(error),
            }
        )
    return rows


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default="zoo:resnet20?norm=batch")
    parser.add_argument(
        "--weights",
        type=Path,
        default=ROOT / "experiments/checkpoints/resnet20_cifar10_batch_s0.safetensors",
    )
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--chips", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net = load_model(options.model, weights=options.weights).module
    data = load_data("cifar10")
    pieces = list(batches(data, BATCH, options.images))
    images, labels = (torch.cat([piece[at] for piece in pieces]) for at in (0, 1))
    result: dict[str, Any] = {"benchmark": "agreement", **machine(), "model": options.model}
    result |= {"images": len(images), "chips": options.chips}
    result["rows"] = [
        row
        for periphery in ("ideal", "standard")
        for preset in TIMES
        for row in compare(net, preset, periphery, images, labels, options.chips)
    ]
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

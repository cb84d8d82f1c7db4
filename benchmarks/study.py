"""A whole drift study: `analogsim drift --precision` against aihwkit's own modules.

    ANALOGSIM_DATA=DIR python benchmarks/study.py --json

Five times (1 min, 1 h, 1 day, 1 month, 1 year), PCM, global compensation, CIFAR-10. Ours is the
whole command in a process of its own: start, imports, conversion, the digital network, pilot,
trials, statistics and report. Theirs is aihwkit's own torch tiles, each chip on the whole test set.

A study on their side takes hours, so it is extrapolated from pieces that are timed in turn with
ours: `chips * (program + times * (drift + test set * image))`. Start, imports, conversion, the
digital network and the statistics are left out on their side. The number of chips is that of the
half-width, `max(2, (1.96 sd / half-width)^2)` rounded up, where `sd` is the standard deviation
between chips on the whole test set at the last time, measured here on `--spread-chips` chips (ours,
which have the same weights bit for bit), or given as `--sd`. With Student's t, as our own intervals
have it, they would need more: `chips_by_t`.

Ours runs one worker a core, theirs one process with `--threads` threads. `processor` compares
processor times, for which it does not matter how the cores are used.
"""

import copy
import json
import math
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from aihwkit.nn.conversion import convert_to_analog
from common import arguments, emit, machine, ratios, start
from forward import AIHWKIT_DEFAULT
from torch import Tensor, nn

from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.mapping.periphery import IDEAL, Periphery
from analogsim.experiment.statistics.components import Components
from analogsim.experiment.statistics.design import required_chips
from analogsim.inputs import batches, load_data, load_model

TIMES = {"1min": 60.0, "1h": 3600.0, "1d": 86400.0, "30d": 2592000.0, "1y": 31536000.0}
TEST_SET = 10_000
CHECKPOINTS = Path(__file__).parents[1] / "experiments/checkpoints"
WEIGHTS = CHECKPOINTS / "resnet44_cifar10_batch_s0.safetensors"

Piece = dict[str, float]
"""Seconds and processor seconds of each step."""


def command(options: Any, folder: Path, *asked: str) -> list[str]:
    return [
        sys.executable, "-c", "from analogsim.cli.main import main; main()",
        "drift", options.model, "--weights", str(options.weights), "--data", "cifar10",
        "--periphery", options.periphery, "--forward", options.forward,
        "--seed", str(options.seed), "--json", "-o", str(folder), *asked,
    ]  # fmt: skip


def ours(options: Any, *asked: str) -> dict[str, Any]:
    """The whole command, once: what it took and what it found."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = perf_counter()
        # Its messages go to stderr, as those of any command.
        done = subprocess.run(
            command(options, Path(folder) / "run", *asked), stdout=subprocess.PIPE, check=True
        )
        wall_s = perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall_s, "processor_s": processor_s, "summary": json.loads(done.stdout)}


def upstream(net: nn.Module, periphery: Periphery) -> nn.Module:
    """The network converted by aihwkit itself: torch tiles, PCM, global drift compensation."""
    config = build_rpu_config(periphery, "torch")
    config.noise_model = PCMLikeNoiseModel()
    return convert_to_analog(copy.deepcopy(net), config).eval()


def piece(model: Any, images: list[tuple[Tensor, Tensor]]) -> Piece:
    """One programming, one drift and a few images with aihwkit's own calls."""
    found: Piece = {}

    def timed(what: str, call: Callable[[], object]) -> None:
        wall, processor = perf_counter(), process_time()
        call()
        found[what], found[f"{what}, processor"] = perf_counter() - wall, process_time() - processor

    def evaluate() -> None:
        right = sum(int((model(x).argmax(1) == y).sum()) for x, y in images)
        found["accuracy"] = right / sum(len(y) for _, y in images)

    with torch.inference_mode():
        timed("program", model.program_analog_weights)
        timed("drift", lambda: model.drift_analog_weights(TIMES["1d"]))
        timed("images", evaluate)
    return found


def study_s(found: Piece, images: int, chips: int, kind: str = "") -> float:
    """Their whole study from the seconds of one piece."""
    image = found[f"images{kind}"] / images
    one_time = found[f"drift{kind}"] + TEST_SET * image
    return chips * (found[f"program{kind}"] + len(TIMES) * one_time)


def needed(options: Any) -> dict[str, float]:
    """How many chips their design takes, by the spread between chips."""
    found: dict[str, float] = {}
    sd = options.sd
    if sd is None:
        run = ours(options, "--times", list(TIMES)[-1], "--chips", str(options.spread_chips))
        (row,) = run["summary"]["rows"]
        sd = row["std_chips"]
        found = {"measured_on_chips": row["n_chips"], "sd_low": row["std_ci95"][0],
                 "sd_high": row["std_ci95"][1]}  # fmt: skip
    spread = Components(chip=sd**2, image=0.0, interaction=0.0)
    return {
        "sd": sd,
        **found,
        "chips": max(2, math.ceil((1.96 * sd / options.half_width) ** 2)),
        "chips_by_t": required_chips(spread, TEST_SET, TEST_SET, options.half_width),
    }


def compared(
    runs: list[dict[str, Any]], pieces: list[Piece], images: int, chips: int
) -> dict[str, Any]:
    sides = {"wall_s": "", "processor_s": ", processor"}
    theirs = {
        side: [study_s(found, images, chips, kind) for found in pieces]
        for side, kind in sides.items()
    }
    return {
        "extrapolated": True,
        "pieces_s": {what: median(p[what] for p in pieces) for what in pieces[0]},
        "images_timed": images,
        "chips": chips,
        "study_s": {side: median(values) for side, values in theirs.items()},
        "sooner": {
            side: ratios({"ours": [run[side] for run in runs], "theirs": values}, "ours", "theirs")
            for side, values in theirs.items()
        },
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default="zoo:resnet44?norm=batch")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--half-width", type=float, default=0.005)
    parser.add_argument("--periphery", default="ideal", help="of ours")
    parser.add_argument("--forward", default="native", help="of ours")
    parser.add_argument("--images", type=int, default=64, help="that a piece of theirs sees")
    parser.add_argument("--batch", type=int, default=16, help="images in a batch of theirs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spread-chips", type=int, default=12, help="for the spread of chips")
    parser.add_argument("--sd", type=float, help="spread of chips, if it is known")
    parser.set_defaults(repeats=3)
    options = parser.parse_args()
    heap = start(options.threads)
    net = load_model(options.model, weights=options.weights).module
    data = load_data("cifar10")
    images = list(batches(data, options.batch, options.images))
    theirs = {
        "is_perfect, the periphery of ours": upstream(net, IDEAL),
        "aihwkit's default periphery": upstream(net, AIHWKIT_DEFAULT),
    }
    chips = needed(options)
    for model in theirs.values():
        piece(model, images)
    study = ("--times", ",".join(TIMES), "--precision", str(options.half_width))
    runs: list[dict[str, Any]] = []
    pieces: dict[str, list[Piece]] = {name: [] for name in theirs}
    for _ in range(options.repeats):
        runs.append(ours(options, *study))
        for name, model in theirs.items():
            pieces[name].append(piece(model, images))
    rows = runs[0]["summary"]["rows"]
    against = {
        name: compared(runs, found, options.images, int(chips["chips"]))
        for name, found in pieces.items()
    }
    result: dict[str, Any] = {
        "benchmark": "study",
        "malloc_thresholds": heap,
        **machine(),
        "model": options.model,
        "half_width": options.half_width,
        "periphery": options.periphery,
        "forward": options.forward,
        "ours": {
            side: {"median": median(run[side] for run in runs), "all": [run[side] for run in runs]}
            for side in ("wall_s", "processor_s")
        },
        "reached": [
            {"t_s": row["t_s"], "mean": row["mean"], "n_chips": row["n_chips"],
             "evaluations": row["n_evaluations"],
             "half_width": (row["ci95"][1] - row["ci95"][0]) / 2}
            for row in rows
        ],
        "digital_accuracy": runs[0]["summary"]["digital_accuracy"],
        "their_design": chips,
        "theirs": against,
        "batch": options.batch,
    }  # fmt: skip
    result["ratios"] = {
        f"{name}, {side}": value
        for name, found in against.items()
        for side, value in found["sooner"].items()
    }
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

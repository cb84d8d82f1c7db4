"""Image evaluations until the 95 % interval has a given half-width: whole test set or dealt out.

Two parts. `simulation`: chips and images with a known truth at several spreads of chips; it also
gives the coverage of the intervals. `network`: the shipped digits network, by resampling; with
`--checkpoint`, ResNet20 on CIFAR-10 (needs the data).

The plain design's count is (1.96 sd / half-width)^2 chips, 2 at least, on the whole set. The
adaptive one counts everything: the pilot, and the chips at their cost in images.
"""

import dataclasses
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import arguments, emit, machine
from scipy.special import ndtr

from analogsim.crossbar.convert import AnalogModel, convert
from analogsim.experiment.drive import run_study
from analogsim.experiment.local import Local
from analogsim.experiment.plan_file import read_plan
from analogsim.experiment.records import read_records
from analogsim.experiment.statistics.components import Answers, components, tabulate
from analogsim.experiment.statistics.crossed import crossed
from analogsim.experiment.statistics.design import MIN_CHIPS, best_plan, next_chips
from analogsim.experiment.study import Chips, Design, Precision, Study
from analogsim.inputs import Data, batches, load_data, load_model
from analogsim.report.summary import read_run
from device_models.registry import parse

HALF_WIDTH = 0.005
TOTAL = 10_000
PILOT_CHIPS, PILOT_IMAGES = 8, 128


def simulate(quality: float, cost: float, runs: int) -> dict[str, Any]:
    """Adaptive runs on simulated chips whose quality has this standard deviation."""
    spent, held = [], []
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        margin = rng.normal(1.9, 1.6, TOTAL)
        digital = (margin > 0) * 1.0

        def chip(images: Any, rng: Any = rng, margin: Any = margin) -> Answers:
            latent = quality * rng.normal() - 0.2 + 0.35 * rng.normal(size=len(images))
            return Answers(images=images, values=(margin[images] + latent > 0) * 1.0)

        shared = rng.permutation(TOTAL)[:PILOT_IMAGES]
        pilot = [chip(shared) for _ in range(PILOT_CHIPS)]
        known = components([tabulate(pilot, TOTAL, digital)], TOTAL)
        plan = best_plan([known], TOTAL, half_width=HALF_WIDTH, cost_ratio=cost)
        chips: list[Answers] = []
        wanted = max(MIN_CHIPS, math.ceil(0.8 * plan.chips))
        while True:
            while len(chips) < wanted:
                turn = len(chips) % plan.hands
                if turn == 0:
                    order = rng.permutation(TOTAL)
                cut = slice(turn * TOTAL // plan.hands, (turn + 1) * TOTAL // plan.hands)
                chips.append(chip(order[cut]))
            found = crossed(chips, TOTAL, pilot=pilot, digital=digital)
            assert found.half_width is not None
            wanted = next_chips(len(chips), [found.half_width], HALF_WIDTH)
            if wanted == len(chips):
                break
        truth = float(ndtr((margin - 0.2) / np.hypot(quality, 0.35)).mean())
        held.append(abs(found.mean - truth) <= found.half_width)
        images = sum(len(one.images) for one in (*chips, *pilot))
        spent.append((images, images + cost * (len(chips) + PILOT_CHIPS)))
    rng = np.random.default_rng(10**6)
    margin = rng.normal(1.9, 1.6, TOTAL)
    accuracies = [
        float(((margin + quality * rng.normal() - 0.2 + 0.35 * rng.normal(size=TOTAL)) > 0).mean())
        for _ in range(400)
    ]
    sd = float(np.std(accuracies, ddof=1))
    plain = max(2.0, (1.96 * sd / HALF_WIDTH) ** 2)
    images, costs = np.mean(spent, axis=0)
    return {
        "sd_chips": round(sd, 5),
        "cost_ratio": cost,
        "plain_images": round(plain * TOTAL),
        "adaptive_images": round(float(images)),
        "fewer_images": round(plain * TOTAL / float(images), 2),
        "less_cost": round(plain * (TOTAL + cost) / float(costs), 2),
        "coverage": round(float(np.mean(held)), 4),
        "runs": runs,
    }


def on_network(analog: AnalogModel, data: Data, name: str, half_width: float) -> dict[str, Any]:
    """One adaptive study, and the plain one's cost from its chips' spread."""
    found: dict[str, Any] = {"network": name, "half_width": half_width, "rows": []}
    designs: tuple[Design, ...] = (Precision(half_width=half_width), Chips(chips=10))
    with tempfile.TemporaryDirectory() as folder:
        for number, design in enumerate(designs):
            study = Study(
                question="", command="", model=name, data=data.name, normalisation="",
                devices=(parse("pcm"),), times_s=(1.0, 86400.0, 31536000.0),
                compensations=("global",), design=design, seed=0, batch_size=250,
            )  # fmt: skip
            out = Path(folder) / str(number)
            run_study(
                study, {"digital": analog}, data, out, Local(), lambda done, total, what: None
            )
        plan = read_plan(Path(folder) / "0")
        assert plan is not None
        found["plan"] = dataclasses.asdict(plan)
        for part in ("0", "1"):
            seconds = sum(trial.wall_s for trial in read_records(Path(folder) / part))
            found["adaptive_s" if part == "0" else "ten_whole_chips_s"] = round(seconds, 2)
        adaptive, whole = (read_run(Path(folder) / part).rows for part in ("0", "1"))
    total = whole[0].n_images
    # All rows share their chips: the widest one decides.
    plain = max(max(2.0, (1.96 * (row.std_chips or 0) / half_width) ** 2) for row in whole)
    found["plain_images_a_row"] = round(plain * total)
    found["adaptive_images_a_row"] = adaptive[0].n_evaluations
    found["fewer_images"] = round(plain * total / adaptive[0].n_evaluations, 2)
    found["plain_s"] = round(plain * found["ten_whole_chips_s"] / 10, 2)
    found["sooner"] = round(found["plain_s"] / found["adaptive_s"], 2)
    for a, w in zip(adaptive, whole, strict=True):
        found["rows"].append(
            {"t_s": a.t_s, "adaptive": a.mean, "ci95": a.ci95, "whole": w.mean,
             "whole_ci95": w.ci95, "sd_chips_whole": w.std_chips,
             "components_adaptive": a.components}
        )  # fmt: skip
    return found


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--runs", type=int, default=300, help="simulated runs a case")
    parser.add_argument("--checkpoint", type=Path, help="weights of a ResNet20 for CIFAR-10")
    parser.add_argument("--half-width", type=float, default=HALF_WIDTH, help="on the network")
    options = parser.parse_args()
    cases = [(q, cost) for q in (0.034, 0.072, 0.29) for cost in (5.0, 100.0)]
    result = {"benchmark": "precision", "half_width": HALF_WIDTH, "test_set": TOTAL,
              "simulation": [simulate(q, cost, options.runs) for q, cost in cases]}  # fmt: skip
    name = "zoo:resnet20" if options.checkpoint else "zoo:digits_cnn"
    source = "cifar10" if options.checkpoint else "digits"
    network = load_model(name, weights=options.checkpoint).module
    images, _ = next(batches(load_data(source, split="train"), 512))
    analog = convert(network, preset="pcm", calibrate=images)
    result["network"] = on_network(analog, load_data(source), name, options.half_width)
    emit({**result, **machine()}, as_json=options.json)


if __name__ == "__main__":
    main()

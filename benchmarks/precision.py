"""Image evaluations until the 95 % interval has a given half-width: whole test set or dealt out.

    ANALOGSIM_DATA=DIR python benchmarks/precision.py --json --networks digits_cnn,resnet20_batch

Two parts. `simulation`: chips and images with a known truth at several spreads of chips; it also
gives the coverage of the intervals. `networks`: shipped networks, by running them. The adaptive
design is run as it is. The plain one would take hours on CIFAR-10: a few chips see a part of the
images, and the components of variance of their answers say how much chips would differ on the whole
set (`sd`, with the 95 % bounds that so few chips allow).

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
from scipy.stats import chi2

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.durations import parse_times
from analogsim.experiment.deal import all_images
from analogsim.experiment.drive import run_study
from analogsim.experiment.local import Local
from analogsim.experiment.plan_file import read_plan
from analogsim.experiment.records import Trial, read_records
from analogsim.experiment.score import select
from analogsim.experiment.statistics.components import Answers, components, tabulate
from analogsim.experiment.statistics.crossed import crossed
from analogsim.experiment.statistics.design import MIN_CHIPS, best_plan, next_chips
from analogsim.experiment.statistics.rows import answers
from analogsim.experiment.study import Chips, Design, Precision, Study
from analogsim.inputs import Data, batches, load_data, load_model, n_images
from analogsim.report.summary import read_run
from device_models.registry import parse

HALF_WIDTH = 0.005
TOTAL = 10_000
PILOT_CHIPS, PILOT_IMAGES = 8, 128
TIMES_S = (1.0, 86400.0, 31536000.0)
CHECKPOINTS = Path(__file__).parents[1] / "experiments/checkpoints"


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A network, its images, and how long a part of the plain design is run."""

    name: str
    analog: AnalogModel
    data: Data
    times_s: tuple[float, ...]
    chips: int
    images: int
    compensation: Compensation = "global"


def case(name: str, options: Any) -> Case:
    if name == "digits_cnn":
        network = load_model(f"zoo:{name}").module
        images, _ = next(batches(load_data("digits", split="train"), 512))
        analog = convert(network, preset="pcm", calibrate=images)
        return Case(name=name, analog=analog, data=load_data("digits"), times_s=TIMES_S,
                    chips=10, images=360)  # fmt: skip
    zoo, _, norm = name.partition("_")
    weights = CHECKPOINTS / f"{zoo}_cifar10_{norm}_s0.safetensors"
    network = load_model(f"zoo:{zoo}?norm={norm}", weights=weights).module
    data = load_data("cifar10")
    # Converters would cost twice the time; what they add is the same for both designs.
    analog = convert(network, preset="pcm", periphery="ideal", forward="native")
    times_s = parse_times(options.times)
    return Case(name=name, analog=analog, data=data, times_s=times_s, chips=options.chips,
                images=options.images, compensation=options.compensation)  # fmt: skip


def run(one: Case, data: Data, design: Design, out: Path, seed: int = 0) -> list[Trial]:
    study = Study(
        question="", command="", model=one.name, data=data.name, normalisation="",
        devices=(parse("pcm"),), times_s=one.times_s, compensations=(one.compensation,),
        design=design, seed=seed, batch_size=250,
    )  # fmt: skip
    run_study(study, {"digital": one.analog}, data, out, Local(), lambda done, total, what: None)
    return list(read_records(out))


def spread(trials: list[Trial], images: int, total: int) -> dict[str, float]:
    """How chips would differ on a whole set of `total`, from their answers to `images`."""
    found = answers(trials)
    assert found is not None
    table = tabulate(found, images)
    known = components([table], images)
    free = len(found) - 1
    # On the whole set the interaction averages further out.
    less = known.interaction * (1 / images - 1 / total)
    low, high = (table.between * free / chi2.ppf(q, free) for q in (0.975, 0.025))
    return {
        "sd": math.sqrt(known.chip + known.interaction / total),
        "sd_low": math.sqrt(max(low - less, 0.0)),
        "sd_high": math.sqrt(max(high - less, 0.0)),
        "interaction": known.interaction,
        "image": known.image,
    }


def on_network(one: Case, half_width: float, seeds: int) -> dict[str, Any]:
    """Adaptive studies under several seeds, and the plain one's cost from its chips' spread."""
    total, seen = n_images(one.data), min(one.images, n_images(one.data))
    part = select(one.data, {**all_images(total), "count": seen})
    with tempfile.TemporaryDirectory() as folder:
        design = Precision(half_width=half_width)
        adaptive_trials = run(one, one.data, design, Path(folder) / "a")
        plan = read_plan(Path(folder) / "a")
        adaptive = read_run(Path(folder) / "a").rows
        taken_by_seed = [adaptive[0].n_evaluations]
        for seed in range(1, seeds):
            run(one, one.data, design, Path(folder) / f"a{seed}", seed)
            taken_by_seed.append(read_run(Path(folder) / f"a{seed}").rows[0].n_evaluations)
        plain_trials = run(one, part, Chips(chips=one.chips), Path(folder) / "p")
    assert plan is not None
    rows = []
    for row in adaptive:
        mine = [trial for trial in plain_trials if trial.t_s == row.t_s]
        assert row.ci95 is not None
        rows.append(
            {"t_s": row.t_s, "mean": row.mean, "half_width": (row.ci95[1] - row.ci95[0]) / 2,
             "chips": row.n_chips, "evaluations": row.n_evaluations,
             "plain": spread(mine, seen, total)}
        )  # fmt: skip

    def plain_images(which: str) -> float:
        # All rows share their chips: the widest one decides.
        sd = max(row["plain"][which] for row in rows)
        return max(2.0, (1.96 * sd / half_width) ** 2) * total

    taken = float(np.mean(taken_by_seed))
    image_s = sum(t.wall_s - t.chip_s for t in plain_trials) / sum(t.n_images for t in plain_trials)
    return {
        "network": one.name,
        "compensation": one.compensation,
        "half_width": half_width,
        "plan": dataclasses.asdict(plan),
        "plain_rests_on": {"chips": one.chips, "images": seen},
        "rows": rows,
        "plain_images_a_row": round(plain_images("sd")),
        "adaptive_images_a_row": round(taken),
        "adaptive_images_by_seed": taken_by_seed,
        "fewer_images": round(plain_images("sd") / taken, 2),
        "fewer_images_95": [
            round(plain_images(which) / taken, 2) for which in ("sd_low", "sd_high")
        ],
        "adaptive_s": round(sum(t.wall_s for t in adaptive_trials), 2),
        "plain_s_extrapolated": round(plain_images("sd") * len(rows) * image_s, 2),
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--runs", type=int, default=300, help="simulated runs a case")
    parser.add_argument("--networks", default="digits_cnn", help="also resnet20_batch, ...")
    parser.add_argument("--chips", type=int, default=12, help="of the plain design, on CIFAR-10")
    parser.add_argument("--images", type=int, default=2000, help="that each of them sees")
    parser.add_argument("--times", default="1s,1y", help="on CIFAR-10")
    parser.add_argument("--compensation", default="global", help="of drift, on CIFAR-10")
    parser.add_argument("--seeds", type=int, default=1, help="of the adaptive design, on networks")
    parser.add_argument("--half-width", type=float, default=HALF_WIDTH, help="on the network")
    options = parser.parse_args()
    cases = [(q, cost) for q in (0.034, 0.072, 0.29) for cost in (5.0, 100.0)]
    result = {"benchmark": "precision", "half_width": HALF_WIDTH, "test_set": TOTAL,
              "simulation": [simulate(q, cost, options.runs) for q, cost in cases]}  # fmt: skip
    names = options.networks.split(",")
    result["networks"] = [
        on_network(case(name, options), options.half_width, options.seeds) for name in names
    ]
    emit({**result, **machine()}, as_json=options.json)


if __name__ == "__main__":
    main()

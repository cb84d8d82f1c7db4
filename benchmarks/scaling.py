"""Workers against threads on this machine, what each way costs a trial, and 10^5 chips on paper.

For each network, one study with as many chips is run with one worker (one thread), with two
workers (one thread each), and in one process with two threads. With `--ray`, also on a Ray cluster
that is started here with two cores. Start-up (imports, conversion) is left out on all sides; that
of the workers is in.
"""

import logging
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from common import arguments, emit, interleave, machine, ratios, seconds
from torch import Tensor
from torch.utils.data import TensorDataset

from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.experiment.drive import run_study
from analogsim.experiment.local import Local
from analogsim.experiment.place import Place
from analogsim.experiment.records import read_records
from analogsim.experiment.study import Chips, Study
from analogsim.inputs import Data, load_model
from device_models.registry import parse

# (network, input, images, chips): about a second each on one core, and the long one ten: there the
# start of the workers, the digital network and the last worker's end weigh little.
CASES = {
    "digits_cnn": ("digits_cnn", (1, 8, 8), 360, 30),
    "digits_cnn_long": ("digits_cnn", (1, 8, 8), 360, 400),
    "resnet20": ("resnet20", (3, 32, 32), 64, 4),
}


class Threads(Local):
    """One process with so many threads."""

    def __init__(self, threads: int) -> None:
        super().__init__(1)
        self.threads = threads

    def run(self, *args: Any) -> Any:
        torch.set_num_threads(self.threads)
        yield from super().run(*args)


def made_up(shape: tuple[int, ...], images: int) -> Data:
    generator = torch.Generator().manual_seed(0)
    x: Tensor = torch.randn(images, *shape, generator=generator)
    labels = torch.arange(images) % 10
    return Data(name="made up", dataset=TensorDataset(x, labels), n_classes=10, input_shape=shape,
                normalisation="none", note="normal numbers")  # fmt: skip


def runner(
    name: str, analog: AnalogModel, data: Data, chips: int, place: Place
) -> Callable[[], float]:
    study = Study(
        question="", command="", model=name, data="made up", normalisation="",
        devices=(parse("pcm"),), times_s=(1.0, 86400.0), compensations=("global",),
        design=Chips(chips=chips), seed=0, batch_size=250,
    )  # fmt: skip

    def call() -> float:
        """Seconds inside the trials."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            run_study(study, {"digital": analog}, data, out, place, lambda done, total, what: None)
            return sum(trial.wall_s for trial in read_records(out))

    return call


def measure(case: str, repeats: int, ray: Place | None) -> dict[str, Any]:
    name, shape, images, chips = CASES[case]
    data = made_up(shape, images)
    analog = convert(load_model(f"zoo:{name}").module, calibrate=data.dataset[:64][0])
    places: dict[str, Place] = {"one worker": Threads(1), "two workers": Local(2)}
    if (os.cpu_count() or 1) > 1:
        places["two threads"] = Threads(2)
    if ray is not None:
        places["ray"] = ray
    sides = {p: runner(name, analog, data, chips, place) for p, place in places.items()}
    torch.set_num_threads(2)
    times = interleave(sides, repeats)
    trials = 2 * chips
    inside = sides["one worker"]()
    start = perf_counter()
    again = sides["one worker"]()
    overhead_s = (perf_counter() - start - again) / trials
    found: dict[str, Any] = {
        "trials": trials,
        "trial_s": inside / trials,
        "overhead_s_a_trial": {"one worker": overhead_s},
        "seconds": {side: seconds(values) for side, values in times.items()},
        "two_workers_over_one": ratios(times, "two workers", "one worker"),
    }
    if "two threads" in times:
        found["two_workers_over_two_threads"] = ratios(times, "two workers", "two threads")
    if ray is not None:
        found["ray_over_one"] = ratios(times, "ray", "one worker")
        found["ray_over_two_workers"] = ratios(times, "ray", "two workers")
        best = min(times["ray"]) - min(times["two workers"])
        found["overhead_s_a_trial"]["ray beyond two workers"] = best * 2 / trials
    # A lower bound: what the disk and the driver take, at this network's time a trial.
    found["chips_1e5_hours"] = {
        "2 cores": 1e5 * 2 * (inside / trials + overhead_s) / 2 / 3600,
        "1000 cores": 1e5 * 2 * max((inside / trials) / 1000, overhead_s) / 3600,
    }
    return found


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--networks", default=",".join(CASES), help=f"of {', '.join(CASES)}")
    parser.add_argument("--ray", action="store_true", help="also on a Ray cluster started here")
    options = parser.parse_args()
    place: Place | None = None
    if options.ray:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Given here, because Ray would otherwise write one into the home folder.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        import ray

        from analogsim.experiment.on_ray import OnRay

        ray.init(num_cpus=2, object_store_memory=10**8, include_dashboard=False,
                 log_to_driver=False, logging_level=logging.ERROR)  # fmt: skip
        place = OnRay()
    result: dict[str, Any] = {"benchmark": "scaling", **machine()}
    result["networks"] = {
        name: measure(name, options.repeats, place) for name in options.networks.split(",")
    }
    result["ratios"] = {
        f"{name}: {key}": found[key]
        for name, found in result["networks"].items()
        for key in found
        if "_over_" in key
    }
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

"""A small study on the shipped network, for tests of how a study is run."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from analogsim.crossbar.conversion.convert import AnalogModel, convert
from analogsim.experiment.deal import all_images
from analogsim.experiment.drive import run_study
from analogsim.experiment.job import Job, Task, work
from analogsim.experiment.local import Local
from analogsim.experiment.place import Place
from analogsim.experiment.records import read_records
from analogsim.experiment.score import select
from analogsim.experiment.study import Chips, Precision, Study
from analogsim.experiment.trial import Trial
from analogsim.inputs import Data, batches, load_data, load_model
from device_models.registry import parse

DAY = 86400.0


@lru_cache(maxsize=1)
def data() -> Data:
    whole = load_data("digits")
    return select(whole, {**all_images(96), "total": 360})


@lru_cache(maxsize=2)
def analog(bn: str = "digital") -> AnalogModel:
    images, _ = next(batches(load_data("digits", split="train"), 64))
    network = load_model("zoo:digits_cnn").module
    return convert(network, preset="pcm", bn=bn, calibrate=images)  # type: ignore[arg-type]


def study(**changes: Any) -> Study:
    fields: dict[str, Any] = {
        "question": "?",
        "command": "analogsim run small.toml -o out",
        "model": "zoo:digits_cnn",
        "data": "digits",
        "normalisation": "",
        "devices": (parse("pcm"), parse("gaussian")),
        "times_s": (1.0, DAY),
        "compensations": ("none", "global"),
        "design": Chips(chips=3),
        "seed": 0,
        "batch_size": 50,
    }
    return Study(**(fields | changes))


def adaptive(**changes: Any) -> Study:
    """Few chips and images, and a wide interval."""
    fields = {"half_width": 0.02, "cost_ratio": 4.0, "pilot_chips": 3, "pilot_images": 24}
    design = Precision(**(fields | changes))
    return study(devices=(parse("pcm"),), compensations=("global",), design=design)


def run(
    folder: Path, asked: Study | None = None, place: Place | None = None, **options: Any
) -> None:
    """Run the study in `folder`, by default in this process."""
    run_study(
        asked or study(),
        {"digital": analog()},
        data(),
        folder,
        place or Local(1),
        lambda done, total, what: None,
        **options,
    )


def records(folder: Path) -> list[dict[str, Any]]:
    """The records without what may differ from run to run: times and order."""
    found = []
    for trial in read_records(folder):
        fields = dataclasses.asdict(trial)
        del fields["wall_s"], fields["chip_s"]
        found.append(fields)
    return sorted(found, key=lambda f: json.dumps(f, sort_keys=True))


class Stopping:
    """A place that breaks off after some trials, as a crash would."""

    class Crash(Exception):
        pass

    def __init__(self, after: int) -> None:
        self.left = after

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Trial]:
        for task in tasks:
            for trial in work(job, task, {}):
                if self.left == 0:
                    raise self.Crash
                self.left -= 1
                yield trial

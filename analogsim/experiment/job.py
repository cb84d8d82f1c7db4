"""What a worker holds, what it is asked, and the trials that it hands back."""

import dataclasses
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

from torch import nn

from analogsim.crossbar.chip.chip import Chip
from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.chip.factors import kept_factors
from analogsim.crossbar.chip.program import program, reprogram_
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.experiment.deal import Images
from analogsim.experiment.score import score, select
from analogsim.experiment.trial import Trial
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
from device_models.contract import Device


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that the tasks of a run share.

    Attributes:
        analogs: the converted network for each treatment of BatchNorm, with the images that its
            chips recalibrate with.
        devices: by preset, as `spec_of` writes it.
        data: the test images.
        batch_size: images in a batch; decides which product noise an image meets.
        seed: root seed.
        device: where products are computed, `cpu` or `cuda`.
        digest: of what decides a trial's numbers.
        versions: of the packages that decide them.
    """

    analogs: Mapping[str, AnalogModel]
    devices: Mapping[str, Device]
    data: Data
    batch_size: int
    seed: int
    device: str
    digest: str
    versions: dict[str, str]

    def networks(self) -> Iterator[nn.Module]:
        """As `Work.networks`."""
        for analog in self.analogs.values():
            yield from (analog.module, analog.source)

    def trials(self, task: "Task", kept: dict[Any, Any]) -> Iterator[Trial]:
        """As `Work.trials`: one chip, see `work`."""
        return work(self, task, kept)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One chip, the images that it sees, and the (time, compensation) pairs that are wanted."""

    preset: str
    bn: str
    chip: int
    images: Images
    part: Literal["main", "pilot"]
    wanted: tuple[tuple[float, Compensation], ...]

    def __str__(self) -> str:
        return f"{self.preset}, BN {self.bn}, {self.part} chip {self.chip}"


Chips = MutableMapping[tuple[str, str], Chip]


def work(job: Job, task: Task, chips: Chips) -> Iterator[Trial]:
    """Program the chip of a task and measure it; a trial for each wanted pair, in order.

    `chips` holds the worker's chips by (preset, BN) between tasks: programming one anew saves
    building its network.

    Raises InputError, DeviceError as `program`, `drift_` and `score`.
    """
    start = perf_counter()
    chip = _chip(job, task, chips)
    analog = chip.analog
    images = select(job.data, task.images)
    for t_s, compensation in task.wanted:
        chip.drift_(t_s, compensation)
        factors = None if compensation == "none" else kept_factors(chip.layers.values())
        drifted = perf_counter()
        result = score(chip, batches(images, job.batch_size), job.device)
        now = perf_counter()
        yield Trial(
            preset=task.preset,
            t_s=t_s,
            chip=task.chip,
            bn=task.bn,
            compensation=compensation,
            n_images=result.n_images,
            n_correct=result.n_correct,
            accuracy=result.accuracy,
            n_nan=result.n_nan,
            seed=job.seed,
            periphery=analog.periphery.name,
            tile=analog.tile,
            forward=analog.forward,
            spec_digest=job.digest,
            wall_s=now - start,
            device=job.device,
            versions=job.versions,
            part=task.part,
            images=task.images,
            correct=result.correct,
            chip_s=drifted - start,
            factor=None if factors is None else factors.found,
            factor_needed=None if factors is None else factors.needed,
        )
        start = perf_counter()


def _chip(job: Job, task: Task, chips: Chips) -> Chip:
    key = (task.preset, task.bn)
    if key in chips:
        chip = reprogram_(chips[key], task.chip, recalibrate=False)
    else:
        analog = dataclasses.replace(job.analogs[task.bn], device=job.devices[task.preset])
        made = program(analog, seed=job.seed, chip=task.chip, recalibrate=False)
        chip = chips[key] = made.to(job.device)
    # Where its products are computed, so that the first chip of a worker is as the others.
    return chip.recalibrate_() if task.bn == "recalibrate-once" else chip

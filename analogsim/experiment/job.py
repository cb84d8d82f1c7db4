"""What a worker holds, what it is asked, and the trials that it hands back."""

from collections.abc import Container, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Literal, Self

from torch import nn

from analogsim.crossbar.chip.chip import Chip
from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.chip.factors import kept_factors
from analogsim.crossbar.chip.program import program, reprogram_
from analogsim.experiment.axes import Place
from analogsim.experiment.condition import Condition, Name
from analogsim.experiment.deal import Images
from analogsim.experiment.describe import installed_versions
from analogsim.experiment.records import Record
from analogsim.experiment.score import score, select
from analogsim.experiment.study import Study
from analogsim.experiment.trial import Key, Trial, name_of
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
from analogsim.inputs.measure import TOP_1, Measure
from device_models.contract import Device


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that the tasks of a run share.

    Attributes:
        conditions: by name; their networks bring the images that their chips recalibrate with.
        data: the test images.
        batch_size: images in a batch; decides which product noise an image meets.
        seed: root seed of chips whose condition has none of its own.
        device: where products are computed, `cpu` or `cuda`.
        measure: what trials measure.
        digest: of what decides a trial's numbers.
        versions: of the packages that decide them.
    """

    conditions: Mapping[Name, Condition]
    data: Data
    batch_size: int
    seed: int
    device: str
    digest: str
    versions: dict[str, str]
    measure: Measure = TOP_1

    @classmethod
    def of(
        cls, study: Study, data: Data, digest: str, conditions: Mapping[Name, Condition]
    ) -> Self:
        """The job of a study, whose trials bear `digest`."""
        return cls(
            conditions=conditions,
            data=data,
            batch_size=study.batch_size,
            seed=study.seed,
            device=study.device,
            digest=digest,
            versions=installed_versions(),
            measure=study.measure,
        )

    def networks(self) -> Iterator[nn.Module]:
        """As `Work.networks`."""
        # Conditions that differ in the device share theirs.
        networks = [one.network for one in self.conditions.values()]
        found = {id(m): m for analog in networks for m in (analog.module, analog.source)}
        yield from found.values()

    def condition(self, task: "Task") -> Condition:
        """What the chip of a task is of."""
        if task.device is None:
            return self.conditions[task.condition]
        network = next(one.network for one in self.conditions.values() if one.bn == task.bn)
        return Condition.of(task.preset, network, task.device)

    def trials(self, task: "Task", kept: dict[Any, Any]) -> Iterator[Record]:
        """As `Work.trials`: one chip, see `work`."""
        return work(self, task, kept)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One chip, the images that it sees, and the (time, compensation) pairs that are wanted.

    `point` is that of a sweep, `device` one that the run has come upon: the job does not hold it.
    `beside` is the folder, inside of the run's, that keeps its records.
    """

    preset: str
    bn: str
    chip: int
    images: Images
    part: Literal["main", "pilot"]
    wanted: tuple[tuple[float, Compensation], ...]
    point: Place = ()
    device: Device | None = None
    beside: str = ""

    @property
    def condition(self) -> Name:
        """The name of what it is a chip of."""
        return self.preset, self.bn, self.point

    def key(self, t_s: float, compensation: str) -> Key:
        """That of its trial at a pair."""
        return (self.preset, self.bn, compensation, t_s, self.chip, self.point)

    def lacking(self, done: Container[Key]) -> "Task":
        """The task without the pairs that are done."""
        wanted = tuple(pair for pair in self.wanted if self.key(*pair) not in done)
        return self if wanted == self.wanted else replace(self, wanted=wanted)

    def __str__(self) -> str:
        name = name_of(self.preset, dict(self.point))
        return f"{name}, BN {self.bn}, {self.part} chip {self.chip}"


Chips = MutableMapping[Name | None, Chip]
"""By condition; None is the last one on a device that the run has come upon."""

_FEW_CHIPS = 4
_MOST_WEIGHTS = 20_000_000
"""A worker keeps more than a few chips only while all of theirs are so many: under 1 GB."""


def work(job: Job, task: Task, chips: Chips) -> Iterator[Trial]:
    """Program the chip of a task and measure it; a trial for each wanted pair, in order.

    `chips` holds the worker's chips between tasks: programming one anew saves building its
    network.

    Raises InputError, DeviceError as `program`, `drift_` and `score`.
    """
    start = perf_counter()
    chip = _chip(job, task, chips)
    analog = chip.analog
    point = dict(job.condition(task).point) if task.point else None
    images = select(job.data, task.images)
    for t_s, compensation in task.wanted:
        chip.drift_(t_s, compensation)
        factors = None if compensation == "none" else kept_factors(chip.layers.values())
        drifted = perf_counter()
        result = score(chip, batches(images, job.batch_size), job.device, job.measure)
        now = perf_counter()
        yield Trial(
            preset=task.preset,
            t_s=t_s,
            chip=task.chip,
            bn=task.bn,
            compensation=compensation,
            **result.counts,
            seed=chip.seed,
            periphery=analog.periphery.name,
            tile=analog.tile,
            forward=analog.forward,
            spec_digest=job.digest,
            wall_s=now - start,
            device=job.device,
            versions=job.versions,
            part=task.part,
            images=task.images,
            chip_s=drifted - start,
            factor=None if factors is None else factors.found,
            factor_needed=None if factors is None else factors.needed,
            point=point,
        )
        start = perf_counter()


def _chip(job: Job, task: Task, chips: Chips) -> Chip:
    key = task.condition if task.device is None else None
    if key in chips and task.device in (None, chips[key].analog.device):
        chip = reprogram_(chips[key], task.chip, recalibrate=False)
    else:
        condition = job.condition(task)
        seed = job.seed if condition.seed is None else condition.seed
        made = program(condition.analog(), seed=seed, chip=task.chip, recalibrate=False)
        chip = chips[key] = made.to(job.device)
        _let_go_(chips, key)
    # Where its products are computed, so that the first chip of a worker is as the others.
    return chip.recalibrate_() if task.bn == "recalibrate-once" else chip


def _let_go_(chips: Chips, newest: Name | None) -> None:
    """Keep the newest chips: a sweep of a large network has more than the memory."""
    others = [name for name in chips if name != newest]
    while len(chips) > _FEW_CHIPS and _weights(chips.values()) > _MOST_WEIGHTS:
        del chips[others.pop(0)]


def _weights(chips: Iterable[Chip]) -> int:
    return sum(layer.numel for chip in chips for layer in chip.layers.values())

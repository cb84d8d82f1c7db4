"""Trials of treatments: computed once, kept in a folder, read again."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from analogsim.attribution.treatment import Treatment
from analogsim.crossbar.chip.compensation import Compensation
from analogsim.experiment.condition import Condition
from analogsim.experiment.deal import Images
from analogsim.experiment.job import Job, Task, work
from analogsim.experiment.kept_trials import KeptTrials
from analogsim.experiment.statistics import ByChip
from analogsim.experiment.trial import Trial
from analogsim.inputs.batching import n_images
from analogsim.inputs.data import Data


@dataclass(frozen=True, kw_only=True)
class Treated:
    """What a worker holds: the treatments of one call. `job` has all but their networks."""

    job: Job
    treatments: Mapping[str, Treatment]

    @property
    def data(self) -> Data:
        """The test images."""
        return self.job.data

    @property
    def device(self) -> str:
        """Where products are computed."""
        return self.job.device

    def networks(self) -> Iterator[nn.Module]:
        """Every network that a worker needs the code of."""
        for treatment in self.treatments.values():
            yield from (treatment.analog.module, treatment.analog.source)

    def trials(self, task: Task, kept: dict[Any, Any]) -> Iterator[Trial]:
        """As `Work.trials`. A worker keeps the chip of one treatment: there may be hundreds."""
        if task.condition not in kept:
            kept.clear()
        treatment = self.treatments[task.preset]
        condition = Condition.of(treatment.name, treatment.analog, treatment.device)
        job = dataclasses.replace(self.job, conditions={condition.name: condition})
        yield from work(job, task, kept)


@dataclass(kw_only=True)
class Bench(KeptTrials):
    """Chips of treatments over the same images; a context manager.

    Attributes:
        job: images and settings; its conditions are not used.
        times_s, compensation: what each chip is measured at.
        limit: how many images, the first ones; None is all.
    """

    times_s: tuple[float, ...]
    compensation: Compensation
    limit: int | None = None

    @property
    def n_images(self) -> int:
        """How many images each chip sees."""
        return n_images(self.job.data, self.limit)

    def missing(
        self,
        treatments: Iterable[Treatment],
        chips: Sequence[int],
        times_s: Sequence[float] | None = None,
    ) -> list[Task]:
        """The tasks whose trials are not there yet, treatment by treatment.

        `times_s`: in place of the bench's own.
        """
        total = n_images(self.job.data)
        images = Images(order="stored", seed=0, round=0, start=0, count=self.n_images, total=total)
        tasks = []
        for treatment in treatments:
            bn = str(treatment.analog.bn)
            for chip in _needed(treatment, chips):
                wanted = tuple(
                    (t_s, self.compensation)
                    for t_s in (self.times_s if times_s is None else times_s)
                    if (treatment.name, bn, self.compensation, t_s, chip, ()) not in self._done
                )
                if wanted:
                    tasks.append(
                        Task(
                            preset=treatment.name,
                            bn=bn,
                            chip=chip,
                            images=images,
                            part="main",
                            wanted=wanted,
                        )
                    )
        return tasks

    def measure(
        self,
        treatments: Sequence[Treatment],
        chips: Sequence[int],
        times_s: Sequence[float] | None = None,
    ) -> None:
        """Compute the trials that are missing; treatments in one call must differ by name.

        Raises InputError, DeviceError, WorkerError, OutputError as `Place.run` and the writer.
        """
        by_name = {treatment.name: treatment for treatment in treatments}
        assert len(by_name) == len(treatments), "a name is one treatment"
        tasks = self.missing(treatments, chips, times_s)
        self.compute(Treated(job=self.job, treatments=by_name), tasks)

    def answers(self, treatment: Treatment, t_s: float, chips: Sequence[int]) -> ByChip:
        """The answers of each chip; `measure` comes first."""
        bn, fixed = str(treatment.analog.bn), treatment.same_for_every_chip
        first = chips[0]
        return ByChip.of(
            {
                chip: self._done[
                    treatment.name, bn, self.compensation, t_s, first if fixed else chip, ()
                ]
                for chip in chips
            },
            fixed=fixed,
        )


def _needed(treatment: Treatment, chips: Sequence[int]) -> Sequence[int]:
    return chips[:1] if treatment.same_for_every_chip else chips

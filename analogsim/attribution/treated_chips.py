"""Chips of treatments in one file of an attribution, and the job of its workers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from analogsim.attribution.treatment import Plan, Treatment
from analogsim.crossbar.chip.compensation import Compensation
from analogsim.experiment.condition import Condition
from analogsim.experiment.deal import Images
from analogsim.experiment.job import Job, Task
from analogsim.experiment.record_file import RecordFile
from analogsim.experiment.records import Record
from analogsim.experiment.replay import Requests, by_chip
from analogsim.experiment.statistics import ByChip
from analogsim.experiment.trial import Trial


@dataclass(frozen=True, kw_only=True)
class TreatedTask(Task):
    """A chip of a treatment; `digital` are the layers that it keeps so, where it does."""

    digital: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TreatedJob(Job):
    """What the workers hold: the treatments known beforehand, and what makes another."""

    plan: Plan

    def condition(self, task: Task) -> Condition:
        """As `Job.condition`; layers that were chosen in the run may be kept digital."""
        if task.condition in self.conditions:
            return super().condition(task)
        assert isinstance(task, TreatedTask), "every other treatment is known beforehand"
        other = self.plan.keeping(task.digital)
        assert other is not None, "a chip has an analog layer"
        return other.condition

    def trials(self, task: Task, kept: dict[Any, Any]) -> Iterator[Record]:
        """As `Work.trials`. A worker keeps the chip of one treatment: there may be hundreds."""
        if task.condition not in kept:
            kept.clear()
        return super().trials(task, kept)


@dataclass(frozen=True, kw_only=True)
class TreatedChips:
    """Chips of treatments over the same images; `asked` takes what `file` lacks.

    `times_s` and `compensation` are what each chip is measured at.
    """

    file: RecordFile[Trial]
    asked: Requests
    times_s: tuple[float, ...]
    compensation: Compensation
    images: Images

    @property
    def n_images(self) -> int:
        """How many images each chip sees."""
        return self.images["count"]

    def lacking(self, treatment: Treatment, chips: Sequence[int]) -> int:
        """How many chips of a treatment are not measured yet."""
        tasks = self._tasks(treatment, chips, self.times_s)
        return sum(bool(task.lacking(self.file.done).wanted) for task in tasks)

    def ask(
        self,
        treatments: Iterable[Treatment],
        chips: Sequence[int],
        times_s: Sequence[float] | None = None,
    ) -> None:
        """Ask for treatments, one after the other; `times_s` in place of its own."""
        for treatment in treatments:
            for task in self._tasks(treatment, chips, times_s or self.times_s):
                self.asked.add(task, self.file)

    def answers(self, treatment: Treatment, t_s: float, chips: Sequence[int]) -> ByChip:
        """The answers of each chip. Raises Missing."""
        name, bn, place = treatment.condition.name
        fixed = treatment.same_for_every_chip
        keys = {
            chip: (name, bn, self.compensation, t_s, chips[0] if fixed else chip, place)
            for chip in chips
        }
        return by_chip(self.file, keys, fixed=fixed)

    def _tasks(
        self, treatment: Treatment, chips: Sequence[int], times_s: Sequence[float]
    ) -> Iterator[Task]:
        for chip in chips[:1] if treatment.same_for_every_chip else chips:
            yield TreatedTask(
                preset=treatment.name,
                bn=treatment.condition.bn,
                chip=chip,
                images=self.images,
                part="main",
                wanted=tuple((t_s, self.compensation) for t_s in times_s),
                digital=treatment.digital,
            )

"""What is still to be done, worked out from the records alone.

A run that was broken off and one that never was ask for the same trials: both ask this module
after each round, and it looks at nothing but what is on the disk.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.experiment.axes import place_of
from analogsim.experiment.condition import Name
from analogsim.experiment.deal import Images, all_images, hand, pilot_images
from analogsim.experiment.job import Task
from analogsim.experiment.statistics.components import Components, components, tabulate
from analogsim.experiment.statistics.crossed import crossed
from analogsim.experiment.statistics.design import MIN_CHIPS, best_plan, next_chips, required_chips
from analogsim.experiment.statistics.rows import answers, digital_answers
from analogsim.experiment.study import Chips, Precision, Study
from analogsim.experiment.trial import Key, Trial

# Of the chips that the pilot says are needed, so many are run before the first look: a pilot that
# exaggerates costs little then.
_FIRST_LOOK = 0.8


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """How an adaptive run deals its images: `hands` chips share the test set."""

    hands: int
    cost_ratio: float


@dataclass(frozen=True, kw_only=True)
class Round:
    """Tasks that can be computed in any order, and how many trials there will be in all."""

    tasks: tuple[Task, ...]
    total: int


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A study over a test set of `total` images.

    `bns` are the treatments of BatchNorm, and `digital_correct` the digital network's answers.
    """

    study: Study
    bns: tuple[str, ...]
    total: int
    digital_correct: str | None

    @property
    def series(self) -> tuple[Name, ...]:
        """(preset, BN, point): what has chips of its own."""
        study = self.study
        places = [place_of(point) for point in study.points] or [()]
        return tuple(
            (preset, bn, place) for preset in study.presets for bn in self.bns for place in places
        )

    def next_round(self, done: Mapping[Key, Trial], plan: Allocation | None) -> Round:
        """What to do next; no tasks if the study is finished.

        `plan` is needed once the pilot is complete (`needs_plan`).
        """
        if isinstance(self.study.design, Chips):
            return self._round(self._whole(self.study.design), done)
        pilot = self._round(self._pilot(self.study.design), done)
        if pilot.tasks:
            return pilot
        assert plan is not None, "needs_plan() says when"
        tasks = list(self._pilot(self.study.design))
        for series in self.series:
            chips = self._wanted_chips(series, done, plan, self.study.design)
            tasks += self._dealt(series, chips, plan, self.study.design)
        # Chip by chip, so that all presets are at the same depth if the run is broken off.
        return self._round(sorted(tasks, key=lambda task: task.chip), done)

    def needs_plan(self, done: Mapping[Key, Trial]) -> bool:
        """Whether this is an adaptive study whose pilot is complete."""
        design = self.study.design
        return isinstance(design, Precision) and not self._round(self._pilot(design), done).tasks

    def make_plan(self, done: Mapping[Key, Trial]) -> Allocation:
        """The cheapest way to deal, from the pilot's spread and its measured cost."""
        design = self.study.design
        assert isinstance(design, Precision)
        rows = [row for series in self.series for row in self._pilot_rows(series, done, design)]
        cost = design.cost_ratio or self._cost_ratio(done)
        plan = best_plan(rows, self.total, half_width=design.half_width, cost_ratio=cost)
        return Allocation(hands=plan.hands, cost_ratio=cost)

    def _cost_ratio(self, done: Mapping[Key, Trial]) -> float:
        """Cost of a chip (programmed, and drifted to every pair) over that of an image."""
        pilot = [trial for trial in done.values() if trial.part == "pilot"]
        chip_s = sum(trial.chip_s for trial in pilot)
        image_s = sum(trial.wall_s - trial.chip_s for trial in pilot)
        return max(chip_s, 1e-9) / max(image_s, 1e-9) * pilot[0].n_images

    def _wanted_chips(
        self, series: Name, done: Mapping[Key, Trial], plan: Allocation, design: Precision
    ) -> int:
        """Replay the looks: each rests on the chips before it, so that it comes out the same."""
        known = self._pilot_rows(series, done, design)
        images = self.total / plan.hands
        needed = max(required_chips(c, images, self.total, design.half_width) for c in known)
        chips = max(MIN_CHIPS, math.ceil(_FIRST_LOOK * needed))
        pilot = range(design.pilot_chips)
        while True:
            widths = []
            main = range(design.pilot_chips, design.pilot_chips + chips)
            for pair in self.study.pairs:
                trials = self._trials(series, pair, main, done)
                if len(trials) < chips:
                    return chips
                estimate = crossed(
                    answers(trials) or (),
                    self.total,
                    pilot=answers(self._trials(series, pair, pilot, done)) or (),
                    digital=digital_answers(self.digital_correct, self.total),
                    span=self.study.measure.span,
                    stopped=True,
                )
                assert estimate.half_width is not None
                widths.append(estimate.half_width)
            more = next_chips(chips, widths, design.half_width)
            if more == chips:
                return chips
            chips = more

    def _pilot_rows(
        self, series: Name, done: Mapping[Key, Trial], design: Precision
    ) -> list[Components]:
        digital = digital_answers(self.digital_correct, self.total)
        rows = []
        for pair in self.study.pairs:
            trials = self._trials(series, pair, range(design.pilot_chips), done)
            found = answers(trials)
            assert found is not None
            table = tabulate(found, self.total, digital)
            rows.append(components([table], self.total))
        return rows

    def _trials(
        self,
        series: Name,
        pair: tuple[float, Compensation],
        chips: range,
        done: Mapping[Key, Trial],
    ) -> list[Trial]:
        preset, bn, place = series
        keys = ((preset, bn, pair[1], pair[0], chip, place) for chip in chips)
        return [done[key] for key in keys if key in done]

    def _round(self, tasks: Iterable[Task], done: Mapping[Key, Trial]) -> Round:
        """The tasks without what is done."""
        total, left = 0, []
        for task in tasks:
            total += len(task.wanted)
            rest = task.lacking(done)
            if rest.wanted:
                left.append(rest)
        return Round(tasks=tuple(left), total=total)

    def _whole(self, design: Chips) -> Iterator[Task]:
        images = all_images(self.total)
        for chip in range(design.first, design.first + design.chips):
            for series in self.series:
                yield self._task(series, chip, images)

    def _pilot(self, design: Precision) -> Iterator[Task]:
        shared = pilot_images(self.study.seed, design.pilot_images, self.total)
        for chip in range(design.pilot_chips):
            for series in self.series:
                yield self._task(series, chip, shared, "pilot")

    def _dealt(
        self, series: Name, chips: int, plan: Allocation, design: Precision
    ) -> Iterator[Task]:
        for number in range(chips):
            images = hand(self.study.seed, number, plan.hands, self.total)
            yield self._task(series, design.pilot_chips + number, images)

    def _task(
        self, series: Name, chip: int, images: Images, part: Literal["main", "pilot"] = "main"
    ) -> Task:
        preset, bn, place = series
        return Task(preset=preset, bn=bn, point=place, chip=chip,
                    images=images, part=part, wanted=self.study.pairs)  # fmt: skip

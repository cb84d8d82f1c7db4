"""Which source and which layer costs how much of what is measured: the order of the work.

Common random numbers: chips of one number share images and draws, whatever else is switched on.
The noise of the products is drawn in the order of the layers: it is common between sources, and
only of the same kind between sets of layers.

The folder is that of a study of the full chip, as `analogsim drift` would make it; the trials of
everything else lie in `treatments/`.
"""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any

from analogsim.attribution.ask import Ask
from analogsim.attribution.conclude import conclude
from analogsim.attribution.cost import counted, lasting
from analogsim.attribution.measured import Measured, known_digital
from analogsim.attribution.networks import Forms
from analogsim.attribution.screening import screen
from analogsim.attribution.treated_chips import TreatedChips, TreatedJob
from analogsim.attribution.treatment import Contrast, Plan, distinct
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.errors import InputError
from analogsim.experiment.deal import all_images, unpack_values
from analogsim.experiment.describe import make_header, run_spec
from analogsim.experiment.drive import Progress, run_experiment
from analogsim.experiment.header import RunHeader
from analogsim.experiment.job import Job
from analogsim.experiment.layers import write_study_layers
from analogsim.experiment.place import Place
from analogsim.experiment.record_file import RecordFile
from analogsim.experiment.replay import Missing, Requests
from analogsim.experiment.schedule import Round
from analogsim.experiment.score import score
from analogsim.experiment.statistics import Numbers
from analogsim.experiment.study import Chips, Study
from analogsim.experiment.trial import Trial
from analogsim.inputs.batching import batches, n_images
from analogsim.inputs.data import Data
from analogsim.report.attribution import (
    ATTRIBUTION_FILE,
    TREATMENTS_FOLDER,
    Attribution,
    Row,
    write_attribution,
)

SCREEN_FOLDER = "screening"
# Enough to trace the network and to count its products.
_EXAMPLE_IMAGES = 2
# An evaluation that takes longer is not repeated to tell how long the others take.
_LONG_ENOUGH_S = 20.0

Say = Callable[[str], None]


def attribute(
    study: Study,
    analog: AnalogModel,
    data: Data,
    ask: Ask,
    folder: Path,
    place: Place,
    progress: Progress,
    say: Say = lambda text: None,
    *,
    extend: bool = False,
) -> Attribution:
    """Switch sources and layers on one at a time, and suggest layers to keep digital.

    A run that was broken off goes on where it stands; with another `ask` it reuses its trials.

    Args:
        study: one device, times, one compensation, a design with chips. The suggestion is for
            the last time.
        analog: the converted network; its device is replaced by the study's.
        ask: what is to be attributed.
        data, folder, place, progress: as `run_study`.
        say: called with what the run will cost, before it goes on.
        extend: allow chips and times that the folder's run does not have. Those that verified may
            then choose, and others verify.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `run_study`; more than one device or
            compensation, a design without chips, products that are not native, a pattern without a
            layer.
    """
    run = _AttributionRun(study, analog, data, ask, folder, say)
    run_experiment(run, folder, place, progress, extend=extend)
    assert run.result is not None, "it is made before a run ends"
    return run.result


class _AttributionRun:
    """An attribution as an `Experiment`."""

    def __init__(
        self, study: Study, analog: AnalogModel, data: Data, ask: Ask, folder: Path, say: Say
    ) -> None:
        for what, values in (("device", study.presets), ("compensation", study.compensations)):
            if len(values) != 1:
                raise InputError(
                    f"attribution must have one {what}, got {', '.join(values)}; run once for each"
                )
        if not isinstance(study.design, Chips):
            raise InputError(
                f"attribution must have a design with chips, got {study.design}; the pairs need "
                "the same images: give chips, not precision"
            )
        self.study, self.data, self.folder, self.say = study, data, folder, say
        self.goal = ask.goal
        example, _ = next(batches(data, _EXAMPLE_IMAGES))
        self.plan = Plan(forms=Forms(analog, example), device=study.devices[0])
        self.analogs = {str(analog.bn): analog}
        self.spec = run_spec(study, self.analogs, data)
        names = ask.choose_layers(self.plan.forms.names)
        self.layers = () if ask.part == "sources" else names
        self.full, self.none = self.plan.full(), self.plan.none()
        self.by_source = [] if ask.part == "layers" else self.plan.by_source()
        self.by_layer = self.plan.by_layer(self.layers)
        # Few layers would all be measured in full anyway.
        few = ask.screening
        self.screening = few if few and len(self.layers) > few.refined else None
        self.asked = Requests()
        self.chips = range(study.design.chips)
        self.fresh = range(self.chips.stop, 2 * self.chips.stop)
        total = n_images(data)
        self.main, self.side = (self._chips_of(one, total) for one in ("", TREATMENTS_FOLDER))
        self.files = [self.main.file, self.side.file]
        if self.screening is not None:
            count = min(self.screening.images, total)
            self.screen = self._chips_of(f"{SCREEN_FOLDER}-{self.screening.images}", count)
            self.files.append(self.screen.file)
        self.rounds: Iterator[Round] | None = None
        self.total = 0
        self.result: Attribution | None = None

    def _chips_of(self, beside: str, count: int) -> TreatedChips:
        total = n_images(self.data)
        return TreatedChips(
            file=RecordFile(kind=Trial, beside=beside),
            asked=self.asked,
            times_s=self.study.times_s,
            compensation=self.study.compensations[0],
            images={**all_images(total), "count": count},
        )

    def begin(self) -> RunHeader:
        return make_header(self.study, self.analogs, self.spec, self.data)

    def grown(self, header: RunHeader, spec: dict[str, Any]) -> RunHeader:
        # It lacks what is added; the trials that it was made of stay.
        (self.folder / ATTRIBUTION_FILE).unlink(missing_ok=True)
        return dataclasses.replace(header, spec=spec)

    def work(self, header: RunHeader) -> TreatedJob:
        treatments = [self.full, self.none, *distinct([*self.by_source, *self.by_layer])]
        conditions = {one.condition.name: one.condition for one in treatments}
        job = Job.of(self.study, self.data, header.spec_digest, conditions)
        return TreatedJob(plan=self.plan, **vars(job))

    def next_round(self, header: RunHeader, folder: Path) -> Round:
        if self.rounds is None:
            self.rounds = self._rounds(header)
        return next(self.rounds)

    def finish(self, header: RunHeader, folder: Path) -> None:
        assert self.result is not None, "the last round has made it"
        write_attribution(folder, self.result)
        write_study_layers(folder, self.plan.forms.full, self.study)

    def _rounds(self, header: RunHeader) -> Iterator[Round]:
        """The first chips one by one, to say what the rest costs; then all that is asked for."""
        found = Measured(
            full=self.full,
            digital=known_digital(header),
            main=self.main,
            side=self.side,
            chips=self.chips,
            fresh=self.fresh,
            quantity=self.study.measure,
        )
        yield from self._announced(found)
        while True:
            with suppress(Missing):
                self.result = self._result(header, found)
            yield self._round()

    def _round(self) -> Round:
        return Round(tasks=self.asked.take(), total=self.total)

    @property
    def _done(self) -> int:
        return sum(len(file.done) for file in self.files)

    def _result(self, header: RunHeader, found: Measured) -> Attribution:
        found.ask([self.full, self.none, *distinct(self.by_source)], found.chips)
        layers, screened = self._screened()
        by_layer = [one for one in self.by_layer if one.name in layers]
        found.ask(distinct(by_layer), found.chips)
        return conclude(
            header,
            found,
            self.study,
            self.plan,
            goal=self.goal,
            none=self.none,
            by_source=self.by_source,
            by_layer=by_layer,
            screened=screened,
        )

    def _announced(self, found: Measured) -> Iterator[Round]:
        """Say how many evaluations there will be, and by the first ones how long they take."""
        times, screening = len(self.study.times_s), self.screening
        first, small = 0, 0
        in_full: list[Contrast] = self.by_layer if screening is None else []
        treatments = [self.full, self.none, *distinct([*self.by_source, *in_full])]
        chips = found.lacking({one.name: one for one in treatments}.values(), found.chips)
        if screening is not None:
            chips += 2 * screening.refined * len(found.chips)
            first = screening.chips * (1 + 2 * len(self.layers)) * times
            small = self.screen.n_images
        verify = 2 * len(found.fresh) if self.layers else 0
        expected = chips * times + first + verify
        start, self.total = self._done, self._done + expected
        count = found.main.n_images
        self.say(counted(expected, count, first, small))
        took: list[float] = []
        for last in (1, 2):
            found.ask([self.full], found.chips[:last])
            before, began = self._done, monotonic()
            todo = self._round()
            if todo.tasks:
                yield todo
                took.append((monotonic() - began) / (self._done - before))
            # The first one also loads what the others find loaded; a long one is told at once.
            if took and took[-1] > _LONG_ENOUGH_S:
                break
        if took:
            left = expected - (self._done - start) - first + first * small / count
            self.say(lasting(min(took), min(took) * left))

    @cached_property
    def _few_digital(self) -> Numbers:
        """The digital network's answers to the images of the screening."""
        network = self.plan.forms.full.source
        images = batches(self.data, self.study.batch_size, limit=self.screen.n_images)
        few = score(network, images, measure=self.study.measure)
        return unpack_values(few.correct, few.n_images)

    def _screened(self) -> tuple[tuple[str, ...], list[Row]]:
        """The layers to measure in full, and the rows of the others. Raises Missing."""
        if self.screening is None:
            return self.layers, []
        return screen(
            self.by_layer,
            self.layers,
            self.screening,
            self.screen,
            first_chip=self.fresh.stop,
            digital=self._few_digital,
            quantity=self.study.measure,
        )

"""Which source and which layer costs how much accuracy: the order of the work.

Common random numbers: chips of one number share images and draws, whatever else is switched on.
The noise of the products is drawn in the order of the layers: it is common between sources, and
only of the same kind between sets of layers.

The folder is that of a study of the full chip, as `analogsim drift` would make it; the trials of
everything else lie in `treatments/`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

from analogsim.attribution.ask import Ask
from analogsim.attribution.bench import Bench
from analogsim.attribution.conclude import suggest, whole_of
from analogsim.attribution.cost import counted, lasting
from analogsim.attribution.effects import row_of
from analogsim.attribution.measured import Measured, known_digital
from analogsim.attribution.networks import Forms
from analogsim.attribution.result import FORMAT, VERSION, Attribution, Row, write_attribution
from analogsim.attribution.screening import screen
from analogsim.attribution.treatment import Plan, distinct
from analogsim.attribution.words import sentences
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.effect_words import refuse_slices
from analogsim.errors import InputError
from analogsim.experiment.deal import unpack_values
from analogsim.experiment.describe import make_header, run_spec
from analogsim.experiment.header import RunHeader, write_header
from analogsim.experiment.job import Job
from analogsim.experiment.layers import write_layer_summary
from analogsim.experiment.lock import locked
from analogsim.experiment.place import Place
from analogsim.experiment.run_folder import check_same, find_header
from analogsim.experiment.score import digital_score, score
from analogsim.experiment.study import Chips, Study
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
from analogsim.own_files import own_folder
from analogsim.report.attribution import ATTRIBUTION_FILE, TREATMENTS_FOLDER

SCREEN_FOLDER = "screening"
# Enough to trace the network and to count its products.
_EXAMPLE_IMAGES = 2
# An evaluation that takes longer is not repeated to tell how long the others take.
_LONG_ENOUGH_S = 20.0

Progress = Callable[[int, int, str], None]
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
        data: the test images.
        ask: what is to be attributed.
        folder: new, empty, or this study's.
        place: where trials are computed.
        progress: called with (trials done, about how many, what is being done).
        say: called with what the run will cost, before it goes on.
        extend: allow chips and times that the folder's run does not have. Those that verified may
            then choose, and others verify.

    Raises:
        InputError: more than one device or compensation, a design without chips, products that
            are not native, effects, a pattern without a layer, or another run's folder.
        DeviceError: the device does not cover a time.
        OutputError: the folder cannot be written, is in use, or holds something else.
        WorkerError: a worker ended again and again.
    """
    refuse_slices(analog.periphery, "attribution", "it switches the parts of one conversion")
    return _Run(study, analog, data, ask, folder, place, progress, say).run(extend=extend)


class _Run:
    """The state of one attribution."""

    def __init__(
        self,
        study: Study,
        analog: AnalogModel,
        data: Data,
        ask: Ask,
        folder: Path,
        place: Place,
        progress: Progress,
        say: Say,
    ) -> None:
        for what, values in (("device", study.presets), ("compensation", study.compensations)):
            if len(values) != 1:
                raise InputError(
                    f"attribution must have one {what}, got {', '.join(values)}; run once for each"
                )
        measure = study.measure
        if (measure.unit, measure.better, *measure.span) != ("%", "higher", 0.0, 1.0):
            raise InputError(
                "attribution measure must be a share in % from 0 to 1 of which more is better, got "
                f"{measure.name} ({measure.better} is better, in {measure.unit or 'no unit'}); "
                "use drift or compare"
            )
        if not isinstance(study.design, Chips):
            raise InputError(
                f"attribution must have a design with chips, got {study.design}; the pairs need "
                "the same images: give chips, not precision"
            )
        self.study, self.data, self.ask, self.folder = study, data, ask, folder
        self.place, self.progress, self.say = place, progress, say
        self.design = study.design
        example, _ = next(batches(data, _EXAMPLE_IMAGES))
        self.plan = Plan(forms=Forms(analog, example), device=study.devices[0])
        names = ask.choose_layers(self.plan.forms.names)
        self.layers = () if ask.part == "sources" else names
        self.by_source = [] if ask.part == "layers" else self.plan.by_source()
        screening = ask.screening
        if screening is not None and len(self.layers) <= screening.refined:
            screening = None  # all of them would be measured in full anyway
        self.screening = screening
        self.done = self.expected = 0

    def run(self, *, extend: bool) -> Attribution:
        analogs = {str(self.plan.forms.full.bn): self.plan.forms.full}
        spec = run_spec(self.study, analogs, self.data)
        with locked(self.folder), ExitStack() as stack:
            header = self._header(spec, analogs, extend=extend)
            self.job = Job.of(self.study, self.data, header.spec_digest, {})
            self.found = Measured(
                full=self.plan.full(),
                digital=known_digital(header),
                main=stack.enter_context(self._bench(self.folder)),
                side=stack.enter_context(self._bench(self.folder / TREATMENTS_FOLDER)),
                chips=range(self.design.chips),
                fresh=range(self.design.chips, 2 * self.design.chips),
            )
            result = self._result(header)
            write_attribution(self.folder, result)
            write_layer_summary(
                self.folder,
                self.plan.forms.full,
                {self.plan.preset: self.plan.device},
                self.study.times_s,
                self.study.compensations,
                self.study.seed,
            )
        return result

    def _result(self, header: RunHeader) -> Attribution:
        found, times_s = self.found, self.study.times_s
        self._announce()
        found.measure([found.full], found.chips)
        layers, screened = self._screened()
        by_layer = self.plan.by_layer(layers)
        none = self.plan.none()
        found.measure([none, *distinct([*self.by_source, *by_layer])], found.chips)
        rows = [
            row_of(contrast, found.at(t_s), t_s)
            for t_s in times_s
            for contrast in (*self.by_source, *by_layer)
        ]
        every = set(layers) == set(self.plan.forms.names)
        parts = [self.by_source, by_layer if every else []]
        suggestion, why_not = suggest(found, self.plan, self.ask.goal, by_layer, times_s[-1])
        result = Attribution(
            format=FORMAT,
            version=VERSION,
            question=header.question,
            command=header.command,
            model=header.model,
            data=header.data,
            preset=self.plan.preset,
            compensation=self.study.compensations[0],
            seed=self.study.seed,
            chips=len(found.chips),
            n_images=found.main.n_images,
            digital_accuracy=header.digital["accuracy"],
            whole=[whole_of(found, t_s, none, *parts) for t_s in times_s],
            rows=[*rows, *screened],
            suggestion=suggestion,
            no_suggestion=why_not,
            sentences=[],
            spec=header.spec,
            versions=header.versions,
            coverage=header.coverage,
        )
        result["sentences"] = sentences(result)
        return result

    def _announce(self) -> None:
        """Say how many evaluations there will be, and by the first one how long they take."""
        found, times = self.found, len(self.study.times_s)
        screening = self.screening
        first, small = 0, 0
        in_full = self.layers if screening is None else ()
        by_layer = self.plan.by_layer(in_full)
        treatments = [found.full, self.plan.none(), *distinct([*self.by_source, *by_layer])]
        chips = found.missing(list({t.name: t for t in treatments}.values()), found.chips)
        if screening is not None:
            chips += 2 * screening.refined * len(found.chips)
            first = screening.chips * (1 + 2 * len(self.layers)) * times
            small = min(screening.images, found.main.n_images)
        verify = 2 * len(found.fresh) if self.layers else 0
        self.expected = chips * times + first + verify
        n_images = found.main.n_images
        self.say(counted(self.expected, n_images, first, small))
        each_s = self._timed()
        if each_s is not None:
            left = self.expected - self.done - first + first * small / n_images
            self.say(lasting(each_s, each_s * left))

    def _timed(self) -> float | None:
        """Seconds of an evaluation; None if the full chip's trials were there already."""
        took: list[float] = []
        for last in (1, 2):
            before, start = self.done, monotonic()
            self.found.measure([self.found.full], self.found.chips[:last])
            if self.done > before:
                took.append((monotonic() - start) / (self.done - before))
            # The first one also loads what the others find loaded; a long one is told at once.
            if took and took[-1] > _LONG_ENOUGH_S:
                break
        return min(took, default=None)

    def _screened(self) -> tuple[tuple[str, ...], list[Row]]:
        """The layers to measure in full, and the rows of the others."""
        screening = self.screening
        if screening is None:
            return self.layers, []
        network = self.plan.forms.full.source
        images = batches(self.data, self.study.batch_size, limit=screening.images)
        few = score(network, images, measure=self.study.measure)
        folder = self.folder / f"{SCREEN_FOLDER}-{screening.images}"
        with self._bench(folder, screening.images) as bench:
            return screen(
                self.plan,
                self.layers,
                screening,
                bench,
                first_chip=self.found.fresh.stop,
                digital=unpack_values(few.correct, few.n_images),
            )

    def _header(
        self, spec: dict[str, Any], analogs: Mapping[str, AnalogModel], *, extend: bool
    ) -> RunHeader:
        header = find_header(self.folder)
        if header is not None:
            spec = check_same(self.folder, header.spec, spec, extend=extend)
            if spec != header.spec:
                # It lacks what is added; the trials that it was made of stay.
                (self.folder / ATTRIBUTION_FILE).unlink(missing_ok=True)
                header = dataclasses.replace(header, spec=spec)
                write_header(self.folder, header)
            return header
        self.progress(0, 0, "digital")
        images = batches(self.data, self.study.batch_size)
        digital = digital_score(self.plan.forms.full.source, images, measure=self.study.measure)
        header = make_header(self.study, analogs, digital, spec)
        write_header(self.folder, header)
        return header

    def _bench(self, folder: Path, limit: int | None = None) -> Bench:
        return Bench(
            job=self.job,
            place=self.place,
            folder=own_folder(folder),
            times_s=self.study.times_s,
            compensation=self.study.compensations[0],
            limit=limit,
            tick=self._tick,
        )

    def _tick(self, what: str) -> None:
        self.done += 1
        self.progress(self.done, max(self.expected, self.done + 1), what)

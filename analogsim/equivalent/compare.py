"""Devices beside Gaussian noise of the same weight error: the order of the work.

The folder is that of a study: its records hold the devices and their matched Gaussians, chip by
chip, so that table, plot and page show both. The trials of the searches lie in `search/`.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.effect_words import refuse_effects, refuse_slices
from analogsim.equivalent.bench import Bench, Pair, Wanted
from analogsim.equivalent.causes import Variant, variants
from analogsim.equivalent.comparison import (
    FORMAT,
    VERSION,
    Cause,
    Comparison,
    EquivalentEta,
    Part,
    Point,
    control_name,
    estimate,
    write_comparison,
)
from analogsim.equivalent.folder import comparison_spec, known_header, new_header
from analogsim.equivalent.matching import WeightErrors, measure_errors
from analogsim.equivalent.parts import AMPLIFIED, PROPERTIES, REST, WEIGHTS, before_adc, controls
from analogsim.equivalent.search import HIGHEST, LOWEST, Equivalent, equivalent, ladder
from analogsim.equivalent.words import sentences
from analogsim.errors import InputError
from analogsim.experiment.header import RunHeader, write_header
from analogsim.experiment.job import Job
from analogsim.experiment.layers import write_layer_summary
from analogsim.experiment.lock import locked
from analogsim.experiment.place import Place
from analogsim.experiment.statistics import ACCURACY, ANY, DIFFERENCE, ByChip, Interval
from analogsim.experiment.study import Chips, Study
from analogsim.inputs.data import Data
from analogsim.own_files import own_folder
from device_models.contract import Device
from device_models.gaussian import Gaussian
from device_models.gaussian_matched import MatchedGaussian
from device_models.registry import spec_of

SEARCH_FOLDER = "search"
# What a search of one eta and its interval costs, in levels; only for the progress shown.
_LEVELS = 18

Progress = Callable[[int, int, str], None]


def compare_matched(
    study: Study,
    analog: AnalogModel,
    data: Data,
    folder: Path,
    place: Place,
    progress: Progress,
    *,
    extend: bool = False,
) -> Comparison:
    """Measure each device, its matched Gaussian, and the eta that has its accuracy.

    Common random numbers: chips of one number share images, the noise of the products, and their
    first normals. A run that was broken off goes on where it stands.

    Args:
        study: devices, times, one compensation, a design with chips.
        analog: the converted network; its device is replaced by each of the study's.
        data: the test images.
        folder: new, empty, or this comparison's.
        place: where trials are computed.
        progress: called with (trials done, about how many, what is being done).
        extend: allow devices and times that the folder's comparison does not have. Other chips
            would be another control: they are refused.

    Raises:
        InputError: more than one compensation, a design without chips, effects or a stream of draws
            that the controls have not, or another run's folder.
        DeviceError: a device does not cover a time.
        OutputError: the folder cannot be written, is in use, or holds something else.
        WorkerError: a worker ended again and again.
    """
    refuse_effects(analog.effects, "matched comparison", "its controls suffer none")
    refuse_slices(
        analog.periphery, "matched comparison", "its controls have one cell pair a weight"
    )
    run = _Run(study, analog, data, folder, place, progress)
    return run.run(extend=extend)


class _Run:
    """The state of one comparison."""

    def __init__(
        self,
        study: Study,
        analog: AnalogModel,
        data: Data,
        folder: Path,
        place: Place,
        progress: Progress,
    ) -> None:
        if len(study.compensations) != 1:
            raise InputError(
                "matched comparison must have one compensation, got "
                f"{', '.join(study.compensations)}; each changes what is to be matched: run twice"
            )
        if not isinstance(study.design, Chips):
            raise InputError(
                f"matched comparison must have a design with chips, got {study.design}; the pairs "
                "need the same images: give chips, not precision"
            )
        if analog.stream != "aihwkit":
            raise InputError(
                f"matched comparison must have the stream 'aihwkit', got {analog.stream!r}: its "
                "controls have no compiled law; use stream 'aihwkit'"
            )
        self.study, self.analog, self.data, self.folder = study, analog, data, folder
        self.place, self.progress = place, progress
        self.chips = study.design.chips
        self.compensation = study.compensations[0]
        self.rungs = ladder()
        self.done = 0

    def run(self, *, extend: bool) -> Comparison:
        study = self.study
        spec = comparison_spec(study, self.analog, self.data, self.compensation, self.chips)
        with locked(self.folder):
            header = known_header(self.folder, study, spec, extend=extend)
            if header is None:
                self.progress(0, 0, "digital")
                header = new_header(self.folder, study, self.analog, self.data, spec)
            job = Job.of(self.study, self.data, header.spec_digest, {})
            search = own_folder(self.folder / SEARCH_FOLDER)
            with self._bench(job, self.folder) as main, self._bench(job, search) as side:
                points = self._points(main, side)
            comparison = self._comparison(header, points)
            said = comparison["sentences"]
            # They may be there already, from a run that was killed right after this.
            notes = [*said, *(note for note in header.notes if note not in said)]
            write_header(self.folder, dataclasses.replace(header, notes=notes))
            write_comparison(self.folder, comparison)
            write_layer_summary(
                self.folder,
                self.analog,
                dict(zip(self.study.presets, self.study.devices, strict=True)),
                self.study.times_s,
                self.study.compensations,
                self.study.seed,
            )
        return comparison

    def _points(self, main: Bench, side: Bench) -> list[Point]:
        study = self.study
        pairs = tuple((t_s, self.compensation) for t_s in study.times_s)
        main.measure([Wanted(name=spec_of(d), device=d, pairs=pairs) for d in study.devices])
        return [
            self._point(device, t_s, main, side)
            for device in study.devices
            for t_s in study.times_s
        ]

    def _point(self, device: Device, t_s: float, main: Bench, side: Bench) -> Point:
        name = spec_of(device)
        errors = self._errors(device, t_s)
        matched = errors.matched()
        self._measure_control(main, name, matched)
        device_answers = main.answers(name, (t_s, self.compensation))
        control = main.answers(control_name(name), (t_s, "none"))
        difference = device_answers - control
        found = self._equivalent(device_answers, t_s, side)
        return Point(
            preset=name,
            control=control_name(name),
            t_s=t_s,
            accuracy=estimate(device_answers.mean(ACCURACY)),
            accuracy_control=estimate(control.mean(ACCURACY)),
            difference=estimate(difference.mean(DIFFERENCE)),
            sigmas=dict(matched.sigmas),
            equivalent=EquivalentEta(
                eta=found.eta,
                low=found.low,
                high=found.high,
                reached=found.reached,
                n_levels=found.n_levels,
            ),
            parts=self._parts(device, errors, (device_answers, control), side),
            causes=[self._cause(variant, t_s, difference, side) for variant in variants(device)],
        )

    def _errors(self, device: Device, t_s: float) -> WeightErrors:
        return measure_errors(
            self.analog, device, t_s, self.compensation, self.chips, self.study.seed
        )

    def _measure_control(self, bench: Bench, name: str, matched: MatchedGaussian) -> None:
        # Compensation would read its own noise into chips that have not drifted.
        pairs: tuple[Pair, ...] = ((matched.t_s, "none"),)
        bench.measure([Wanted(name=control_name(name), device=matched, pairs=pairs)])

    def _equivalent(self, of: ByChip, t_s: float, side: Bench) -> Equivalent:
        def difference(eta: float) -> Interval:
            device = Gaussian(eta=eta)
            side.measure([Wanted(name=spec_of(device), device=device, pairs=((t_s, "none"),))])
            return (side.answers(spec_of(device), (t_s, "none")) - of).mean(DIFFERENCE)

        return equivalent(difference, self.rungs)

    def _parts(
        self,
        device: Device,
        errors: WeightErrors,
        full: tuple[ByChip, ByChip],
        side: Bench,
    ) -> list[Part]:
        pair: Pair = (errors.t_s, "none")
        between = controls(errors)
        side.measure([Wanted(name=c.name, device=c.device, pairs=(pair,)) for c in between])
        last, before = full
        steps = [(c.prop, side.answers(c.name, pair)) for c in between]
        moved = before_adc(self.compensation, self.analog.periphery)
        if moved is None:
            steps.append((REST, last))
        else:
            wanted = Wanted(name=errors.to, device=device, pairs=((errors.t_s, moved),))
            side.measure([wanted])
            steps.append((WEIGHTS, side.answers(errors.to, (errors.t_s, moved))))
            steps.append((AMPLIFIED, last))
        parts = []
        for prop, after in steps:
            share = estimate((after - before).mean(DIFFERENCE))
            parts.append(Part(prop=prop, meaning=PROPERTIES[prop], share=share))
            before = after
        return parts

    def _cause(self, variant: Variant, t_s: float, difference: ByChip, side: Bench) -> Cause:
        name = spec_of(variant.device)
        pair: Pair = (t_s, self.compensation)
        side.measure([Wanted(name=name, device=variant.device, pairs=(pair,))])
        self._measure_control(side, name, self._errors(variant.device, t_s).matched())
        left = side.answers(name, pair) - side.answers(control_name(name), (t_s, "none"))
        return Cause(
            option=variant.switch.option,
            effect=variant.switch.title,
            difference_without=estimate(left.mean(DIFFERENCE)),
            share=estimate((difference - left).mean(ANY)),
        )

    def _comparison(self, header: RunHeader, points: list[Point]) -> Comparison:
        n_images = header.digital["n_images"]
        return Comparison(
            format=FORMAT,
            version=VERSION,
            question=header.question,
            command=header.command,
            model=header.model,
            data=header.data,
            compensation=self.compensation,
            chips=self.chips,
            n_images=n_images,
            digital_accuracy=header.digital["accuracy"],
            bracket=[LOWEST, HIGHEST],
            points=points,
            sentences=sentences(points, header.model, n_images),
            coverage=header.coverage,
        )

    def _bench(self, job: Job, folder: Path) -> Bench:
        return Bench(
            job=job,
            analog=self.analog,
            place=self.place,
            folder=folder,
            chips=self.chips,
            tick=self._tick,
        )

    def _tick(self, what: str) -> None:
        self.done += 1
        a_time = sum(6 + _LEVELS + 2 * len(variants(device)) for device in self.study.devices)
        about = a_time * len(self.study.times_s) * self.chips
        self.progress(self.done, max(about, self.done + 1), what)

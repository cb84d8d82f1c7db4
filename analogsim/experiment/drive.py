"""Run a study in a folder: go on where it stands, until nothing is left to do.

A folder in which nothing is left to do is a run that is finished: it is taken as one that goes on,
and stays as it is.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from analogsim.crossbar.conversion.again import ConvertAgain
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.experiment.condition import Condition, by_bn, conditions_of
from analogsim.experiment.describe import device_entry, make_header, run_spec
from analogsim.experiment.header import RunHeader, write_header
from analogsim.experiment.job import Job
from analogsim.experiment.layers import write_layer_summary
from analogsim.experiment.lock import locked
from analogsim.experiment.place import Place, Work
from analogsim.experiment.plan_file import read_plan, write_plan
from analogsim.experiment.record_file import RecordFile
from analogsim.experiment.run_folder import check_same, find_header
from analogsim.experiment.schedule import Round, Schedule
from analogsim.experiment.study import Study
from analogsim.experiment.trial import Trial, name_of
from analogsim.inputs.data import Data

Progress = Callable[[int, int, str], None]


def run_study(
    study: Study,
    analogs: Mapping[str, AnalogModel],
    data: Data,
    folder: Path,
    place: Place,
    progress: Progress,
    *,
    extend: bool = False,
    convert_again: ConvertAgain | None = None,
) -> None:
    """Run every trial that the folder lacks; each is on the disk before it counts.

    Common random numbers: chips of the same number share images and draws in all conditions, and
    each chip keeps its programming over all times and compensations.

    Args:
        study: what is asked.
        analogs: the converted network for each treatment of BatchNorm; its device is replaced
            by each of the study's.
        data: the test images.
        folder: new, empty, or this study's.
        place: where trials are computed.
        progress: called with (trials done, trials in all, what is being done).
        extend: allow a study that only adds to the folder's.
        convert_again: for points of a sweep with other tiles or input ranges; see
            `conditions_of`.

    Raises:
        InputError: the data cannot be evaluated, a point of a sweep cannot be, or the folder is
            another study's.
        OutputError: the folder cannot be written, is in use, or holds something else.
        WorkerError: a worker ended again and again.
    """
    conditions = conditions_of(study, analogs, convert_again)
    run_experiment(_StudyRun(study, conditions, data), folder, place, progress, extend=extend)


class Experiment(Protocol):
    """What `run_experiment` must know of a kind of experiment."""

    spec: dict[str, Any]
    """Everything that decides the records, as JSON; see `digest_of`."""

    @property
    def files(self) -> Sequence[RecordFile[Any]]:
        """Where its records lie."""

    def begin(self) -> RunHeader:
        """The header of a new run, with the digital network's accuracy."""

    def grown(self, header: RunHeader, spec: dict[str, Any]) -> RunHeader:
        """The header of a run that goes on with `spec`, which adds to its own."""

    def work(self, header: RunHeader) -> Work:
        """What the workers hold."""

    def next_round(self, header: RunHeader, folder: Path) -> Round:
        """What is left to do, by the records alone; no tasks at the end."""

    def finish(self, header: RunHeader, folder: Path) -> None:
        """Write what is made of all records, for the report."""


def run_experiment(
    experiment: Experiment,
    folder: Path,
    place: Place,
    progress: Progress,
    *,
    extend: bool = False,
) -> None:
    """Run what the folder lacks of an experiment; arguments and errors as `run_study`."""
    spec = experiment.spec
    with locked(folder):
        header = find_header(folder)
        if header is not None:
            spec = check_same(folder, header.spec, spec, extend=extend)
            if spec != header.spec:
                header = experiment.grown(header, spec)
                write_header(folder, header)
        else:
            progress(0, 0, "digital")
            header = experiment.begin()
            write_header(folder, header)
        job = experiment.work(header)
        with ExitStack() as stack:
            for file in experiment.files:
                stack.enter_context(file.opened(folder, header.spec_digest))
            while (todo := experiment.next_round(header, folder)).tasks:
                for file in experiment.files:
                    tasks = [task for task in todo.tasks if task.beside == file.beside]
                    for record in place.run(job, tasks) if tasks else ():
                        if file.add(record):
                            done = sum(len(one.done) for one in experiment.files)
                            progress(done, max(todo.total, done), record.what)
            experiment.finish(header, folder)


class _StudyRun:
    """A study of chips as an `Experiment`."""

    def __init__(self, study: Study, conditions: Sequence[Condition], data: Data) -> None:
        self.study, self.data = study, data
        self.conditions = {one.name: one for one in conditions}
        self.trials = RecordFile(kind=Trial)
        self.files = (self.trials,)
        self.analogs = by_bn(conditions)
        self.spec = run_spec(study, self.analogs, data)

    def begin(self) -> RunHeader:
        return make_header(self.study, self.analogs, self.spec, self.data)

    def grown(self, header: RunHeader, spec: dict[str, Any]) -> RunHeader:
        # The command stays the first one's.
        devices = [device_entry(device) for device in self.study.devices]
        return dataclasses.replace(header, question=self.study.question, spec=spec, devices=devices)

    def work(self, header: RunHeader) -> Job:
        return Job.of(self.study, self.data, header.spec_digest, self.conditions)

    def next_round(self, header: RunHeader, folder: Path) -> Round:
        done = self.trials.done
        schedule = Schedule(
            study=self.study,
            bns=tuple(self.analogs),
            total=header.digital["n_images"],
            digital_correct=header.digital_correct,
        )
        plan = read_plan(folder)
        if plan is None and schedule.needs_plan(done):
            plan = schedule.make_plan(done)
            write_plan(folder, plan)
        return schedule.next_round(done, plan)

    def finish(self, header: RunHeader, folder: Path) -> None:
        # At the end: it decides no trial.
        study, conditions = self.study, list(self.conditions.values())
        first = {one.preset: one for one in reversed(conditions)}
        write_layer_summary(
            folder,
            conditions[0].analog(),
            {name_of(one, first[one].point): first[one].network.device for one in study.presets},
            study.times_s,
            study.compensations,
            study.seed if conditions[0].seed is None else conditions[0].seed,
        )

"""Run a study in a folder: go on where it stands, until nothing is left to do."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from analogsim.crossbar.convert import AnalogModel
from analogsim.errors import InputError, OutputError
from analogsim.experiment.describe import (
    device_entry,
    installed_versions,
    make_header,
    run_spec,
)
from analogsim.experiment.header import RunHeader, write_header
from analogsim.experiment.job import Job
from analogsim.experiment.place import Place
from analogsim.experiment.plan_file import read_plan, write_plan
from analogsim.experiment.records import RecordWriter, read_records
from analogsim.experiment.run_folder import check_same, find_header, locked
from analogsim.experiment.schedule import Key, Schedule
from analogsim.experiment.score import score
from analogsim.experiment.study import Study, digest_of
from analogsim.experiment.trial import Trial
from analogsim.inputs.batches import batches
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
    refuse_finished: bool = False,
) -> None:
    """Run every trial that the folder lacks; each is on the disk before it counts.

    Common random numbers: chips of the same number share images, and each chip keeps its
    programming over all times and compensations.

    Args:
        study: what is asked.
        analogs: the converted network for each treatment of BatchNorm; its device is replaced
            by each of the study's.
        data: the test images.
        folder: new, empty, or this study's.
        place: where trials are computed.
        progress: called with (trials done, trials in all, what is being done).
        extend: allow a study that only adds to the folder's.
        refuse_finished: refuse a folder in which nothing is left to do.

    Raises:
        InputError: the data cannot be evaluated, or the folder is another study's.
        OutputError: the folder cannot be written, is in use, or holds something else.
        WorkerError: a worker ended again and again.
    """
    spec = run_spec(study, analogs, data)
    with locked(folder):
        header = find_header(folder)
        if header is not None:
            check_same(folder, header.spec, spec, extend=extend)
            if spec != header.spec:
                header = _grown(header, study, spec)
                write_header(folder, header)
        else:
            progress(0, 0, "digital")
            digital = score(next(iter(analogs.values())).source, batches(data, study.batch_size))
            header = make_header(study, analogs, digital, spec)
            write_header(folder, header)
        schedule = Schedule(
            study=study,
            bns=tuple(analogs),
            total=header.digital["n_images"],
            digital_correct=header.digital_correct,
        )
        job = Job(
            analogs=analogs,
            devices=dict(zip(study.presets, study.devices, strict=True)),
            data=data,
            batch_size=study.batch_size,
            seed=study.seed,
            device=study.device,
            digest=digest_of(spec),
            versions=installed_versions(),
        )
        done = _finished(folder, job.digest)
        with RecordWriter(folder) as writer:
            began = len(done)
            while True:
                plan = read_plan(folder)
                if plan is None and schedule.needs_plan(done):
                    plan = schedule.make_plan(done)
                    write_plan(folder, plan)
                todo = schedule.next_round(done, plan)
                if not todo.tasks:
                    break
                for trial in place.run(job, todo.tasks):
                    if trial.key in done:
                        continue
                    writer.write(trial)
                    done[trial.key] = trial
                    progress(
                        len(done), max(todo.total, len(done)), f"{trial.preset} chip {trial.chip}"
                    )
            if refuse_finished and len(done) == began:
                raise OutputError(
                    f"output {folder} must be an empty folder or this command's unfinished run, "
                    f"got one that is finished ({began} trials); choose another folder"
                )


def _finished(folder: Path, digest: str) -> dict[Key, Trial]:
    """The trials on the disk. Raises InputError for one of another study, or one twice."""
    done: dict[Key, Trial] = {}
    for trial in read_records(folder):
        if trial.spec_digest != digest:
            raise InputError(
                f"run folder {folder} trials must have the digest {digest}, got "
                f"{trial.spec_digest} (chip {trial.chip}); keep experiments in separate folders"
            )
        if trial.key in done:
            raise InputError(
                f"run folder {folder} must hold each trial once, got {trial.key} twice; "
                "delete one of the two lines"
            )
        done[trial.key] = trial
    return done


def _grown(header: RunHeader, study: Study, spec: dict[str, object]) -> RunHeader:
    """The header with what the present study adds; the command stays the first one's."""
    return dataclasses.replace(
        header, spec=spec, devices=[device_entry(device) for device in study.devices]
    )

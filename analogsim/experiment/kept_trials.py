"""Trials beside those of a study: computed once, kept in a folder, read again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from analogsim.errors import InputError
from analogsim.experiment.job import Job, Task
from analogsim.experiment.place import Place, Work
from analogsim.experiment.records import RecordWriter, read_records
from analogsim.experiment.trial import Key, Trial


@dataclass(kw_only=True)
class KeptTrials:
    """The trials of one folder, and what computes more of them; a context manager.

    Attributes:
        job: images and settings that all trials share.
        place: where trials are computed.
        folder: holds records.jsonl; trials that are there already are not computed again.
        tick: called after each new trial with what it was of.
    """

    job: Job
    place: Place
    folder: Path
    tick: Callable[[str], None]
    _done: dict[Key, Trial] = field(default_factory=dict)

    def __enter__(self) -> Self:
        for trial in read_records(self.folder):
            if trial.spec_digest != self.job.digest:
                raise InputError(
                    f"run folder {self.folder} trials must have the digest {self.job.digest}, got "
                    f"{trial.spec_digest} (chip {trial.chip}); keep experiments in separate folders"
                )
            self._done[trial.key] = trial
        self._writer = RecordWriter(self.folder).__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()

    def compute(self, work: Work, tasks: Sequence[Task]) -> None:
        """Compute the trials of `tasks` and keep each as it comes.

        Raises InputError, DeviceError, WorkerError, OutputError as `Place.run` and the writer.
        """
        if not tasks:
            return
        for trial in self.place.run(work, tasks):
            assert isinstance(trial, Trial), "no other work is given"
            if trial.key not in self._done:
                self._writer.write(trial)
                self._done[trial.key] = trial
                self.tick(f"{trial.preset} chip {trial.chip}")

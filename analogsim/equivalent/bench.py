"""Trials of devices that a study does not name: computed once, kept in a folder, read again."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from analogsim.crossbar.compensation import Compensation
from analogsim.errors import InputError
from analogsim.experiment.deal import all_images
from analogsim.experiment.job import Job, Task
from analogsim.experiment.place import Place
from analogsim.experiment.records import RecordWriter, read_records
from analogsim.experiment.trial import Trial
from analogsim.inputs.batches import n_images
from device_models.contract import Device

Pair = tuple[float, Compensation]
Key = tuple[str, str, str, float, int]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A device under the name that its records bear, and (time, compensation) pairs."""

    name: str
    device: Device
    pairs: tuple[Pair, ...]


@dataclass(kw_only=True)
class Bench:
    """Chips 0 to `chips` - 1 of any device, each over all images; a context manager.

    Attributes:
        job: network, images and settings; its devices are not used.
        place: where trials are computed.
        folder: holds records.jsonl; trials that are there already are not computed again.
        chips: how many.
        tick: called after each new trial with what it was of.
    """

    job: Job
    place: Place
    folder: Path
    chips: int
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.__exit__(kind, error, traceback)

    def measure(self, wanted: Sequence[Wanted]) -> None:
        """Compute the trials that are missing; the names in one call must differ.

        Raises InputError, DeviceError, WorkerError, OutputError as `Place.run` and the writer.
        """
        assert len({one.name for one in wanted}) == len(wanted), "a name is one device"
        (bn,) = self.job.analogs
        images = all_images(n_images(self.job.data))
        tasks = []
        for chip in range(self.chips):
            for one in wanted:
                missing = tuple(
                    (t_s, compensation)
                    for t_s, compensation in one.pairs
                    if (one.name, bn, compensation, t_s, chip) not in self._done
                )
                if missing:
                    tasks.append(
                        Task(
                            preset=one.name,
                            bn=bn,
                            chip=chip,
                            images=images,
                            part="main",
                            wanted=missing,
                        )  # fmt: skip
                    )
        if not tasks:
            return
        job = dataclasses.replace(self.job, devices={one.name: one.device for one in wanted})
        for trial in self.place.run(job, tasks):
            if trial.key not in self._done:
                self._writer.write(trial)
                self._done[trial.key] = trial
                self.tick(f"{trial.preset} chip {trial.chip}")

    def accuracies(self, name: str, pair: Pair) -> dict[int, float]:
        """Accuracy of each chip, as a fraction; `measure` comes first."""
        (bn,) = self.job.analogs
        t_s, compensation = pair
        return {
            chip: self._done[name, bn, compensation, t_s, chip].accuracy
            for chip in range(self.chips)
        }

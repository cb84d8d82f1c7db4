"""Trials of devices that a study does not name: computed once, kept in a folder, read again."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.experiment.condition import Condition
from analogsim.experiment.deal import all_images
from analogsim.experiment.job import Task
from analogsim.experiment.kept_trials import KeptTrials
from analogsim.experiment.statistics import ByChip
from analogsim.inputs.batching import n_images
from device_models.contract import Device

Pair = tuple[float, Compensation]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A device under the name that its records bear, and (time, compensation) pairs."""

    name: str
    device: Device
    pairs: tuple[Pair, ...]


@dataclass(kw_only=True)
class Bench(KeptTrials):
    """Chips 0 to `chips` - 1 of any device, each over all images; a context manager.

    Attributes:
        job: images and settings; its conditions are not used.
        analog: the network.
        chips: how many.
    """

    analog: AnalogModel
    chips: int

    def measure(self, wanted: Sequence[Wanted]) -> None:
        """Compute the trials that are missing; the names in one call must differ.

        Raises InputError, DeviceError, WorkerError, OutputError as `Place.run` and the writer.
        """
        assert len({one.name for one in wanted}) == len(wanted), "a name is one device"
        bn = str(self.analog.bn)
        images = all_images(n_images(self.job.data))
        tasks = []
        for chip in range(self.chips):
            for one in wanted:
                missing = tuple(
                    (t_s, compensation)
                    for t_s, compensation in one.pairs
                    if (one.name, bn, compensation, t_s, chip, ()) not in self._done
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
        conditions = [Condition.of(one.name, self.analog, one.device) for one in wanted]
        job = dataclasses.replace(self.job, conditions={one.name: one for one in conditions})
        self.compute(job, tasks)

    def answers(self, name: str, pair: Pair) -> ByChip:
        """The answers of each chip; `measure` comes first."""
        bn = str(self.analog.bn)
        t_s, compensation = pair
        return ByChip.of(
            {chip: self._done[name, bn, compensation, t_s, chip, ()] for chip in range(self.chips)}
        )

"""Chips of a matched comparison in one of its files: asked for by device, read chip by chip."""

from dataclasses import dataclass

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.experiment.deal import Images
from analogsim.experiment.job import Task
from analogsim.experiment.record_file import RecordFile
from analogsim.experiment.replay import Requests, by_chip
from analogsim.experiment.statistics import ByChip
from analogsim.experiment.trial import Trial
from device_models.contract import Device

Pair = tuple[float, Compensation]


@dataclass(frozen=True, kw_only=True)
class DeviceChips:
    """Chips 0 to `chips` - 1 of any device, each over the same images.

    `bn` is the network's treatment of BatchNorm, `asked` takes what `file` lacks.
    """

    file: RecordFile[Trial]
    asked: Requests
    bn: str
    chips: int
    images: Images

    def ask(self, name: str, *pairs: Pair, device: Device | None = None) -> None:
        """Ask for chips under the name that their records bear.

        `device` is what they are of where the job's condition of that name does not say it.
        """
        for chip in range(self.chips):
            task = Task(preset=name, bn=self.bn, chip=chip, images=self.images, part="main",
                        wanted=pairs, device=device)  # fmt: skip
            self.asked.add(task, self.file)

    def answers(self, name: str, pair: Pair) -> ByChip:
        """The answers of each chip. Raises Missing."""
        t_s, compensation = pair
        keys = {chip: (name, self.bn, compensation, t_s, chip, ()) for chip in range(self.chips)}
        return by_chip(self.file, keys)

"""Run a noise study in a folder: the records, locks and workers of any other run."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from torch import nn

from analogsim.crossbar.conversion.trying import MOST_ROWS
from analogsim.errors import InputError
from analogsim.experiment.deal import all_images
from analogsim.experiment.describe import (
    data_digest,
    header_of,
    inputs_entry,
    installed_versions,
    weights_digest,
)
from analogsim.experiment.digest import INPUTS, digest_of
from analogsim.experiment.drive import Progress, run_experiment
from analogsim.experiment.header import RunHeader
from analogsim.experiment.job import Task
from analogsim.experiment.place import Place
from analogsim.experiment.record_file import RecordFile
from analogsim.experiment.schedule import Round
from analogsim.experiment.trial import Trial
from analogsim.inputs.batching import batches, n_images
from analogsim.inputs.data import Data
from analogsim.inputs.measure import TOP_1, Measure
from analogsim.inputs.names import TOP1
from analogsim.quantity import Quantity
from analogsim.scopes.levels import Level
from analogsim.scopes.measured import Measured, measure
from analogsim.scopes.noisy import NoisyNetwork, make_noisy, warm_up
from analogsim.scopes.relative import Relative
from analogsim.scopes.study import NoiseStudy
from analogsim.scopes.variances import write_variances

# There is no crossbar: what these columns of a record say.
_NONE: Literal["none"] = "none"
_DIGITAL = "digital"


def run_noise(
    study: NoiseStudy,
    module: nn.Module,
    data: Data,
    folder: Path,
    place: Place,
    progress: Progress,
    *,
    extend: bool = False,
) -> None:
    """Run every trial that the folder lacks; each is on the disk before it counts.

    Args:
        study: what is asked.
        module: the digital network, in eval mode; it stays as it is.
        data: the test images.
        folder, place, progress, extend: as `run_study`.

    Raises:
        InputError, OutputError, WorkerError: as `run_study`; a network with nothing to noise.
    """
    experiment = _NoiseRun(study, module, data, folder)
    run_experiment(experiment, folder, place, progress, extend=extend)


@dataclass(frozen=True, kw_only=True)
class NoiseJob:
    """What the workers hold: `Work` of a noise study. `levels` are by their preset."""

    network: Measured
    levels: Mapping[str, Level]
    data: Data
    batch_size: int
    seed: int
    device: str
    digest: str
    versions: dict[str, str]
    measure: Measure = TOP_1

    def networks(self) -> Iterator[nn.Module]:
        """As `Work.networks`."""
        yield from (self.network.plain, self.network.folded)

    def trials(self, task: Task, kept: dict[Any, Any]) -> Iterator[Trial]:
        """One draw at one level. `kept` holds the flattened networks."""
        start = perf_counter()
        level = self.levels[task.preset]
        noisy = self.noisy(task.bn, kept)
        drawn = perf_counter()
        result = noisy.score(level, seed=self.seed, draw=task.chip)
        yield Trial(
            preset=task.preset,
            t_s=0.0,
            chip=task.chip,
            bn=task.bn,
            compensation=_NONE,
            **result.counts,
            seed=self.seed,
            periphery=_NONE,
            tile=_DIGITAL,
            forward=_DIGITAL,
            spec_digest=self.digest,
            wall_s=perf_counter() - start,
            device=self.device,
            versions=self.versions,
            images=task.images,
            chip_s=drawn - start,
        )

    def noisy(self, bn: str, kept: dict[Any, Any]) -> NoisyNetwork:
        """The worker's own network, made at its first use."""
        if bn not in kept:
            module = self.network.folded if bn == "fold" else self.network.plain
            kept[bn] = make_noisy(
                module,
                self.data,
                batch_size=self.batch_size,
                device=self.device,
                read=kept.setdefault("images", {}),
                measure=self.measure,
            )
        found = kept[bn]
        assert isinstance(found, NoisyNetwork)
        return found


class _NoiseRun:
    """A noise study as an `Experiment`."""

    def __init__(self, study: NoiseStudy, module: nn.Module, data: Data, folder: Path) -> None:
        self.study, self.data, self.folder = study, data, folder
        self.trials = RecordFile(kind=Trial)
        self.files = (self.trials,)
        example, _ = next(batches(data, MOST_ROWS))
        self.network = measure(module, example)
        self.levels = {level.preset: level for level in study.levels(self.network.same)}
        self.total = n_images(data)
        self.spec: dict[str, Any] = {
            **study.as_spec(),
            "images": self.total,
            "images_sha256": data_digest(data),
            INPUTS: inputs_entry(data, {**study.inputs, **study.measure.fingerprints()}),
            "weights_sha256": weights_digest(module),
            "n_bn": self.network.n_bn,
            "n_classes": self.network.n_classes,
            "same_as": dict(self.network.same),
            # Left out of studies of the accuracy, whose digests stay as they were.
            **({} if study.measure.spec == TOP1 else {Quantity.KEY: study.measure.entry()}),
        }

    def begin(self) -> RunHeader:
        job = self._job(digest_of(self.spec))
        clean = job.noisy(_DIGITAL, {}).clean()
        if Relative.to_clean(self.study.measure).is_ratio and not clean.accuracy:
            raise InputError(
                f"noise study must have a digital network whose {self.study.measure.name} is "
                f"above 0, got 0 on {clean.n_images} images; what noise leaves is said as a share "
                "of it: mend the network or its images"
            )
        kept = [f"BatchNorm {name} does not fold: {why}." for name, why in self.network.kept]
        notes = [*self.study.notes, *self.network.notes, *kept, *clean.notes]
        return header_of(self.study, clean, self.spec, notes)

    def grown(self, header: RunHeader, spec: dict[str, Any]) -> RunHeader:
        return dataclasses.replace(header, question=self.study.question, spec=spec)

    def work(self, header: RunHeader) -> NoiseJob:
        # After the header: a folder without one must be empty.
        write_variances(self.folder, self.network.variances)
        return self._job(header.spec_digest)

    def _job(self, digest: str) -> NoiseJob:
        return NoiseJob(
            network=self.network,
            levels=self.levels,
            data=self.data,
            batch_size=self.study.batch_size,
            seed=self.study.seed,
            device=self.study.device,
            digest=digest,
            versions=installed_versions(),
            measure=self.study.measure,
        )

    def next_round(self, header: RunHeader, folder: Path) -> Round:
        images, first = all_images(self.total), self.study.first_draw
        # Draw by draw, so that all levels are at the same depth if the run is broken off.
        tasks = [
            Task(preset=preset, bn=level.bn, chip=draw, images=images, part="main",
                 wanted=((0.0, _NONE),))
            for draw in range(first, first + self.study.draws)
            for preset, level in self.levels.items()
        ]  # fmt: skip
        left = [t for t in tasks if t.lacking(self.trials.done).wanted]
        if left and self.study.device == "cpu":
            warm_up()
        return Round(tasks=tuple(left), total=len(tasks))

    def finish(self, header: RunHeader, folder: Path) -> None:
        """As `Experiment.finish`: the report reads the records alone."""

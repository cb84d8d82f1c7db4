"""A study: one network on one or more devices, over time, on several chips."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import Tensor, nn

from analogsim import schema
from analogsim._version import __version__
from analogsim.crossbar.compensation import Compensation
from analogsim.crossbar.convert import AnalogModel
from analogsim.crossbar.evaluate import Evaluation, evaluate
from analogsim.crossbar.program import Chip, program
from analogsim.errors import InputError
from analogsim.experiment.records import (
    DeviceEntry,
    Digital,
    Layer,
    RecordWriter,
    RunHeader,
    Trial,
    write_header,
)
from device_models.contract import Device
from device_models.registry import spec_of

Batches = Callable[[], Iterable[tuple[Tensor, Tensor]]]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is asked. Names are for the records; the network and images come beside it."""

    question: str
    command: str
    model: str
    data: str
    normalisation: str
    devices: tuple[Device, ...]
    times_s: tuple[float, ...]
    compensations: tuple[Compensation, ...]
    chips: int
    seed: int
    limit: int | None
    batch_size: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            f"{what} must be {rule}, got {got}"
            for what, rule, got, good in (
                ("chips", "at least 1", self.chips, self.chips >= 1),
                ("seed", "at least 0", self.seed, self.seed >= 0),
                ("limit", "at least 1", self.limit, self.limit is None or self.limit >= 1),
                ("batch size", "at least 1", self.batch_size, self.batch_size >= 1),
            )
            if not good
        ]
        names = [spec_of(device) for device in self.devices]
        for what, values in (
            ("presets", names),
            ("times", self.times_s),
            ("compensations", self.compensations),
        ):
            if not values or len(set(values)) < len(values):
                problems.append(f"{what} must be given and differ, got {list(values)}")
        if problems:
            raise InputError(f"study: {'; '.join(problems)}; mend these")
        for device in self.devices:
            for t_s in self.times_s:
                device.check_time(t_s)

    @property
    def trials(self) -> int:
        """How many trials the study has."""
        return len(self.devices) * self.chips * len(self.times_s) * len(self.compensations)


def run_study(
    study: Study, analog: AnalogModel, batches: Batches, folder: Path, progress: Progress
) -> None:
    """Run every trial of a study; each is on the disk before the next one counts.

    Common random numbers: chips of the same number share images, and each chip keeps its
    programming over all times and compensations.

    Args:
        study: what is asked.
        analog: the converted network; its device is replaced by each of the study's.
        batches: yields the same (images, labels) batches each time it is called.
        folder: an empty folder that exists.
        progress: called with (trials done, trials in all, what is being done).

    Raises:
        InputError, OutputError: the data cannot be evaluated, or the folder not be written.
    """
    progress(0, study.trials, "digital")
    digital = evaluate(analog.source, batches())
    spec = _spec(study, analog)
    digest = hashlib.sha256(schema.dumps(spec).encode()).hexdigest()[:16]
    versions = installed_versions()
    with RecordWriter(folder) as writer:
        done = 0
        for device, chip in _chips(study, analog):
            if done == 0:
                write_header(folder, _header(study, chip, digital, spec, digest, versions))
            for t_s in study.times_s:
                for compensation in study.compensations:
                    progress(done, study.trials, f"{device.info.name} chip {chip.chip}")
                    start = perf_counter()
                    result = evaluate(chip.drift_(t_s, compensation), batches())
                    writer.write(
                        _trial(study, chip, result, digest, versions, perf_counter() - start)
                    )
                    done += 1
        progress(done, study.trials, "done")


def installed_versions() -> dict[str, str]:
    """Versions that decide a result."""
    return {
        "analogsim": __version__,
        "aihwkit": version("aihwkit"),
        "torch": version("torch"),
    }


def _chips(study: Study, analog: AnalogModel) -> Iterator[tuple[Device, Chip]]:
    """Chip by chip, so that a run that is broken off has all presets to the same depth."""
    for number in range(study.chips):
        for device in study.devices:
            on_device = dataclasses.replace(analog, device=device)
            yield device, program(on_device, seed=study.seed, chip=number)


def _trial(
    study: Study,
    chip: Chip,
    result: Evaluation,
    digest: str,
    versions: dict[str, str],
    wall_s: float,
) -> Trial:
    assert chip.t_s is not None
    analog = chip.analog
    return Trial(
        preset=spec_of(analog.device),
        t_s=chip.t_s,
        chip=chip.chip,
        bn=analog.bn,
        compensation=chip.compensation,
        n_images=result.n_images,
        n_correct=result.n_correct,
        accuracy=result.accuracy,
        n_nan=result.n_nan,
        seed=study.seed,
        periphery=analog.periphery.name,
        tile=analog.tile,
        forward=analog.forward,
        spec_digest=digest,
        wall_s=wall_s,
        versions=versions,
    )


def _spec(study: Study, analog: AnalogModel) -> dict[str, Any]:
    """Everything that decides the numbers, as JSON."""
    return {
        "model": study.model,
        "weights_sha256": weights_digest(analog.source),
        "data": study.data,
        "normalisation": study.normalisation,
        "limit": study.limit,
        "batch_size": study.batch_size,
        "presets": [spec_of(device) for device in study.devices],
        "times_s": list(study.times_s),
        "compensations": list(study.compensations),
        "chips": study.chips,
        "seed": study.seed,
        "bn": analog.bn,
        "tile": analog.tile,
        "forward": analog.forward,
        "keep_digital": list(analog.keep_digital),
        "periphery": analog.periphery.as_dict(),
    }


def _header(
    study: Study,
    chip: Chip,
    digital: Evaluation,
    spec: dict[str, Any],
    digest: str,
    versions: dict[str, str],
) -> RunHeader:
    analog = chip.analog
    notes = [*study.notes, *analog.notes, f"Products: {analog.forward} ({analog.forward_reason})."]
    if len(study.devices) > 1:
        notes.append(f"Programming errors of the layers are those of {study.devices[0].info.name}.")
    if analog.tile == "cpp" and not analog.periphery.perfect:
        notes.append(
            "aihwkit's C++ tile seeds the noise of its products from the clock: accuracies "
            "repeat only within their interval."
        )
    return RunHeader(
        question=study.question,
        command=study.command,
        model=study.model,
        data=study.data,
        normalisation=study.normalisation,
        digital=Digital(
            accuracy=digital.accuracy,
            n_correct=digital.n_correct,
            n_images=digital.n_images,
            n_nan=digital.n_nan,
        ),
        spec=spec,
        spec_digest=digest,
        versions=versions,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        layers=[layer_entry(line) for line in chip.report],
        notes=notes,
        devices=[_device_entry(device) for device in study.devices],
        periphery={
            **analog.periphery.as_dict(),
            "not_modelled": list(analog.periphery.not_modelled(analog.tile)),
        },
    )


def layer_entry(line: Any) -> Layer:
    """A line of the conversion's table as JSON."""
    fields: Layer = {**dataclasses.asdict(line), "shape": list(line.shape)}  # type: ignore[typeddict-item]
    return fields


def _device_entry(device: Device) -> DeviceEntry:
    info = device.info
    return DeviceEntry(
        preset=spec_of(device),
        title=info.title,
        law=info.law,
        citation=info.citation,
        valid_times=info.valid_times,
    )


def weights_digest(module: nn.Module) -> str:
    """sha256 over names, shapes and values of a network's state."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(f"{name}:{tuple(value.shape)}:{value.dtype};".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()

"""Weight errors as a task of a run and as its record: measured by a worker, once."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypedDict, cast, get_type_hints

from analogsim import schema
from analogsim.equivalent.matching import BINS, LayerError, WeightErrors, measure_errors
from analogsim.errors import InputError
from analogsim.experiment.job import Job, Task
from analogsim.experiment.records import Record
from analogsim.experiment.sealed import read_line, write_line
from analogsim.experiment.trial import Key
from device_models.contract import Device


class Sums(TypedDict):
    """The fields of a `LayerError`."""

    layer: str
    count: int
    square: float
    weights: list[float]
    squares: list[float]
    signed: list[float]


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """The weight errors of chips 0 to `chip` on a device, at a time: a line of their records."""

    FORMAT: ClassVar[str] = "analogsim-weight-errors"
    VERSION: ClassVar[int] = 1

    preset: str
    t_s: float
    chip: int
    bn: str
    compensation: str
    seed: int
    spec_digest: str
    versions: dict[str, str]
    layers: list[Sums]

    @property
    def key(self) -> Key:
        """As that of a trial."""
        return (self.preset, self.bn, self.compensation, self.t_s, self.chip, ())

    @property
    def what(self) -> str:
        """As progress calls it."""
        return f"weight errors of {self.preset}"

    def problems(self) -> list[str]:
        """What is wrong with it, a sentence each."""
        return _problems(vars(self))

    def to_json(self) -> str:
        """One line of strict JSON, without its line end, sealed with a checksum."""
        return write_line(vars(self), name=self.FORMAT, version=self.VERSION)

    @classmethod
    def from_json(cls, line: str, *, where: str) -> Self:
        """Check and rebuild. Raises InputError that starts with `where`."""
        fields = read_line(line, name=cls.FORMAT, version=cls.VERSION, where=where)
        found = _problems(fields)
        if found:
            raise InputError(f"{where} {'; '.join(found)}; restore the line or delete it")
        return cls(**fields)

    def errors(self, device: Device) -> WeightErrors:
        """As `measure_errors` gave them for the device."""
        layers = tuple(LayerError(**one) for one in self.layers)
        product = device.product_noise()
        return WeightErrors(to=self.preset, t_s=self.t_s, layers=layers, product=product)


_EVERY = get_type_hints(Weighed)
_HINTS = {field.name: _EVERY[field.name] for field in dataclasses.fields(Weighed)}


def _problems(fields: dict[str, Any]) -> list[str]:
    return list(schema.field_problems(fields, _HINTS)) or [
        f"layers[{place}] must have sums over 1 weight or more in {BINS} bins, got others"
        for place, one in enumerate(fields["layers"])
        if {len(one["weights"]), len(one["squares"]), len(one["signed"])} != {BINS}
        or one["count"] < 1
        or min(one["square"], *one["weights"], *one["squares"]) < 0
    ]


@dataclass(frozen=True, kw_only=True)
class Weigh(Task):
    """Measure weight errors, over chips 0 to `chip`; no image is looked at."""

    def __str__(self) -> str:
        return f"weight errors of {self.preset}"


@dataclass(frozen=True, kw_only=True)
class MatchedJob(Job):
    """What the workers of a matched comparison hold."""

    def trials(self, task: Task, kept: dict[Any, Any]) -> Iterator[Record]:
        """As `Work.trials`."""
        if not isinstance(task, Weigh):
            yield from super().trials(task, kept)
            return
        network = self.condition(task).network
        for t_s, compensation in task.wanted:
            errors = measure_errors(
                network, network.device, t_s, compensation, task.chip + 1, self.seed
            )
            yield Weighed(
                preset=task.preset,
                t_s=t_s,
                chip=task.chip,
                bn=task.bn,
                compensation=compensation,
                seed=self.seed,
                spec_digest=self.digest,
                versions=self.versions,
                layers=[cast(Sums, vars(one)) for one in errors.layers],
            )

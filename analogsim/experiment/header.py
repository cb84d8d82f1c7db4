"""The header of a run, `run.json`: what was asked, of what, with which settings.

It is written before the first trial, so that even a run that is broken off can be read.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, NotRequired, Self, TypedDict, get_type_hints

from analogsim import own_files, schema
from analogsim.errors import InputError, shown
from analogsim.experiment.axes import Value
from analogsim.experiment.digest import POINTS, WITHIN, digest_of
from analogsim.experiment.sealed import check_format, opened, write_sealed
from analogsim.experiment.workload import WorkloadEntry, workload_problems
from analogsim.quantity import Quantity

HEADER_FILE = "run.json"
_REMEDY = "restore the file or run the experiment again"
ADDED = "Added: "
"""How a note begins that says what a tile adds to a device."""
# Of the spec, what a reader of any run makes use of; the rest depends on the kind of the run.
_SPEC = {
    "presets": list[str],
    "bn": list[str],
    "compensations": list[str],
    "times_s": list[float],
    "yield_above": list[float],
    "inputs": dict[str, str],
    POINTS: list[dict[str, Value]],
    WITHIN: float,
}
# In records of a measure that is not right or wrong.
RENAMED = {"accuracy": "mean", "correct": "values", "digital_correct": "digital_values"}


class Digital(TypedDict):
    """The network before conversion, on the same images.

    `accuracy` is the mean of what is measured: of right and wrong a fraction. `n_correct` is None
    for other measures.
    """

    accuracy: float
    n_correct: int | None
    n_images: int
    n_nan: int


class Layer(TypedDict):
    """One layer of the network and where it computes.

    `shape` is that of the logical weight (empty if there is none); `tiles` is their number;
    `programming_error` is the relative error of the programmed weight, `|w' - w| / |w|` in
    Frobenius norm, or None where nothing was programmed.
    """

    name: str
    kind: str
    shape: list[int]
    tiles: int
    where: Literal["analog", "digital"]
    why: str
    programming_error: float | None


class DeviceEntry(TypedDict):
    """What the report says of a device; `preset` is the user's spelling.

    `bibtex` is there for a device that is not built in, and says how to cite it.
    """

    preset: str
    title: str
    law: str
    citation: str
    valid_times: str
    bibtex: NotRequired[str]


class DigitalProductsEntry(TypedDict):
    """Multiply-adds that no tile computes; `dynamic` where both factors depend on the input."""

    name: str
    macs: int
    dynamic: bool
    why: str


class CoverageEntry(TypedDict):
    """Who computes the multiply-adds of a forward pass; `text` says it in a sentence.

    `share` is the part that tiles compute, in [0, 1]. `uncounted` names operators of whose
    products nobody knows how many they are.
    """

    share: float
    analog_macs: int
    digital: list[DigitalProductsEntry]
    uncounted: list[str]
    text: str


class ArraysEntry(TypedDict):
    """Arrays of a layer that are filled alike, `count` of them; rows are inputs.

    `held` places of each hold a weight.
    """

    layer: str
    rows: int
    columns: int
    filled_rows: int
    filled_columns: int
    count: int
    held: int


class CrossbarEntry(TypedDict):
    """What the network lies on: sentences, each with the part that it is of, and the arrays."""

    lines: list[list[str]]
    arrays: list[ArraysEntry]


@dataclass(frozen=True, kw_only=True)
class RunHeader:
    """Everything that the trials of a run have in common.

    `periphery` holds the settings of DAC, ADC and tiles, and `not_modelled`, a list of
    sentences. `created` is an ISO 8601 date or time in UTC. `command` remakes the run.
    `spec_digest` is over the part of `spec` that decides a trial's numbers, not over how many
    trials there are. `digital_correct` says which images the digital network gets right, or what it
    scores on each, packed as in `deal.py`. `coverage` is None where no forward pass was counted,
    and `workload` in runs of before it was kept.
    """

    FORMAT: ClassVar[str] = "analogsim-run"
    VERSIONS: ClassVar[tuple[int, ...]] = (1, 2)
    """The second is of other measures than the accuracy, which the spec's `measure` describes."""

    question: str
    command: str
    model: str
    data: str
    normalisation: str
    digital: Digital
    spec: dict[str, Any]
    spec_digest: str
    versions: dict[str, str]
    created: str
    layers: list[Layer]
    notes: list[str]
    devices: list[DeviceEntry]
    periphery: dict[str, Any]
    digital_correct: str | None = None
    coverage: CoverageEntry | None = None
    crossbar: CrossbarEntry | None = None
    workload: WorkloadEntry | None = None

    @property
    def quantity(self) -> Quantity:
        """What its trials measure."""
        return Quantity.of(self.spec.get(Quantity.KEY))

    def to_json(self) -> dict[str, Any]:
        """The content of `run.json`, but for its checksum."""
        fields = asdict(self)
        if self.digital["n_correct"] is None:
            fields = renamed(fields) | {"digital": renamed(fields["digital"])}
        version = 2 if Quantity.KEY in self.spec else 1
        return {"format": self.FORMAT, "version": version, **fields}

    @classmethod
    def from_json(cls, content: object, *, where: str) -> Self:
        """Check and rebuild. Raises InputError that starts with `where` and names each problem."""
        check_format(content, name=cls.FORMAT, version=cls.VERSIONS, where=where)
        assert isinstance(content, dict)
        written: dict[str, Any] = opened(content, where=where, todo=_REMEDY)
        fields = {key: value for key, value in written.items() if key not in {"format", "version"}}
        # Runs of before multiply-adds were counted, the crossbar described, inputs measured.
        for later in ("coverage", "crossbar", "workload"):
            fields.setdefault(later, None)
        if written["version"] == 2:
            fields = {**named(fields), "digital": named(fields.get("digital"))}
        found = list(_problems(fields, cls))
        if found:
            raise InputError(f"{where} {'; '.join(found)}; {_REMEDY}")
        return cls(**fields)


def _problems(fields: dict[str, Any], cls: type[RunHeader]) -> Iterator[str]:
    every = get_type_hints(cls)
    hints = {field.name: every[field.name] for field in dataclasses.fields(cls)}
    found = list(schema.field_problems(fields, hints))
    yield from found
    if found:
        return
    digest = digest_of(fields["spec"])
    if fields["spec_digest"] != digest:
        yield f"spec_digest must be {digest}, that of its spec, got {fields['spec_digest']!r}"
    yield from _digital_problems(fields["digital"])
    coverage = fields["coverage"]
    if coverage is not None and not 0 <= coverage["share"] <= 1:
        yield f"coverage share must be in [0, 1], got {coverage['share']}"
    if fields["crossbar"] is not None:
        yield from _crossbar_problems(fields["crossbar"])
    if fields["workload"] is not None:
        yield from workload_problems(fields["workload"])
    for key, hint in _SPEC.items():
        if key in fields["spec"]:
            yield from schema.problems(fields["spec"][key], hint, f"spec {key}")
    try:
        Quantity.of(fields["spec"].get(Quantity.KEY))
    except InputError as error:
        yield f"spec {str(error).rpartition('; ')[0]}"
    points = fields["spec"].get(POINTS, ())
    if schema.fits(points, list[dict[str, Value]]) and len({frozenset(one) for one in points}) > 1:
        yield f"spec {POINTS} must be on the same axes, got {shown(points)}"
    if not schema.fits(fields["periphery"].get("not_modelled"), list[str]):
        got = fields["periphery"].get("not_modelled")
        yield f"periphery not_modelled must be a list of sentences, got {shown(got)}"
    try:
        datetime.fromisoformat(fields["created"])
    except ValueError:
        yield f"created must be an ISO date, got {fields['created']!r}"


def _crossbar_problems(crossbar: CrossbarEntry) -> Iterator[str]:
    for line in crossbar["lines"]:
        if len(line) != 2:
            yield f"crossbar lines must be pairs of a part and a sentence, got {shown(line)}"
    for one in crossbar["arrays"]:
        full = 1 <= one["filled_rows"] <= one["rows"] and one["count"] >= 1
        full &= 1 <= one["held"] <= one["filled_rows"] * one["filled_columns"]
        if not (full and 1 <= one["filled_columns"] <= one["columns"]):
            yield f"crossbar arrays must hold what they are filled with, got {shown(one)}"


def _digital_problems(digital: Digital) -> Iterator[str]:
    right, total = digital["n_correct"], digital["n_images"]
    if right is None:
        return
    if not 0 <= digital["accuracy"] <= 1:
        yield f"digital accuracy must be in [0, 1], got {digital['accuracy']}"
    if not 0 <= right <= total:
        yield f"digital n_correct must be from 0 to n_images = {total}, got {right}"


def right_answers(n_correct: int | None, where: str) -> int:
    """A count that must be there. Raises InputError for a measure that is not right or wrong."""
    if n_correct is None:
        raise InputError(
            f"{where} must count right answers, got another measure than these tables are of; "
            "give a run of accuracies"
        )
    return n_correct


def renamed(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a measure that is not right or wrong, as records of version 2 name them."""
    return {RENAMED.get(key, key): value for key, value in fields.items() if key != "n_correct"}


def named(fields: Any) -> Any:
    """Fields of a record of version 2, as ours are named; what is no object stays as it is."""
    if not isinstance(fields, dict) or not fields.keys() & RENAMED.values():
        return fields
    ours = {name: key for key, name in RENAMED.items()}
    found = {ours.get(key, key): value for key, value in fields.items()}
    return {"n_correct": None, **found} if "mean" in fields else found


def write_header(folder: Path, header: RunHeader) -> None:
    """Write `run.json`, whole or not at all, sealed with a checksum. Raises OutputError."""
    write_sealed(folder / HEADER_FILE, header.to_json())


def read_header(folder: Path) -> RunHeader:
    """Read `run.json`. Raises InputError if it is absent, not JSON, or not a header."""
    path = folder / HEADER_FILE
    try:
        content = schema.loads(own_files.read_text(path))
    except OSError as error:
        raise InputError(
            f"run folder {folder} must hold a readable {HEADER_FILE}, got "
            f"'{error.strerror}'; give the folder that a run wrote"
        ) from error
    except ValueError as error:
        raise InputError(f"{path} must be JSON, got '{error}'; {_REMEDY}") from error
    return RunHeader.from_json(content, where=str(path))

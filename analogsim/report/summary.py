"""A run read back, and its summary. Accuracies are fractions; the labels module makes per cent."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from analogsim.errors import InputError
from analogsim.experiment.axes import Value, place_of
from analogsim.experiment.digest import DESIGN, POINTS, chip_numbers
from analogsim.experiment.header import CoverageEntry, Digital, RunHeader, read_header
from analogsim.experiment.layers_file import read_layers
from analogsim.experiment.records import RECORDS_FILE, check_finished, read_records
from analogsim.experiment.sealed import Head
from analogsim.experiment.statistics import Row, clopper_pearson, digital_new_images, summarise
from analogsim.experiment.trial import Trial, name_of
from analogsim.quantity import Quantity, QuantityEntry
from analogsim.report.differences import Difference, differences
from analogsim.report.factor_words import factor_warnings
from analogsim.report.sweep import Sweep, sweep_of

# aihwkit seeds this noise from the clock, in every version tried, with no way in.
UNSEEDED = "C++ tile: its forward noise cannot be seeded, so these accuracies do not repeat."


class RowDict(TypedDict):
    """`statistics.Row` as JSON; `point` where there is a sweep."""

    preset: str
    t_s: float
    bn: str
    compensation: str
    n_chips: int
    n_images: int
    mean: float
    ci95: list[float] | None
    std_chips: float | None
    n_nan: int
    n_evaluations: int
    design: str
    ci95_new_images: list[float] | None
    std_ci95: list[float] | None
    percentile5: float | None
    percentile5_ci95: list[float] | None
    percentile5_method: str | None
    components: dict[str, float] | None
    yields: list[dict[str, float]]
    point: NotRequired[dict[str, Value]]


def row_name(row: RowDict) -> str:
    """The device and the point of a sweep, as curves are named."""
    return name_of(row["preset"], row.get("point"))


class Summary(Head):
    """The content of `summary.json`: stable, made from `run.json` and `records.jsonl` alone.

    But for `warnings`, which `layers.json` decides. `chip_numbers` are the first and the last where
    the first is not 0, as in a part of a study. `sweep` is there where there is one, and
    `measure` where another one than the accuracy is measured: all values are of it then, and
    `digital_ci95_new_images` is the interval of the digital network's.
    """

    normalisation: str
    created: str
    digital_accuracy: float
    digital: Digital
    rows: list[RowDict]
    differences: list[Difference]
    spec_digest: str
    versions: dict[str, str]
    tiles: list[str]
    notes: list[str]
    warnings: list[str]
    coverage: CoverageEntry | None
    chip_numbers: NotRequired[list[int]]
    sweep: NotRequired[Sweep]
    measure: NotRequired[QuantityEntry]
    digital_ci95_new_images: NotRequired[list[float]]


def quantity_of(summary: Summary) -> Quantity:
    """What a summary's values are of."""
    return Quantity.of(summary.get("measure"))


def digital_bounds(summary: Summary) -> Sequence[float] | None:
    """95 % bounds of the digital network's mean on new images."""
    digital = summary["digital"]
    if "measure" in summary:
        return summary.get("digital_ci95_new_images")
    assert digital["n_correct"] is not None, "an accuracy counts right answers"
    return clopper_pearson(digital["n_correct"], digital["n_images"])


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run's folder as read: its header, its finished trials, and what is to be said of them.

    `warnings` say where drift compensation misleads.

    Trials stand in the order of the run's spec, whatever the order in which they finished.
    """

    header: RunHeader
    trials: tuple[Trial, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def read_run(folder: Path) -> Run:
    """Read header and trials, and check that they belong together.

    Raises InputError if a file is absent or broken, if there is no finished trial, or if a
    trial is of another experiment than the header.
    """
    header = read_header(folder)
    records = read_records(folder)
    check_finished(folder, header, records)
    notes = [*header.notes, *records.notes]
    if any(trial.versions != header.versions for trial in records):
        notes.append("Some trials were computed with other versions than the header names.")
    trials = tuple(sorted(records, key=_order(header.spec)))
    if all(trial.part == "pilot" for trial in trials):
        raise InputError(
            f"{folder / RECORDS_FILE} must hold a finished trial after the pilot, got "
            f"{len(trials)} of the pilot; let the run go on: {header.command}"
        )
    yields = header.spec.get("yield_above", ())
    rows = summarise(trials, header.digital_correct, yields, header.quantity)
    return Run(
        header=header,
        trials=trials,
        rows=tuple(rows),
        notes=tuple(notes),
        warnings=tuple(_warnings(folder)),
    )


def _warnings(folder: Path) -> list[str]:
    """What `layers.json` says of drift compensation; nothing where it is missing or broken."""
    # The page says what is broken: it costs the table nothing else.
    with suppress(InputError):
        return factor_warnings(read_layers(folder))
    return []


def _order(spec: dict[str, Any]) -> Callable[[Trial], tuple[int, int, int, int, float, int]]:
    """The place of a trial in its run: by preset, BN, point, compensation, time and chip."""
    points = {place_of(point): at for at, point in enumerate(spec.get(POINTS, ()))}

    def place(key: str, value: str) -> int:
        values = spec.get(key, ())
        return values.index(value) if value in values else len(values)

    return lambda trial: (
        place("presets", trial.preset),
        place("bn", trial.bn),
        points.get(place_of(trial.point), len(points)),
        place("compensations", trial.compensation),
        trial.t_s,
        trial.chip,
    )


def summarise_run(run: Run) -> Summary:
    """The summary of a run that was read. Raises InputError as `statistics.summarise`."""
    header = run.header
    made = Summary(
        format="analogsim-summary",
        version=1,
        question=header.question,
        command=header.command,
        model=header.model,
        data=header.data,
        normalisation=header.normalisation,
        created=header.created,
        digital_accuracy=header.digital["accuracy"],
        digital=header.digital,
        rows=[_as_json(row) for row in run.rows],
        differences=differences(run.trials, header.digital_correct, header.quantity.differences),
        spec_digest=header.spec_digest,
        versions=header.versions,
        tiles=list(dict.fromkeys(trial.tile for trial in run.trials)),
        notes=list(run.notes),
        warnings=list(run.warnings),
        coverage=header.coverage,
    )
    chips = chip_numbers(header.spec.get(DESIGN))
    if chips is not None and chips.start:
        made["chip_numbers"] = [chips[0], chips[-1]]
    swept = sweep_of(run.rows, run.trials, header)
    if swept is not None:
        made["sweep"] = swept
    if Quantity.KEY in header.spec:
        counts = header.digital
        new = digital_new_images(
            header.digital_correct, counts["n_correct"], counts["n_images"], header.quantity
        )
        made["measure"] = header.quantity.entry()
        if new is not None:
            made["digital_ci95_new_images"] = list(new)
    return made


def _as_json(row: Row) -> RowDict:
    fields = asdict(row)
    if row.point is None:
        del fields["point"]
    return cast(RowDict, fields)


def summary(folder: Path) -> Summary:
    """The summary of the run in `folder`. Raises InputError as `read_run` and `summarise`."""
    return summarise_run(read_run(folder))

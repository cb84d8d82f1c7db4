"""What `attribution.json` says: what each source of error and each layer costs.

It is here, below the package that measures it, so that a report is rebuilt without torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, get_type_hints

from analogsim import schema
from analogsim.errors import InputError, shown
from analogsim.experiment.folder import write_bytes_atomic
from analogsim.experiment.header import CoverageEntry
from analogsim.experiment.sealed import Head, read_sealed, write_sealed
from analogsim.experiment.statistics import Interval, listed
from analogsim.report.csv_file import csv_lines

ATTRIBUTION_FILE = "attribution.json"
TREATMENTS_FOLDER = "treatments"
CSV_FILE, PLOT_FILE, TEXT_FILE = "attribution.csv", "attribution.png", "attribution.md"
FORMAT, VERSION = "analogsim-attribution", 1
_REMEDY = "run analogsim attribute again"


class Estimate(TypedDict):
    """A mean over chips as a fraction, with 95 % intervals; None for one chip.

    `low`, `high` and `p` (of such a mean if the true one is 0) are for these images, `new_images`
    ([low, high]) for new images: None where single answers were not recorded. Where
    nothing is random in the chips, the first has no width, and there is no `p`.
    """

    mean: float
    low: float | None
    high: float | None
    n_chips: int
    p: float | None
    new_images: list[float] | None


class Row(TypedDict):
    """What a source or layer costs at one time, in accuracy as a fraction.

    `alone`: nothing else is switched on (for a layer: every other layer is digital).
    `without`: what is gained when it alone is switched off (kept digital). `loss` is positive
    where it costs; it is None where it cannot be measured, for the reason `why`. Where nothing
    random is in it, it is the same for every chip, and its interval has no width by right.
    Bounds, `p` and `new_images` are as in `Estimate`: each by itself, whatever their number.
    """

    kind: Literal["source", "layer"]
    name: str
    title: str
    mode: Literal["alone", "without"]
    t_s: float
    loss: float | None
    low: float | None
    high: float | None
    n_chips: int
    n_images: int
    same_for_every_chip: bool
    why: str
    p: float | None
    new_images: list[float] | None


class Whole(TypedDict):
    """The chip with everything on, and how far the losses alone make up for its own.

    `interaction` is (loss - sum of the losses alone), paired over chips: above 0 the parts cost
    more together than one by one. None where not all parts were measured.
    """

    t_s: float
    accuracy: Estimate
    loss: Estimate
    same_for_every_chip: bool
    accuracy_all_off: float
    sum_of_sources: Estimate | None
    interaction_of_sources: Estimate | None
    sum_of_layers: Estimate | None
    interaction_of_layers: Estimate | None


class Verification(TypedDict):
    """The suggestion measured on chips that had no part in choosing it."""

    first_chip: int
    last_chip: int
    loss: Estimate
    gain: Estimate
    accuracy: Estimate
    accuracy_kept: Estimate


class Suggestion(TypedDict):
    """Layers to keep digital, for one time.

    `predicted` is the sum of the layers' gains `without`, over the chips that chose them, and so
    too good on average. `reached` says whether it reaches what was asked.
    """

    t_s: float
    asked: str
    keep_digital: list[str]
    option: str
    reached: bool
    predicted: Estimate
    weights_share: float
    macs_share: float
    verification: Verification


class Attribution(Head):
    """The content of `attribution.json`."""

    preset: str
    compensation: str
    seed: int
    chips: int
    n_images: int
    digital_accuracy: float
    whole: list[Whole]
    rows: list[Row]
    suggestion: Suggestion | None
    no_suggestion: str
    sentences: list[str]
    spec: dict[str, Any]
    versions: dict[str, str]
    coverage: CoverageEntry | None


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What a source or layer costs in accuracy (a fraction) at `t_s` seconds.

    `kind` is `source` or `layer`; `mode` is `alone` (all else off) or `without` (gained when it
    alone is off). `loss` is None where it could not be measured. `low` and `high` are for the
    images of the run, `new_images` for new images: None in older files.
    """

    kind: str
    name: str
    title: str
    mode: str
    t_s: float
    loss: float | None
    low: float | None
    high: float | None
    new_images: list[float] | None = None


_HINTS = get_type_hints(Loss)


def read_losses(folder: Path) -> tuple[Loss, ...]:
    """The rows of `attribution.json`; none where there is no such file.

    Raises:
        InputError: it cannot be read, or is something else; every problem is named.
    """
    path = folder / ATTRIBUTION_FILE
    if not path.exists():
        return ()
    content = read_sealed(path, name=FORMAT, version=VERSION, todo=_REMEDY)
    rows = content.get("rows")
    if not schema.fits(rows, list[dict[str, Any]]):
        raise InputError(f"{path} rows must be a list, got {shown(rows)}; {_REMEDY}")
    rows = [{"new_images": None} | row for row in rows]
    found = [
        problem
        for number, row in enumerate(rows)
        for problem in schema.field_problems(
            {key: value for key, value in row.items() if key in _HINTS}, _HINTS, f"rows[{number}] "
        )
    ]
    found += [
        f"rows[{number}] new_images must be two numbers, got {shown(row['new_images'])}"
        for number, row in enumerate([] if found else rows)
        if row["new_images"] is not None and len(row["new_images"]) != 2
    ]
    if found:
        raise InputError(f"{path} {'; '.join(found)}; {_REMEDY}")
    return losses_of(rows)


def losses_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Loss, ...]:
    """What a report shows of each row."""
    return tuple(Loss(**{key: row[key] for key in _HINTS}) for row in rows)


def read_attribution(folder: Path) -> Attribution | None:
    """All of `attribution.json`; None where there is no such file.

    Raises:
        InputError: it cannot be read, is something else, or is of before it held all this.
    """
    path = folder / ATTRIBUTION_FILE
    if not path.exists():
        return None
    content: Attribution = read_sealed(path, name=FORMAT, version=VERSION, todo=_REMEDY)
    found = list(schema.field_problems(content, get_type_hints(Attribution)))
    if found:
        raise InputError(f"{path} {'; '.join(found)}; {_REMEDY}")
    return content


def csv_text(rows: list[Row]) -> str:
    """The rows as CSV, fractions in full; the bounds for new images in two columns."""
    fields = [name for name in Row.__annotations__ if name != "new_images"]
    lines = []
    for row in rows:
        values: dict[str, Any] = {**row}
        lines.append([*map(values.get, fields), *(row["new_images"] or (None, None))])
    return csv_lines([*fields, "new_images_low", "new_images_high"], lines, end="\n")


def estimate(found: Interval) -> Estimate:
    """An interval as JSON."""
    return Estimate(
        mean=found.mean,
        low=found.low,
        high=found.high,
        n_chips=found.n,
        p=found.p,
        new_images=listed(found.new_images),
    )


def write_attribution(folder: Path, result: Attribution) -> None:
    """Write `attribution.json` (with a checksum) and `attribution.csv`, each whole or not at all.

    Raises OutputError.
    """
    write_sealed(folder / ATTRIBUTION_FILE, result)
    write_bytes_atomic(folder / CSV_FILE, csv_text(result["rows"]).encode())

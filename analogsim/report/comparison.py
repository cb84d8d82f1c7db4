"""What `matched.json` says: devices beside Gaussian noise of the same weight error.

It is here, below the package that measures it, so that a report is rebuilt without torch.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from analogsim import schema
from analogsim.errors import InputError, shown
from analogsim.experiment.header import CoverageEntry
from analogsim.experiment.sealed import Head, read_sealed, write_sealed
from analogsim.experiment.statistics import Interval, listed
from analogsim.quantity import Quantity, QuantityEntry

MATCHED_FILE = "matched.json"
FORMAT, VERSION = "analogsim-matched", 1
_INTERVALS = ("bracket", "ci95", "new_images")


class Estimate(TypedDict):
    """A mean over chips, of accuracies as a fraction, with 95 % intervals; None for one chip.

    `ci95` and `p` (of such a mean if the true one is 0) are for these images, `new_images` for
    new images: None where single answers were not recorded, and in older files.
    """

    mean: float
    ci95: list[float] | None
    n_chips: int
    p: float | None
    new_images: list[float] | None


class EquivalentEta(TypedDict):
    """As `search.Equivalent`; its interval is for these images."""

    eta: float | None
    low: float | None
    high: float | None
    reached: str
    n_levels: int


class Part(TypedDict):
    """What one property of the device's errors makes of the difference; see `parts.py`."""

    prop: str
    meaning: str
    share: Estimate


class Cause(TypedDict):
    """One effect of the device, switched off by setting `option` to 0.

    `difference_without` is (device - its own matched Gaussian) without the effect; `share` is the
    difference with the effect minus the one without, paired over chips.
    """

    option: str
    effect: str
    difference_without: Estimate
    share: Estimate


class Point(TypedDict):
    """A device and its matched Gaussian at one time.

    `difference` is (device - matched), paired over chips, and the sum of the shares of `parts`.
    `sigmas` are in logical weight units.
    """

    preset: str
    control: str
    t_s: float
    accuracy: Estimate
    accuracy_control: Estimate
    difference: Estimate
    sigmas: dict[str, float]
    equivalent: EquivalentEta
    parts: list[Part]
    causes: list[Cause]


class Comparison(Head):
    """The content of `matched.json`.

    `measure` is there where another one than the accuracy is measured: it stands wherever a field
    says accuracy.
    """

    compensation: str
    chips: int
    n_images: int
    digital_accuracy: float
    bracket: list[float]
    points: list[Point]
    sentences: list[str]
    coverage: CoverageEntry | None
    measure: NotRequired[QuantityEntry]


def quantity_of(comparison: Comparison) -> Quantity:
    """What was measured. Raises InputError where a file says it wrongly."""
    return Quantity.of(comparison.get("measure"))


def control_name(preset: str) -> str:
    """How records name the matched Gaussian of a preset; the time is the record's own."""
    return f"gaussian-matched({preset})"


def read_comparison(folder: Path) -> Comparison | None:
    """Read `matched.json`; None where there is none.

    Raises:
        InputError: it cannot be read, or is something else; every problem is named.
    """
    path = folder / MATCHED_FILE
    return read_comparison_file(path) if path.exists() else None


def read_comparison_file(path: Path) -> Comparison:
    """The same of a file under any name; raises as `read_comparison`."""
    todo = "restore it or run the comparison again"
    content = read_sealed(path, name=FORMAT, version=VERSION, todo=todo)
    # Files of before multiply-adds were counted.
    try:
        content = {"coverage": None} | _completed(content)
    except RecursionError as error:
        raise InputError(f"{path} must not be nested deeply, got that; {todo}") from error
    found = list(schema.problems(content, Comparison, "content"))
    found = found or [*_interval_problems(content)]
    if found:
        raise InputError(f"{path} {'; '.join(found)}; {todo}")
    comparison: Comparison = content
    try:
        quantity_of(comparison)
    except InputError as error:
        raise InputError(f"{path} {error}") from error
    return comparison


def _interval_problems(content: Any) -> Iterator[str]:
    """Intervals that have not two ends."""
    if isinstance(content, list):
        for one in content:
            yield from _interval_problems(one)
    elif isinstance(content, dict):
        for name, value in content.items():
            if name in _INTERVALS and isinstance(value, list) and len(value) != 2:
                yield f"{name} must be two numbers, got {shown(value)}"
            else:
                yield from _interval_problems(value)


def _completed(content: Any) -> Any:
    """With null for what estimates of older files do not say."""
    if isinstance(content, list):
        return [_completed(one) for one in content]
    if not isinstance(content, dict):
        return content
    found = {name: _completed(value) for name, value in content.items()}
    return {"p": None, "new_images": None} | found if "ci95" in found else found


def estimate(found: Interval) -> Estimate:
    """An interval as JSON."""
    return Estimate(
        mean=found.mean,
        ci95=listed(found.bounds),
        n_chips=found.n,
        p=found.p,
        new_images=listed(found.new_images),
    )


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write `matched.json`, whole or not at all, with a checksum. Raises OutputError."""
    write_sealed(folder / MATCHED_FILE, comparison)

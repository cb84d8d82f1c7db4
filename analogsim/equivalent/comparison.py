"""What `matched.json` says: devices beside Gaussian noise of the same weight error."""

from pathlib import Path
from typing import TypedDict

from analogsim.experiment.folder import write_json_atomic
from analogsim.experiment.statistics import Interval

MATCHED_FILE = "matched.json"
FORMAT, VERSION = "analogsim-matched", 1


class Estimate(TypedDict):
    """A mean over chips with its 95 % interval, None for one chip. All are fractions."""

    mean: float
    ci95: list[float] | None
    n_chips: int


class EquivalentEta(TypedDict):
    """As `search.Equivalent`."""

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


class Comparison(TypedDict):
    """The content of `matched.json`."""

    format: str
    version: int
    question: str
    command: str
    model: str
    data: str
    compensation: str
    chips: int
    n_images: int
    digital_accuracy: float
    bracket: list[float]
    points: list[Point]
    sentences: list[str]


def estimate(found: Interval) -> Estimate:
    """An interval as JSON."""
    bounds = None if found.low is None or found.high is None else [found.low, found.high]
    return Estimate(mean=found.mean, ci95=bounds, n_chips=found.n)


def control_name(preset: str) -> str:
    """How records name the matched Gaussian of a preset; the time is the record's own."""
    return f"gaussian-matched({preset})"


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write `matched.json`, whole or not at all. Raises OutputError."""
    write_json_atomic(folder / MATCHED_FILE, comparison)

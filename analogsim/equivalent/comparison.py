"""`matched.json` is written here; what is in it stands in `analogsim.report.comparison`."""

from pathlib import Path

from analogsim.experiment.sealed import write_sealed
from analogsim.experiment.statistics import Sampled
from analogsim.report.comparison import (
    FORMAT,
    MATCHED_FILE,
    VERSION,
    Cause,
    Comparison,
    EquivalentEta,
    Estimate,
    Part,
    Point,
    control_name,
)

__all__ = [
    "FORMAT",
    "MATCHED_FILE",
    "VERSION",
    "Cause",
    "Comparison",
    "EquivalentEta",
    "Estimate",
    "Part",
    "Point",
    "control_name",
    "estimate",
    "write_comparison",
]


def estimate(found: Sampled) -> Estimate:
    """An interval as JSON."""
    return Estimate(
        mean=found.mean,
        ci95=None if found.low is None or found.high is None else [found.low, found.high],
        n_chips=found.n,
        p=found.p,
        new_images=None if found.new_images is None else list(found.new_images),
    )


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write `matched.json`, whole or not at all, with a checksum. Raises OutputError."""
    write_sealed(folder / MATCHED_FILE, comparison)

"""`attribution.json` is written here; what is in it stands in `analogsim.report.attribution`."""

from pathlib import Path

from analogsim.experiment.folder import write_bytes_atomic
from analogsim.experiment.sealed import write_sealed
from analogsim.experiment.statistics import Sampled
from analogsim.report.attribution import (
    ATTRIBUTION_FILE,
    CSV_FILE,
    FORMAT,
    VERSION,
    Attribution,
    Estimate,
    Row,
    Suggestion,
    Verification,
    Whole,
    csv_text,
)

__all__ = [
    "FORMAT",
    "VERSION",
    "Attribution",
    "Estimate",
    "Row",
    "Suggestion",
    "Verification",
    "Whole",
    "estimate",
    "write_attribution",
]


def estimate(found: Sampled) -> Estimate:
    """An interval as JSON."""
    return Estimate(
        mean=found.mean,
        low=found.low,
        high=found.high,
        n_chips=found.n,
        p=found.p,
        new_images=None if found.new_images is None else list(found.new_images),
    )


def write_attribution(folder: Path, result: Attribution) -> None:
    """Write `attribution.json` (with a checksum) and `attribution.csv`, each whole or not at all.

    Raises OutputError.
    """
    write_sealed(folder / ATTRIBUTION_FILE, result)
    write_bytes_atomic(folder / CSV_FILE, csv_text(result["rows"]).encode())

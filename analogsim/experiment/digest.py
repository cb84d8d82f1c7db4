"""Which parts of a run's spec decide the numbers of a trial, and the digest over those."""

import hashlib
from typing import Any

from analogsim import schema

DEVICE_FILES = "device_files"
# Of a sweep; a study without one has neither.
POINTS, WITHIN = "points", "within"
# Parts of a spec that only say how many trials there are, or how they are shown.
GROWING = (
    *("presets", DEVICE_FILES, "times_s", "compensations", "bn"),
    *("scopes", "references", "etas"),
    POINTS,
)
FREE = ("yield_above", WITHIN)
DESIGN = "design"
# Fingerprints; see `Study.inputs`. Folders from before there were any do not have it.
INPUTS = "inputs"


def digest_of(spec: dict[str, Any]) -> str:
    """sha256 (16 digits) over the part of a run's spec that decides a trial's numbers.

    Which presets, times and how many chips there are is not part of it: a trial is the same
    whatever else is asked.
    """
    fixed = {k: v for k, v in spec.items() if k not in (*GROWING, *FREE, DESIGN)}
    return hashlib.sha256(schema.dumps(fixed).encode()).hexdigest()[:16]


def chip_numbers(design: Any) -> range | None:
    """The chips of a plain design as JSON; None for another design, or what is none."""
    if not isinstance(design, dict) or design.get("kind") != "chips":
        return None
    first, chips = design.get("first", 0), design.get("chips")
    if not isinstance(first, int) or not isinstance(chips, int):
        return None
    return range(first, first + chips) if first >= 0 < chips else None

"""What layers and sources of error cost, read from `attribution.json` if that lies in the folder.

Only the fields that a report shows are read; `analogsim attribute` writes more of them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analogsim import schema
from analogsim.errors import InputError, shown
from analogsim.experiment.sealed import read_sealed

ATTRIBUTION_FILE = "attribution.json"
_FORMAT, _VERSION = "analogsim-attribution", 1


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


_HINTS: dict[str, Any] = {
    "kind": str,
    "name": str,
    "title": str,
    "mode": str,
    "t_s": float,
    "loss": float | None,
    "low": float | None,
    "high": float | None,
    "new_images": list[float] | None,
}


def read_losses(folder: Path) -> tuple[Loss, ...]:
    """The rows of `attribution.json`; none where there is no such file.

    Raises:
        InputError: it cannot be read, or is something else; every problem is named.
    """
    path = folder / ATTRIBUTION_FILE
    if not path.exists():
        return ()
    todo = "run analogsim attribute again"
    content = read_sealed(path, name=_FORMAT, version=_VERSION, todo=todo)
    rows = content.get("rows")
    if not schema.fits(rows, list[dict[str, Any]]):
        raise InputError(f"{path} rows must be a list, got {shown(rows)}; {todo}")
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
        raise InputError(f"{path} {'; '.join(found)}; {todo}")
    return tuple(Loss(**{key: row[key] for key in _HINTS}) for row in rows)

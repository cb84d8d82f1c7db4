"""`plan.json`: how an adaptive run deals its images.

It rests on measured times, which a second measurement would not repeat; so it is decided once
and kept.
"""

import dataclasses
from pathlib import Path

from analogsim import schema
from analogsim.errors import InputError
from analogsim.experiment.schedule import Allocation
from analogsim.experiment.sealed import read_sealed, write_sealed

PLAN_FILE = "plan.json"
_FORMAT, _VERSION = "analogsim-plan", 1


def write_plan(folder: Path, plan: Allocation) -> None:
    """Write `plan.json`, whole or not at all. Raises OutputError."""
    content = {"format": _FORMAT, "version": _VERSION, **dataclasses.asdict(plan)}
    write_sealed(folder / PLAN_FILE, content)


def read_plan(folder: Path) -> Allocation | None:
    """Read `plan.json`; None if there is none yet. Raises InputError if it is broken."""
    path = folder / PLAN_FILE
    if not path.exists():
        return None
    content = read_sealed(path, name=_FORMAT, version=_VERSION, todo="restore the file")
    fields = {key: value for key, value in content.items() if key not in {"format", "version"}}
    found = list(schema.field_problems(fields, {"hands": int, "cost_ratio": float}))
    if not found and fields["hands"] < 1:
        found.append(f"hands must be 1 or more, got {fields['hands']}")
    if found:
        raise InputError(f"{path} {'; '.join(found)}; restore the file")
    return Allocation(**fields)

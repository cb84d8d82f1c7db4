"""`plan.json`: how an adaptive run deals its images.

It rests on measured times, which a second measurement would not repeat; so it is decided once
and kept.
"""

import dataclasses
from pathlib import Path

from analogsim import own_files, schema, seal
from analogsim.errors import InputError
from analogsim.experiment.folder import write_json_atomic
from analogsim.experiment.header import check_format
from analogsim.experiment.schedule import Allocation

PLAN_FILE = "plan.json"
_FORMAT, _VERSION = "analogsim-plan", 1


def write_plan(folder: Path, plan: Allocation) -> None:
    """Write `plan.json`, whole or not at all. Raises OutputError."""
    content = {"format": _FORMAT, "version": _VERSION, **dataclasses.asdict(plan)}
    write_json_atomic(folder / PLAN_FILE, seal.sealed(content))


def read_plan(folder: Path) -> Allocation | None:
    """Read `plan.json`; None if there is none yet. Raises InputError if it is broken."""
    path = folder / PLAN_FILE
    if not path.exists():
        return None
    try:
        content = schema.loads(own_files.read_text(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} must be JSON, got '{error}'; restore the file") from error
    check_format(content, name=_FORMAT, version=_VERSION, where=str(path))
    try:
        content = seal.unsealed(content)
    except ValueError as error:
        raise InputError(
            f"{path} must be as it was written, got {error}; restore the file"
        ) from error
    fields = {key: value for key, value in content.items() if key not in {"format", "version"}}
    found = list(schema.field_problems(fields, {"hands": int, "cost_ratio": float}))
    if not found and fields["hands"] < 1:
        found.append(f"hands must be 1 or more, got {fields['hands']}")
    if found:
        raise InputError(f"{path} {'; '.join(found)}; restore the file")
    return Allocation(**fields)

"""A run's folder before a run writes to it: either new or the same run's, unfinished."""

import json
from pathlib import Path
from typing import Any

from analogsim.errors import InputError, OutputError
from analogsim.experiment.folder import is_litter
from analogsim.experiment.header import HEADER_FILE, RunHeader, read_header
from analogsim.experiment.records import RECORDS_FILE
from analogsim.experiment.study import DESIGN, FREE, GROWING


def find_header(folder: Path) -> RunHeader | None:
    """The header of the run that began in `folder`; None if none did.

    Raises:
        OutputError: the folder holds something else.
        InputError: the header is broken.
    """
    if (folder / HEADER_FILE).exists():
        return read_header(folder)
    first = next((path for path in folder.iterdir() if not is_litter(path)), None)
    # A run that was killed before it wrote its header may have left an empty list of records.
    if first is not None and not (first.name == RECORDS_FILE and first.stat().st_size == 0):
        raise OutputError(
            f"output {folder} must be an empty folder, got one that holds {first.name}; "
            "choose another folder or move that one away"
        )
    return None


def check_same(folder: Path, old: dict[str, Any], new: dict[str, Any], *, extend: bool) -> None:
    """Refuse to go on with another spec than the folder's, unless it only adds.

    Raises:
        InputError: the differences, one a line.
    """
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key) and key not in FREE]
    bad = [key for key in changed if not (extend and _adds(key, old.get(key), new.get(key)))]
    if not bad:
        return
    lines = "".join(
        f"\n  {key}: {json.dumps(old.get(key))} -> {json.dumps(new.get(key))}" for key in bad
    )
    adds = all(_adds(key, old.get(key), new.get(key)) for key in bad)
    todo = (
        "add to the run with --extend, or choose another folder"
        if adds and not extend
        else "choose another folder"
    )
    raise InputError(
        f"run folder {folder} spec must be the one that it was made with, got changes:{lines}\n"
        f"{todo}"
    )


def _adds(key: str, old: Any, new: Any) -> bool:
    """Whether going from old to new leaves every trial of the old spec in place."""
    if key == "device_files":
        # The code of a device that is already there must stay what it is.
        return (old or {}).items() <= (new or {}).items()
    if key in GROWING:
        return isinstance(old, list) and isinstance(new, list) and all(item in new for item in old)
    if key != DESIGN or not isinstance(old, dict) or not isinstance(new, dict):
        return False
    if old.get("kind") != new.get("kind"):
        return False
    if new["kind"] == "chips":
        return bool(new["chips"] >= old["chips"])
    same = {k: v for k, v in old.items() if k != "half_width"}
    return same == {k: v for k, v in new.items() if k != "half_width"} and bool(
        new["half_width"] <= old["half_width"]
    )

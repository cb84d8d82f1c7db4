"""A run's folder before a run writes to it: either new or the same run's."""

import json
import stat
import warnings
from pathlib import Path
from typing import Any

from analogsim import own_files
from analogsim.errors import InputError, OutputError, ResumeWarning
from analogsim.experiment.digest import DESIGN, DEVICE_FILES, FREE, GROWING, INPUTS, chip_numbers
from analogsim.experiment.header import HEADER_FILE, RunHeader, read_header
from analogsim.experiment.records import RECORDS_FILE
from analogsim.inputs.fingerprint import changed

# Of a spec: digests of what is on the disk, which say nothing to a reader.
_CONTENT = (INPUTS, DEVICE_FILES, "images_sha256", "weights_sha256")


def find_header(folder: Path) -> RunHeader | None:
    """The header of the run that began in `folder`; None if none did.

    Raises:
        OutputError: the folder holds something else.
        InputError: the header is broken.
    """
    if (folder / HEADER_FILE).exists():
        return read_header(folder)
    first = own_files.first_other(folder)
    # A run that was killed before it wrote its header may have left an empty list of records.
    if first is not None and not (first.name == RECORDS_FILE and _is_empty(first)):
        raise OutputError(
            f"output {folder} must be an empty folder, got one that holds {first.name}; "
            "choose another folder or move that one away"
        )
    return None


def _is_empty(path: Path) -> bool:
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


def check_same(
    folder: Path, old: dict[str, Any], new: dict[str, Any], *, extend: bool
) -> dict[str, Any]:
    """Refuse to go on with another spec than the folder's, unless it only adds.

    Returns the spec to go on with: the new one, without fingerprints that the folder is too old
    to hold. Of those it warns (ResumeWarning).

    Raises:
        InputError: other images, weights or code; else the differences, one a line.
    """
    unknown = {} if INPUTS in old else new[INPUTS]
    if unknown:
        new = {key: value for key, value in new.items() if key != INPUTS}
    differing = [key for key in {**old, **new} if old.get(key) != new.get(key) and key not in FREE]
    bad = [key for key in differing if not (extend and _adds(key, old.get(key), new.get(key)))]
    if bad and all(key in _CONTENT for key in bad):
        raise InputError(
            f"run folder {folder} inputs must be those that it was made with, got other "
            f"{', '.join(_other_inputs(old, new))}; restore them, or choose another folder"
        )
    if bad:
        raise InputError(_other_spec(folder, old, new, bad, extend=extend))
    if unknown:
        names = ["images (but for 16)" if name == "images" else name for name in unknown]
        warnings.warn(
            f"run folder {folder} was made without fingerprints of its inputs, so these could not "
            f"be compared with those of its trials: {', '.join(names)}",
            ResumeWarning,
            stacklevel=2,
        )
    return new


def _other_inputs(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What else the run would be of, in words."""
    found = ["weights"] if old.get("weights_sha256") != new.get("weights_sha256") else []
    now = new.get(DEVICE_FILES, {})
    for device, files in old.get(DEVICE_FILES, {}).items():
        found += [
            f"device file {one} of {device}" for one in changed(files, now.get(device, files))
        ]
    found += changed(old.get(INPUTS, {}), new.get(INPUTS, {}))
    if "images" not in found and old.get("images_sha256") != new.get("images_sha256"):
        # Of an old folder, or the same files as another library decodes them.
        found.append("pixels of the images")
    return found


def _other_spec(
    folder: Path, old: dict[str, Any], new: dict[str, Any], bad: list[str], *, extend: bool
) -> str:
    lines = "".join(
        f"\n  {key}: {json.dumps(old.get(key))} -> {json.dumps(new.get(key))}"
        for key in bad
        if key not in _CONTENT
    )
    others = _other_inputs(old, new)
    if others:
        lines += f"\n  other inputs: {', '.join(others)}"
    adds = all(_adds(key, old.get(key), new.get(key)) for key in bad)
    todo = (
        "add to the run with --extend, or choose another folder"
        if adds and not extend
        else "choose another folder"
    )
    return (
        f"run folder {folder} spec must be the one that it was made with, got changes:{lines}\n"
        f"{todo}"
    )


def _adds(key: str, old: Any, new: Any) -> bool:
    """Whether going from old to new leaves every trial of the old spec in place."""
    if key == DEVICE_FILES:
        # The code of a device that is already there must stay what it is.
        return (old or {}).items() <= (new or {}).items()
    if key in GROWING:
        return isinstance(old, list) and isinstance(new, list) and all(item in new for item in old)
    if key != DESIGN or not isinstance(old, dict) or not isinstance(new, dict):
        return False
    if old.get("kind") != new.get("kind"):
        return False
    if new["kind"] == "chips":
        before, after = chip_numbers(old), chip_numbers(new)
        if before is None or after is None:
            return False
        return before[0] in after and before[-1] in after
    same = {k: v for k, v in old.items() if k != "half_width"}
    return same == {k: v for k, v in new.items() if k != "half_width"} and bool(
        new["half_width"] <= old["half_width"]
    )

"""The folder of a training: what it was asked, and whether it may go on."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analogsim import own_files
from analogsim.errors import InputError, OutputError, ResumeWarning, plain, shown
from analogsim.experiment.folder import prepare_folder, write_json_atomic
from analogsim.inputs.fingerprint import changed
from analogsim.schema import loads

PLAN_FILE = "training.json"
_MISSING = "nothing"
_INPUTS = "inputs"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What decides the result of a training; written before the first step.

    `inputs` are fingerprints of images and code, each under what it is.
    """

    model: str
    data: str
    normalisation: str
    n_train: int
    recipe: dict[str, Any]
    inputs: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The content of `training.json`."""
        return {"format": "analogsim-training", "version": 1, **vars(self)}


def open_folder(folder: Path, plan: Plan, *, resume: bool, beside: Sequence[str] = ()) -> Path:
    """Make the folder of a new training, or check that it holds this very one.

    Warns (ResumeWarning) where the folder is too old to hold fingerprints.

    Args:
        folder: of the training.
        plan: what is asked.
        resume: whether it may go on.
        beside: names of what may lie in the folder before the training begins.

    Raises:
        OutputError: the folder holds something else, or another training, or any if not `resume`.
        InputError: its plan cannot be read.
    """
    path = folder / PLAN_FILE
    if not (resume and path.is_file()):
        prepare_folder(folder, beside)
        write_json_atomic(path, plan.to_json())
        return folder
    try:
        found = loads(own_files.read_text(path))
    except (OSError, ValueError) as err:
        raise InputError(
            f"training plan {path} must be readable JSON, got '{err}'; restore it, or train again "
            "in another folder"
        ) from err
    asked = plan.to_json()
    del asked[_INPUTS]
    known = found.pop(_INPUTS, None) if isinstance(found, dict) else None
    different = _differences(found, asked)
    if isinstance(known, dict):
        different += [f"other {one}" for one in changed(known, plan.inputs)]
    elif known is not None:
        different.append(f"{_INPUTS} {known!r}")
    if different:
        raise OutputError(
            f"training in {folder} must be the one that is asked for, got {'; '.join(different)}"
            "; ask for the same, or choose another folder"
        )
    if known is None:
        warnings.warn(
            f"training in {folder} began without fingerprints of its inputs, so these could not be "
            f"compared with those of its first epochs: {', '.join(plan.inputs)}",
            ResumeWarning,
            stacklevel=2,
        )
    return folder


def _differences(found: object, asked: dict[str, Any], prefix: str = "") -> list[str]:
    if not isinstance(found, dict):
        return [f"{prefix or 'content'} {shown(found)}"]
    listed = []
    for name in dict.fromkeys([*asked, *found]):
        old, new = found.get(name, _MISSING), asked.get(name, _MISSING)
        if isinstance(new, dict):
            listed += _differences(old, new, f"{name} ")
        elif old != new:
            said = plain(old) if isinstance(old, str) else shown(old)
            listed.append(f"{prefix}{name} {said} (asked for: {new})")
    return listed

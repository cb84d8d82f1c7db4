"""The folder of a training: what it was asked, and whether it may go on."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analogsim import bounded
from analogsim.errors import InputError, OutputError, shown
from analogsim.experiment.folder import prepare_folder, write_json_atomic
from analogsim.schema import loads

PLAN_FILE = "training.json"
WEIGHTS_FILE = "weights.safetensors"
PROVENANCE_FILE = "weights.json"
_MISSING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What decides the result of a training; written before the first step."""

    model: str
    data: str
    normalisation: str
    n_train: int
    recipe: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The content of `training.json`."""
        return {"format": "analogsim-training", "version": 1, **vars(self)}


def open_folder(folder: Path, plan: Plan, *, resume: bool) -> Path:
    """Make the folder of a new training, or check that it holds this very one.

    Raises:
        OutputError: the folder holds something else, or another training, or any if not `resume`.
        InputError: its plan cannot be read.
    """
    path = folder / PLAN_FILE
    if not (resume and path.is_file()):
        prepare_folder(folder)
        write_json_atomic(path, plan.to_json())
        return folder
    try:
        found = loads(bounded.read_text(path))
    except (OSError, ValueError) as err:
        raise InputError(
            f"training plan {path} must be readable JSON, got '{err}'; restore it, or train again "
            "in another folder"
        ) from err
    different = _differences(found, plan.to_json())
    if different:
        raise OutputError(
            f"training in {folder} must be the one that is asked for, got {'; '.join(different)}"
            "; ask for the same, or choose another folder"
        )
    return folder


def is_finished(folder: Path) -> bool:
    """Whether the folder holds the weights of a training that ran to its end."""
    return (folder / PROVENANCE_FILE).is_file()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second process out of the folder; a kill frees it.

    Raises:
        OutputError: another training runs there.
    """
    with (folder / PLAN_FILE).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise OutputError(
                f"training in {folder} must run once at a time, got '{err.strerror}'; wait for the "
                "other process, or choose another folder"
            ) from err
        yield


def _differences(found: object, asked: dict[str, Any], prefix: str = "") -> list[str]:
    if not isinstance(found, dict):
        return [f"{prefix or 'content'} {shown(found)}"]
    listed = []
    for name in dict.fromkeys([*asked, *found]):
        old, new = found.get(name, _MISSING), asked.get(name, _MISSING)
        if isinstance(new, dict):
            listed += _differences(old, new, f"{name} ")
        elif old != new:
            listed.append(
                f"{prefix}{name} {old if isinstance(old, str) else shown(old)} (asked for: {new})"
            )
    return listed

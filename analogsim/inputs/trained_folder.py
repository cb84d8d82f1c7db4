"""A folder that `train` or `harden` wrote, as a network: its model's name, and its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analogsim import own_files
from analogsim.errors import InputError, shown
from analogsim.inputs.names import ZOO_PREFIX
from analogsim.schema import loads, problems

WEIGHTS_FILE = "weights.safetensors"
PROVENANCE_FILE = "weights.json"


def is_trained_folder(folder: Path) -> bool:
    """Whether a training ran to its end there."""
    return (folder / PROVENANCE_FILE).is_file()


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a folder says of its network.

    Attributes:
        model: the text that names it.
        input_ranges: full scale of the DAC of layers by name, where these were learned.
    """

    model: str
    input_ranges: Mapping[str, float]


def read_trained(folder: Path, code: str | None) -> Trained:
    """What the folder of a finished training says of its network.

    Args:
        folder: of a finished training.
        code: the user's `FILE.py:FACTORY`; a folder may come from anybody, so that it names code
            and never runs it.

    Raises:
        InputError: the folder cannot be read, or the network's code is not given.
    """
    path = folder / PROVENANCE_FILE
    try:
        found = loads(own_files.read_text(path))
    except (OSError, ValueError) as error:
        raise InputError(
            f"training result {path} must be readable JSON, got '{error}'; restore it, or give the "
            "network and --weights"
        ) from error
    model = found.get("model") if isinstance(found, dict) else None
    if not isinstance(model, str):
        raise InputError(
            f"training result {path} model must be text, got {shown(model)}; restore it, or give "
            "the network and --weights"
        )
    ranges = found.get("input_ranges", {})
    if wrong := list(problems(ranges, dict[str, float], "input_ranges")):
        raise InputError(f"training result {path} {'; '.join(wrong)}; restore it")
    if model.startswith(ZOO_PREFIX):
        return Trained(model=model, input_ranges=ranges)
    if code is None:
        raise InputError(
            f"folder {folder} must be opened together with its network's code, which it does not "
            f"hold; give --network {shown(model)}"
        )
    return Trained(model=code, input_ranges=ranges)

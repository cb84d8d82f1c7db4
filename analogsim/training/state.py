"""What a training keeps on the disk between epochs: whole or absent, and free of code."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from analogsim import bounded, own_files
from analogsim.errors import InputError, first_line
from analogsim.experiment.folder import write_bytes_atomic

STATE_FILE = "state.pt"
# Network, optimiser and average of 10^9 weights.
_MOST = 32768 * bounded.MIB


@dataclass(frozen=True, kw_only=True)
class State:
    """A training after a whole epoch.

    Attributes:
        epoch: how many epochs are done.
        network: the network's tensors by name.
        optimiser: the state of torch's optimiser (momentum).
        average: the running average of the network, where the recipe asks for one.
        log_bytes: the length of the log at that time.
    """

    epoch: int
    network: dict[str, Tensor]
    optimiser: dict[str, Any]
    average: dict[str, Tensor] | None
    log_bytes: int


def write_state(folder: Path, state: State) -> None:
    """Replace the state of the epoch before. Raises OutputError."""
    content = io.BytesIO()
    torch.save(vars(state), content)
    write_bytes_atomic(folder / STATE_FILE, content.getvalue())


def read_state(folder: Path) -> State | None:
    """The state of the last whole epoch; None before the first one.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return None
    try:
        content = io.BytesIO(own_files.read_bytes(path, _MOST))
        return State(**torch.load(content, map_location="cpu", weights_only=True))
    # What a damaged file raises depends on where it is damaged.
    except Exception as err:
        reason = first_line(err)
        raise InputError(
            f"training state {path} must be whole, got a damaged one ({reason}); "
            "restore it, or train again in another folder"
        ) from err


def remove_state(folder: Path) -> None:
    """What a finished training no longer needs."""
    (folder / STATE_FILE).unlink(missing_ok=True)

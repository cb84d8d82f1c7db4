"""What a training keeps on the disk between epochs: whole or absent, and free of code."""

import io
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from analogsim import own_files
from analogsim.errors import InputError, first_line, shown
from analogsim.experiment.folder import write_bytes_atomic
from analogsim.inputs.weight_choice import unusable
from analogsim.inputs.weight_kind import Kind, kind_of
from analogsim.inputs.weight_pickle import load_torch

STATE_FILE = "state.pt"
_MOMENTUM = "momentum_buffer"
_REMEDY = "restore it, or train again in another folder"


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
        InputError: the file is damaged, or holds something else.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return None
    where = f"training state {path}"
    try:
        # Neither a link nor a pipe.
        os.close(own_files.open_regular(path))
        kind = kind_of(path, where=where).kind
    except OSError as err:
        raise InputError(f"{where} must be readable, got '{err.strerror}'; check it") from err
    if kind is not Kind.TORCH:
        raise InputError(f"{where} must be a file of torch.save, got {kind.value}; {_REMEDY}")
    content = load_torch(path, where=where, mend=_REMEDY)
    wrong = _problem(content)
    if wrong:
        raise InputError(f"{where} must be whole, got {wrong}; {_REMEDY}")
    assert isinstance(content, dict)
    return State(**content)


def _problem(content: object) -> str:
    """What is wrong with the content of a state's file; empty if nothing is."""
    names = {field.name for field in fields(State)}
    if not isinstance(content, dict) or content.keys() != names:
        got = list(content) if isinstance(content, dict) else content
        return f"{shown(got)} in place of {', '.join(sorted(names))}"
    for name in ("epoch", "log_bytes"):
        if type(content[name]) is not int or content[name] < 1:
            return f"{name} {shown(content[name])}"
    for name in ("network", "average"):
        if not _is_network(content[name]) and not (name == "average" and content[name] is None):
            return f"a {name} that is no dictionary of tensors"
    optimiser = content["optimiser"]
    return "" if isinstance(optimiser, dict) and _is_memory(optimiser.get("state")) else (
        "an optimiser without its memory"
    )  # fmt: skip


def _is_network(content: object) -> bool:
    return isinstance(content, dict) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) and unusable(tensor) is None
        for name, tensor in content.items()
    )


def _is_memory(content: object) -> bool:
    """Whether it gives each parameter's momentum by its number."""
    return isinstance(content, dict) and all(
        type(place) is int and isinstance(one, dict) and one.keys() <= {_MOMENTUM}
        for place, one in content.items()
    )


def restore_(
    state: State, network: nn.Module, optimiser: Optimizer, average: nn.Module | None, *, where: str
) -> None:
    """Put a state into what a training starts with; all three are changed.

    The optimiser's settings are the recipe's, whatever the file says of them.

    Raises:
        InputError: it is of another network or recipe.
    """
    if (average is None) != (state.average is None):
        raise InputError(f"{where} must have a running average as the recipe has; {_REMEDY}")
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    memory: dict[int, dict[str, Tensor | None]] = state.optimiser["state"]
    for place, one in memory.items():
        momentum = one.get(_MOMENTUM)
        shape = parameters[place].shape if 0 <= place < len(parameters) else None
        if momentum is not None and not (
            isinstance(momentum, Tensor) and unusable(momentum) is None and momentum.shape == shape
        ):
            raise InputError(f"{where} momentum {place} must be that of a parameter; {_REMEDY}")
    try:
        network.load_state_dict(state.network)
        if average is not None and state.average is not None:
            average.load_state_dict(state.average)
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": memory, "param_groups": groups})
    # What torch raises for names and shapes; hooks of a user's network may raise anything.
    except Exception as err:
        raise InputError(f"{where} must fit the network, got {first_line(err)}; {_REMEDY}") from err


def remove_state(folder: Path) -> None:
    """What a finished training no longer needs."""
    (folder / STATE_FILE).unlink(missing_ok=True)

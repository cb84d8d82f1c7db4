"""A copy of a stranger's network that nothing done to it can reach, or a refusal in words."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from analogsim.errors import InputError, first_line

# What nn.Module keeps of its own beside a user's attributes.
_OWN = frozenset(vars(nn.Module()))


def copy_network(model: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    """A copy in eval mode on the CPU, of the types that the network has, and notes about it.

    Wrappers of `torch.compile` and of data parallelism are left out. What cannot be copied (locks,
    open files) is shared with the network given; kept activations lose their history.

    Raises:
        InputError: it is TorchScript, has weights without values, or cannot be copied.
    """
    notes: list[str] = []
    model = _unwrapped(model, notes, "The network")
    _refuse(model)
    memo: dict[int, Any] = {}
    for name, value in itertools.chain(_attributes(model), model.named_buffers()):
        if isinstance(value, Tensor) and value.requires_grad and not value.is_leaf:
            memo[id(value)] = value.detach().clone()
            if name.rpartition(".")[2] != "weight":
                notes.append(f"Attribute {name}, a kept activation, is copied without its history.")
    made = copied(model, memo, notes)
    shared = {id(m) for m in model.modules()}
    same = [name or "the network" for name, m in made.named_modules() if id(m) in shared]
    if same:
        raise InputError(
            f"network must be one that can be copied, got the same object for {same[0]} (a "
            "__deepcopy__ of its own?); give a network without it"
        )
    for parent in list(made.modules()):
        for name, child in list(parent._modules.items()):
            if child is not None:
                parent._modules[name] = _unwrapped(child, notes, f"Part {name}")
    return made.eval().cpu(), tuple(notes)


def copied(
    module: nn.Module, memo: dict[int, Any] | None = None, notes: list[str] | None = None
) -> nn.Module:
    """`copy.deepcopy`, but for attributes that cannot be copied, which are shared.

    Args:
        module: what to copy.
        memo: as for `copy.deepcopy`.
        notes: takes a sentence for each shared attribute.

    Raises:
        InputError: it cannot be copied even so.
    """
    given = dict(memo or {})
    try:
        return copy.deepcopy(module, dict(given))
    except Exception:  # noqa: BLE001 - a user's attribute may raise anything
        for name, value in _attributes(module):
            probe: dict[int, Any] = {**given, **{id(m): m for m in module.modules()}}
            try:
                copy.deepcopy(value, probe)
            except Exception:  # noqa: BLE001
                given[id(value)] = value
                if notes is not None:
                    notes.append(
                        f"Attribute {name} ({type(value).__name__}) cannot be copied: chips share "
                        "it with the network."
                    )
    try:
        return copy.deepcopy(module, given)
    except Exception as err:
        raise InputError(
            f"network must be one that can be copied, got {type(err).__name__}: "
            f"{first_line(err)}; run a forward pass of a lazy model first, and remove what cannot "
            "be copied"
        ) from err


def _unwrapped(module: nn.Module, notes: list[str], what: str) -> nn.Module:
    while True:
        if _is_compiled(module):
            notes.append(f"{what} is used without torch.compile.")
            inner = module._modules["_orig_mod"]
        elif isinstance(module, nn.DataParallel | DistributedDataParallel):
            notes.append(f"{what} is used without {type(module).__name__}.")
            inner = module.module
        else:
            return module
        assert inner is not None, "a wrapper holds a network"
        module = inner


def _is_compiled(module: nn.Module) -> bool:
    # By name: the import of torch's compiler takes seconds.
    return type(module).__name__ == "OptimizedModule" and "_orig_mod" in module._modules


def _refuse(model: nn.Module) -> None:
    if not isinstance(model, nn.Module):
        raise InputError(
            f"network must be an nn.Module, got {type(model).__name__}; give the network itself"
        )
    for name, m in model.named_modules():
        if isinstance(m, torch.jit.ScriptModule):
            raise InputError(
                f"network must be of Python modules, got TorchScript in {name or 'the whole of it'}"
                "; give the nn.Module that it was scripted or traced from"
            )
    values = list(itertools.chain(model.named_parameters(), model.named_buffers()))
    lazy = [name for name, value in values if nn.parameter.is_lazy(value)]
    if lazy:
        raise InputError(
            f"network must have weights, got {len(lazy)} lazy ones ({lazy[0]}); run one batch first"
        )
    meta = [name for name, value in values if value.is_meta]
    if meta:
        raise InputError(
            f"network must have weights, got {len(meta)} on the meta device ({meta[0]}); load them "
            "first"
        )


def _attributes(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """The attributes of all modules but those that torch keeps itself."""
    for prefix, m in module.named_modules():
        for key, value in vars(m).items():
            if key not in _OWN:
                yield f"{prefix}.{key}" if prefix else key, value

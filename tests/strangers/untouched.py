"""What a conversion must leave alone: the network given, and what a whole program shares."""

import dataclasses
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def fingerprint(net: nn.Module) -> dict[str, Any]:
    """What must stay as it was in the network that is given."""
    modules = dict(net.named_modules())
    state = {name: value.clone() for name, value in net.state_dict().items() if _is_plain(value)}
    return {
        "weights": _Bits(state),
        "modes": {name: module.training for name, module in modules.items()},
        "classes": {name: type(module) for name, module in modules.items()},
        "hooks": {name: _hooks(module) for name, module in modules.items()},
        "gradients": {name: p.requires_grad for name, p in net.named_parameters()},
        "devices": {name: (p.dtype, p.device) for name, p in net.named_parameters()},
        "attributes": {
            f"{name}.{key}": value if isinstance(value, int | float | str) else len(value)
            for name, module in modules.items()
            for key, value in vars(module).items()
            if isinstance(value, int | float | str | list | dict) and not key.startswith("_")
        },
    }


def of_the_process() -> tuple[Any, ...]:
    """What all of a user's program shares, and no conversion may move."""
    numpys = np.random.get_state()  # noqa: NPY002
    return (
        random.getstate(),
        (numpys[0], numpys[1].tobytes(), numpys[2:]),
        torch.get_rng_state().numpy().tobytes(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.backends.mha.get_fastpath_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, Tensor) and not nn.parameter.is_lazy(value) and not value.is_meta


@dataclasses.dataclass(frozen=True, eq=False)
class _Bits:
    values: dict[str, Tensor]

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, _Bits)
        return self.values.keys() == other.values.keys() and all(
            torch.equal(value, other.values[name]) for name, value in self.values.items()
        )

    def __repr__(self) -> str:
        return "weights"


def _hooks(module: nn.Module) -> tuple[int, int]:
    return len(module._forward_hooks), len(module._forward_pre_hooks)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {before[key]} -> {after[key]}" for key in before if before[key] != after[key]
    )

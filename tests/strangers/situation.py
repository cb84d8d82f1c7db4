"""A stranger's network, what it is called with, and what its conversion must come to."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn

ENGINES = ["native", pytest.param("tile", marks=pytest.mark.slow)]
"""What multiplies on a tile: ours, and aihwkit's own tiles, by the same way round them."""


@dataclass(frozen=True)
class Call:
    """The arguments of one call."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Situation:
    """A network and the outcome of its conversion.

    Attributes:
        make: the network; the same one at each call, given the same global seed.
        example: what it is converted with, and called with: a `Call`, or the only argument.
        others: what it is called with besides.
        calibrate: what stands for the example in `convert`, where that is not its arguments.
        refused: a pattern that the refusal must hold; None: it must not be refused.
        may_refuse: a refusal in words is as good as an equal network.
        notes: a pattern each, which one of the notes must hold.
        share: of the multiply-adds that lie on tiles, counted by hand; None: whatever it is. It is
            not looked at where a refusal is as good.
        analog: names of layers that must be on tiles.
        digital: names that must be among the multiply-adds that stay digital.
        silent: names of layers on tiles that do not reach the output, or hold only zeros.
        within: the relative error that is allowed; more where the network itself rounds.
        changes: the forward pass changes the network itself, so that the one given may change.
        options: further arguments of `convert`.
    """

    make: Callable[[], nn.Module]
    example: Any
    others: tuple[Any, ...] = ()
    _: KW_ONLY
    calibrate: Any = None
    refused: str | None = None
    may_refuse: bool = False
    notes: tuple[str, ...] = ()
    share: float | None = 1.0
    analog: tuple[str, ...] = ()
    digital: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    within: float = 1e-4
    changes: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The example's call, then the others."""
        return tuple(call_of(value) for value in (self.example, *self.others))


def call_of(value: Any) -> Call:
    """`value` itself if it is a call, or the call whose only argument it is."""
    return value if isinstance(value, Call) else Call((value,))


def call(*args: Any, **kwargs: Any) -> Call:
    """The call with these arguments."""
    return Call(args, kwargs)


def network(forward: Callable[..., Any], /, **parts: Any) -> nn.Module:
    """A network of a class of its own, with this `forward(self, ...)` and these attributes."""
    made = type("Stranger", (nn.Module,), {"forward": forward})()
    for name, part in parts.items():
        setattr(made, name, part)
    return made


def fresh(forward: Callable[..., Any], /, **parts: Any) -> nn.Module:
    """As `network`, with a copy of each part: for parts that are made once and used often."""
    return network(forward, **copy.deepcopy(parts))


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers; the same ones for the same shape and seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(1000 * seed + len(shape)))


def whole(*shape: int, below: int, seed: int = 0) -> Tensor:
    """Whole numbers from 0 to below - 1, as int64."""
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(seed))

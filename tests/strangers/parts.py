"""What several files of situations are made of: inputs, containers, small networks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tests.strangers.situation import fresh, normal

X, Z = normal(3, 6), normal(5, 6, seed=1)
# A large picture goes through a chip in pieces: 64 of these are more than one.
MANY = normal(64, 3, 64, 64) + torch.arange(64.0).view(-1, 1, 1, 1) / 8
FEW = MANY[:3]
ROWS = normal(6, 8) + torch.arange(6.0)[:, None]


class Pair(NamedTuple):
    logits: Tensor
    hidden: Tensor | None


class Graph:
    """A container that is no mapping: a picture of a graph's nodes and edges."""

    def __init__(self, x: Tensor, edges: Tensor | None) -> None:
        self.x, self.edges = x, edges


class Marked(Tensor):
    """A class of tensor of one's own, as some trainers give to networks."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self.clone()


def one(forward: Callable[..., Any], **parts: Any) -> Callable[[], nn.Module]:
    """A network with a layer for `X` and `Z`, and these parts."""
    return lambda: fresh(forward, **({"fc": nn.Linear(6, 4)} | parts))


def two() -> nn.Sequential:
    """Two layers for `X` and `Z`."""
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))


def with_hook(register: Callable[[nn.Sequential], object]) -> Callable[[], nn.Module]:
    """As `two`, after `register`."""

    def make() -> nn.Module:
        made = two()
        register(made)
        return made

    return make


def rows(forward: Callable[..., Any], **parts: Any) -> Callable[[], nn.Module]:
    """A network with a layer for `ROWS`, and these parts."""
    return lambda: fresh(forward, **({"fc": nn.Linear(8, 4)} | parts))


def thumbnails() -> nn.Sequential:
    """A convolution with large steps: (n, 4) from pictures of 64 x 64."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 4, stride=16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def conv(inputs: int, outputs: int, **more: Any) -> nn.Conv2d:
    """A convolution that keeps the size of a picture."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, **more)

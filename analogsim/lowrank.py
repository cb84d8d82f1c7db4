"""Low-rank adapters: a digital product of few numbers beside a layer whose weight stays as it is.

The layer's output is that of its own weight W, on tiles or not, plus U D x, with D of `rank` rows
(E. Hu et al., arXiv 2106.09685). For a convolution D is one with the layer's own kernel; of several
groups, each has a U and a D of its own. Attention and recurrent cells, whose products torch hides,
are written with linear layers first, as on tiles.
"""

import copy
import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from analogsim.crossbar.conversion.rewrites import REWRITES, key_of
from analogsim.draws.addresses import generator_at
from analogsim.errors import InputError

_DOWN = ".adapter.down.weight"


class LowRank(nn.Module):
    """U D x: what an adapter adds; 0 at its start."""

    def __init__(self, layer: nn.Linear | nn.Conv1d | nn.Conv2d, rank: int) -> None:
        """Of a layer's shape and settings; weights are not drawn yet."""
        super().__init__()
        weight, groups = layer.weight.detach(), getattr(layer, "groups", 1)
        rows = groups * rank
        down: nn.Module = copy.deepcopy(layer)
        assert isinstance(down, nn.Linear | nn.Conv1d | nn.Conv2d)
        down.weight = nn.Parameter(weight.new_empty(rows, *weight.shape[1:]))
        down.bias = None
        up: nn.Linear | nn.Conv1d | nn.Conv2d
        if isinstance(down, nn.Linear):
            down.out_features = rows
            up = nn.Linear(rows, len(weight), bias=False, device="meta")
        else:
            down.out_channels = rows
            kind = nn.Conv1d if isinstance(down, nn.Conv1d) else nn.Conv2d
            up = kind(rows, len(weight), 1, groups=groups, bias=False, device="meta")
        up.weight = nn.Parameter(weight.new_zeros(up.weight.shape))
        self.down, self.up = down, up

    def forward(self, x: Tensor) -> Tensor:
        """What is added to the layer's output."""
        y: Tensor = self.up(self.down(x))
        return y


class Adapted(nn.Module):
    """A layer, `base`, and its `adapter`."""

    def __init__(self, base: nn.Linear | nn.Conv1d | nn.Conv2d, rank: int) -> None:
        super().__init__()
        self.base, self.adapter = base, LowRank(base, rank)
        self.training = base.training

    def forward(self, x: Tensor) -> Tensor:
        """Both together."""
        y: Tensor = self.base(x) + self.adapter(x)
        return y

    @property
    def weight(self) -> Tensor:
        """W + U D, in the layer's shape: torch's attention may ask, and then multiplies itself."""
        own, groups = self.base.weight, getattr(self.base, "groups", 1)
        up, down = (one.weight.flatten(1) for one in (self.adapter.up, self.adapter.down))
        up, down = (one.reshape(groups, -1, one.shape[1]) for one in (up, down))
        whole: Tensor = own + (up @ down).view_as(own)
        return whole

    @property
    def bias(self) -> Tensor | None:
        """The layer's own."""
        return self.base.bias


def adapt_(network: nn.Module, names: Collection[str], rank: int, *, seed: int) -> nn.Module:
    """Put an adapter beside each of the layers, in their places; each adds 0 until it is trained.

    Args:
        network: changed: a layer `conv` is now `conv.base`.
        names: of the layers, as a converted network has them.
        rank: at least 1.
        seed: of the adapters' start.

    Raises:
        InputError: one of these is no linear layer or convolution inside the network.
    """
    for name in names:
        layer = _written_(network, name)
        if type(layer) not in (nn.Linear, nn.Conv1d, nn.Conv2d) or not name:
            got = "the network itself" if not name else type(layer).__name__
            raise InputError(
                f"layer {name} must be an nn.Linear or a convolution inside the network to get an "
                f"adapter, got {got}; choose other layers (--layers), or keep it digital"
            )
    for name in names:
        _adapt_(network, name, rank)
        down = network.get_submodule(f"{name}.adapter.down").get_parameter("weight")
        draws = generator_at(seed, "adapter", name)
        start = torch.randn(down.shape, generator=draws) / math.sqrt(down[0].numel())
        with torch.no_grad():
            down.copy_(start)
    return network


def adapt_for_(network: nn.Module, weights: Mapping[str, Tensor]) -> str:
    """Give a network the adapters that a file's weights have; in words, which; empty for none."""
    found = {name.removesuffix(_DOWN): len(weights[name]) for name in weights if _ends(name)}
    # From outside to inside: an adapted layer may be adapted again.
    for name in sorted(found, key=lambda one: one.count(".")):
        layer = _written_(network, name)
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            found[name] //= getattr(layer, "groups", 1)
            _adapt_(network, name, found[name])
    if not found:
        return ""
    ranks = " and ".join(str(rank) for rank in sorted(set(found.values())))
    return (
        f"low-rank adapters (rank {ranks}) beside {len(found)} layers, which are digital wherever "
        "the layers lie"
    )


def _ends(name: str) -> bool:
    return name.endswith(_DOWN)


def _written_(network: nn.Module, name: str) -> nn.Module | None:
    """A layer by its name in the converted network; what hides it is written with layers first."""
    modules = dict(network.named_modules())
    for outer in (name, name.rpartition(".")[0]):
        host = modules.get(outer)
        kind = None if host is None else key_of(host)
        if host is not None and kind is not None:
            trained = any(parameter.requires_grad for parameter in host.parameters())
            REWRITES[kind](host).requires_grad_(trained).train(host.training)
            modules = dict(network.named_modules())
    return modules.get(name)


def _adapt_(network: nn.Module, name: str, rank: int) -> None:
    layer = network.get_submodule(name)
    assert isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d)
    parent, _, leaf = name.rpartition(".")
    # Not by setattr: a Sequential's children are named by number.
    network.get_submodule(parent)._modules[leaf] = Adapted(layer, rank)

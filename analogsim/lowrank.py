"""Low-rank adapters: a digital product of few numbers beside a layer whose weight stays as it is.

The layer's output is that of its own weight W, on tiles or not, plus U D x, with D of `rank` rows
(E. Hu et al., arXiv 2106.09685). For a convolution D is one with the layer's own kernel.
"""

import copy
import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from analogsim.draws.addresses import generator_at
from analogsim.errors import InputError

_DOWN = ".adapter.down.weight"


class LowRank(nn.Module):
    """U D x: what an adapter adds; 0 at its start."""

    def __init__(self, layer: nn.Linear | nn.Conv1d | nn.Conv2d, rank: int) -> None:
        """Of a layer's shape and settings; weights are not drawn yet."""
        super().__init__()
        weight = layer.weight.detach()
        shape = (rank, *layer.weight.shape[1:])
        down: nn.Module = copy.deepcopy(layer)
        assert isinstance(down, nn.Linear | nn.Conv1d | nn.Conv2d)
        down.weight, down.bias = nn.Parameter(weight.new_empty(shape)), None
        outputs = len(layer.weight)
        up: nn.Linear | nn.Conv1d | nn.Conv2d
        if isinstance(down, nn.Linear):
            down.out_features = rank
            up = nn.Linear(rank, outputs, bias=False, device="meta")
        else:
            down.out_channels = rank
            kind = nn.Conv1d if isinstance(down, nn.Conv1d) else nn.Conv2d
            up = kind(rank, outputs, 1, bias=False, device="meta")
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


def adapt_(network: nn.Module, names: Collection[str], rank: int, *, seed: int) -> nn.Module:
    """Put an adapter beside each of the layers, in their places; each adds 0 until it is trained.

    Args:
        network: changed: a layer `conv` is now `conv.base`.
        names: of the layers.
        rank: at least 1.
        seed: of the adapters' start.

    Raises:
        InputError: one of these is no linear layer or convolution of one group inside the network.
    """
    modules = dict(network.named_modules())
    for name in names:
        layer = modules.get(name)
        if type(layer) not in (nn.Linear, nn.Conv1d, nn.Conv2d) or not name:
            got = "the network itself" if not name else type(layer).__name__
            raise InputError(
                f"layer {name} must be an nn.Linear or a convolution inside the network to get an "
                f"adapter, got {got}; choose other layers (--layers), or keep it digital"
            )
        assert isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d)
        if getattr(layer, "groups", 1) > 1:
            raise InputError(
                f"layer {name} must have one group to get an adapter, got {layer.groups}; choose "
                "other layers (--layers), or keep it digital"
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
    modules = dict(network.named_modules())
    # From outside to inside: an adapted layer may be adapted again.
    for name, rank in sorted(found.items(), key=lambda one: one[0].count(".")):
        layer = modules.get(name)
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            _adapt_(network, name, rank)
            modules[f"{name}.base"] = layer
    if not found:
        return ""
    ranks = " and ".join(str(rank) for rank in sorted(set(found.values())))
    return (
        f"low-rank adapters (rank {ranks}) beside {len(found)} layers, which are digital wherever "
        "the layers lie"
    )


def _ends(name: str) -> bool:
    return name.endswith(_DOWN)


def _adapt_(network: nn.Module, name: str, rank: int) -> None:
    layer = network.get_submodule(name)
    assert isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d)
    parent, _, leaf = name.rpartition(".")
    # Not by setattr: a Sequential's children are named by number.
    network.get_submodule(parent)._modules[leaf] = Adapted(layer, rank)

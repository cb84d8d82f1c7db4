"""Networks of blocks, and their weights under any names."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from analogsim.inputs.state import load_state_with_notes_
from analogsim.inputs.weight_file import read_weight_file


class Block(nn.Module):
    """A convolution and a BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, bias=False)
        self.bn = nn.BatchNorm2d(2)


class Net(nn.Module):
    """Two stages of two blocks, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(Block(), Block())
        self.layer2 = nn.Sequential(Block(), Block())
        self.fc = nn.Linear(2, 3)


class Wrapped(nn.Module):
    """A network inside another under some name."""

    def __init__(self, name: str, inner: nn.Module) -> None:
        super().__init__()
        self.add_module(name, inner)


def weights_of(make: Callable[[], nn.Module] = Net, seed: int = 1) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return {
        key: torch.randn(t.shape) if t.is_floating_point() else t
        for key, t in make().state_dict().items()
    }


def load_state_(module: nn.Module, weights: Mapping[str, Tensor], *, where: str) -> nn.Module:
    load_state_with_notes_(module, weights, where=where)
    return module


def read_weights(path: Path) -> dict[str, Tensor]:
    return dict(read_weight_file(path).tensors)


def loaded(network: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return load_state_(network, weights, where="f").state_dict()


def under(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in weights.items()}


def assert_values(got: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
    assert len(got) == len(weights)
    assert all(torch.equal(a, b) for a, b in zip(got.values(), weights.values(), strict=True))

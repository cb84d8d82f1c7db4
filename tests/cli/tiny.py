"""A network of two layers that is always right about its 64 images: what a study costs least on."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import TensorDataset

NET, BARE, IMAGES = (f"{Path(__file__).resolve()}:{name}" for name in ("net", "bare", "images"))
ON = (NET, "--data", IMAGES)
"""The first arguments of a command."""


def net() -> nn.Module:
    """A convolution with batch normalisation and a linear layer, for 1 x 4 x 4 images."""
    norm = nn.BatchNorm2d(4)
    norm.running_var.copy_(torch.tensor([0.5, 1.0, 1.5, 2.0]))
    return _with(norm)


def bare() -> nn.Module:
    """The same without the normalisation."""
    return _with(nn.Identity())


def _with(norm: nn.Module) -> nn.Module:
    made = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), norm, nn.ReLU(), nn.Flatten(), nn.Linear(64, 8)
    )
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=draw))
    return made


def images() -> TensorDataset:
    """Normal numbers; the label of each is what `net` answers."""
    made = torch.randn(64, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return TensorDataset(made, net().eval()(made).argmax(1))


def document(path: Path) -> Any:
    """What a file of JSON says."""
    return json.loads(path.read_text())

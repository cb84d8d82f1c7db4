"""Small networks for the tests of hardening."""

import torch
from torch import Tensor, nn


def small(seed: int = 0) -> nn.Sequential:
    """A convolution, BatchNorm and a linear layer, for images of (1, 8, 8)."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(96, 10),
        )


def images(n: int = 4) -> Tensor:
    """(n, 1, 8, 8)."""
    return torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(5))

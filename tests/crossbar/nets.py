"""Small networks and inputs that the crossbar's tests share."""

import torch
from torch import Tensor, nn


def small_net() -> nn.Module:
    """Convolutions (one grouped, one dilated), BatchNorm, and a linear layer of 576 inputs."""
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, dilation=2),
        nn.AdaptiveAvgPool2d(3),
        nn.Flatten(),
        nn.Linear(576, 10),
    )
    with torch.no_grad():
        net[1].running_mean.normal_(0.0, 0.2)
        net[1].running_var.uniform_(0.5, 2.0)
    return net.eval()


def small_inputs(n: int = 16) -> Tensor:
    """(n, 3, 16, 16) standard normal images."""
    return torch.randn(n, 3, 16, 16, generator=torch.Generator().manual_seed(5))


def relative_error(got: Tensor, expected: Tensor) -> float:
    """|got - expected| / |expected|, Frobenius norms."""
    return float((got - expected).norm() / expected.norm())

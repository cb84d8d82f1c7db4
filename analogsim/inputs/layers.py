"""What the zoo's networks share: a convolution with or without normalisation, and its start."""

import torch
from torch import nn


def conv3x3(in_channels: int, out_channels: int, *, stride: int = 1, bias: bool) -> nn.Conv2d:
    """A 3x3 convolution that keeps the image size at stride 1."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=bias)


def or_identity(norm: nn.Module | None) -> nn.Module:
    """The layer, or an identity in its place, so that a network's forward has one form."""
    return nn.Identity() if norm is None else norm


@torch.no_grad()
def he_start_(module: nn.Module) -> nn.Module:
    """Draw all convolution and linear weights as He et al. (ICCV 2015, eq. 10); zero the biases.

    The draws come from torch's global generator, as in any torch constructor.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module

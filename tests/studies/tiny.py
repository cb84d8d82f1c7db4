"""A network and images that are as small as they get, in memory and as files."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

CODE = """
import torch
from torch import nn


def make():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
        ).eval()
"""


def network(width: int = 4, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    """The network of `CODE`, or one like it."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Conv2d(1, width, 3), activation(), nn.Flatten(), nn.Linear(4 * width, 3)
        ).eval()


def images(count: int = 40) -> tuple[Tensor, Tensor]:
    """Images (count, 1, 4, 4) and what the network says of them, (count,)."""
    x = torch.randn(count, 1, 4, 4, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        return x, network()(x).argmax(1)


def write_files(folder: Path) -> tuple[str, str]:
    """The texts that name the network and the images as files in `folder`."""
    (folder / "net.py").write_text(CODE)
    x, y = images()
    np.savez(folder / "set.npz", x=x.numpy(), y=y.numpy())
    return f"{folder / 'net.py'}:make", f"npz:{folder / 'set.npz'}"

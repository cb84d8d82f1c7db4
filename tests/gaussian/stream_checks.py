"""What the tests of the stream share: its definition in float64, and small networks."""

import numpy as np
import pytest
import torch
from torch import nn

from analogsim.draws import stream
from analogsim.draws.stream import Address

ALPHA = 1e-4

TOLERANCE = 2e-6
"""Of a normal z, in units of max(1, |z|): near 0 an absolute error counts, not a relative one."""

# Without numba the stream says so; the tests of both implementations do not depend on it.
without_numba_too = pytest.mark.filterwarnings("ignore:numba is not installed:UserWarning")


def exact_pair(x, y):
    """The two normals of each pair of integers, as real numbers (float64)."""
    u = stream.uniform(x).astype(np.float64)
    y = y.astype(np.int64)
    low = y & (2**30 - 1)
    t = np.where(low >= 2**29, low - 2**30, low) * (2 * np.pi / 2**32)
    c = np.where(y >> 31, -np.cos(t), np.cos(t))
    s = np.sin(t)
    swap = (y >> 30) & 1
    r = np.sqrt(-2 * np.log(u))
    return r * np.where(swap, s, c), r * np.where(swap, c, s)


def exact_normals(address: Address, count: int):
    """The normals of positions 0 to `count` (a multiple of 4), float64."""
    x = stream.integers(address, 0, count).reshape(-1, 4)
    pairs = (*exact_pair(x[:, 0], x[:, 1]), *exact_pair(x[:, 2], x[:, 3]))
    return np.stack(pairs, axis=1).reshape(-1)


def normal_error(got, exact):
    """Largest error in units of max(1, |z|)."""
    return float((np.abs(got - exact) / np.maximum(1, np.abs(exact))).max())


class SmallNetwork(nn.Module):
    """Every role, odd sizes, a grouped and a 1x1 convolution, and a layer that is left out."""

    def __init__(self, *, channels_last: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 6, 3, bias=False)
            self.bn = nn.BatchNorm2d(6)
            self.grouped = nn.Conv2d(6, 8, 3, groups=2)
            self.point = nn.Conv2d(8, 5, 1)
            self.norm = nn.GroupNorm(1, 5)
            self.linear = nn.Linear(5 * 4 * 4, 7)
            for tensor in (self.bn.weight, self.bn.bias, self.bn.running_mean):
                nn.init.normal_(tensor)
            nn.init.uniform_(self.bn.running_var, 0.1, 2.0)
        if channels_last:
            self.to(memory_format=torch.channels_last)
        self.eval().requires_grad_(False)

    def forward(self, x):
        x = self.grouped(self.bn(self.conv(x)).relu()).relu()
        return self.linear(self.norm(self.point(x)).flatten(1))


def named(flat, buffer=None):
    """Copies of a flat buffer's tensors, contiguous, by name."""
    views = flat.views(flat.live if buffer is None else buffer)
    return {name: view.contiguous().clone() for name, view in views.items()}


def equal_bits(first, second):
    """Equal names and equal bits: -0 is not 0."""
    return first.keys() == second.keys() and all(
        torch.equal(first[k].view(torch.int32), second[k].view(torch.int32)) for k in first
    )

"""Output noise, drawn on all of torch's threads; the numbers do not depend on how many."""

import torch
from torch import Tensor

from analogsim.crossbar.pool import each

_CHUNK = 1 << 16
"""Draws that share a generator: enough that seeding it does not count."""


def add_noise_(y: Tensor, sigma: float) -> Tensor:
    """Add normal noise to `y` in place, in `y`'s memory order.

    The draws follow torch's global generator: the same state gives the same noise. Drawing into
    a channels_last tensor directly takes torch's scalar path, which is 8 to 12 times slower.

    Args:
        y: dense, of any memory order.
        sigma: standard deviation, in `y`'s unit.
    """
    n = y.numel()
    if y.device.type != "cpu" or n < 2 * _CHUNK:
        noise = torch.randn(n, dtype=y.dtype, device=y.device)
    else:
        with torch.inference_mode(False):
            # The pool's threads may not write into an inference tensor.
            noise = torch.empty(n, dtype=y.dtype)
        first = int(torch.randint(1 << 62, ()))

        def fill(chunk: int) -> None:
            generator = torch.Generator().manual_seed(first + chunk)
            noise[chunk * _CHUNK : (chunk + 1) * _CHUNK].normal_(generator=generator)

        each(fill, range(-(-n // _CHUNK)), serial=False)
    return y.add_(noise.as_strided(y.size(), y.stride()), alpha=sigma)

"""Move and mirror images; every draw is addressed by the seed, the epoch and the step.

So a training that is broken off goes on with the same images in the same order, and nothing of
a generator's state has to be kept.
"""

import torch
from torch import Tensor
from torch.nn import functional

from analogsim.draws.addresses import seed_of


def epoch_order(n: int, *, seed: int, epoch: int) -> Tensor:
    """The order (n,) in which an epoch takes the images."""
    return torch.randperm(n, generator=_generator(seed, "order", epoch))


def augment(images: Tensor, *, crop: int, flip: bool, seed: int, epoch: int, step: int) -> Tensor:
    """Move each image by its own -crop..crop along both axes; mirror half of them left to right.

    What enters at an edge is the image mirrored at its outermost pixel.

    Args:
        images: (n, channels, height, width) of any dtype.
        crop: the largest move in pixels, below both sides of an image.
        flip: whether to mirror.
        seed, epoch, step: the address of the draws.
    """
    n, channels, height, width = images.shape
    draws = _generator(seed, "augment", epoch, step)
    down, right = torch.randint(-crop, crop + 1, (2, n, 1), generator=draws)
    mirrored = torch.randint(2, (n, 1), generator=draws).bool() & flip
    rows = mirror(down + torch.arange(height), height)
    columns = mirror(right + torch.arange(width), width)
    columns = torch.where(mirrored, columns.flip(1), columns)
    place = images.device
    return images[
        torch.arange(n, device=place).view(n, 1, 1, 1),
        torch.arange(channels, device=place).view(1, channels, 1, 1),
        rows.to(place).view(n, 1, height, 1),
        columns.to(place).view(n, 1, 1, width),
    ]


def shrink(images: Tensor, side: int) -> Tensor:
    """Images (n, channels, height, width) whose shorter side is `side` pixels, low-passed."""
    height, width = images.shape[2:]
    short = min(height, width)
    if side == short:
        return images
    size = (height * side // short, width * side // short)
    return functional.interpolate(images, size=size, mode="bilinear", antialias=True)


def mirror(index: Tensor, size: int) -> Tensor:
    """Indices outside 0..size-1 mirrored at the first and the last: -1 is 1, size is size - 2."""
    last = size - 1
    return last - (last - index.abs()).abs()


def _generator(*address: str | int) -> torch.Generator:
    return torch.Generator().manual_seed(seed_of(*address))

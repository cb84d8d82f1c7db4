"""A large batch goes through a network in pieces of images, which holds fewer activations.

256 images of CIFAR in pieces of 64 take as long as at once, within a tenth (see
`benchmarks/README.md`).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from analogsim.crossbar.forward.packed import is_differentiated

_NUMBERS = 48 * 3 * 32 * 32
"""Numbers in a piece's images, at least: 48 images of CIFAR."""

_IMAGES = 8
"""Images in a piece, at least, however large they are."""


def piece_size(shape: torch.Size) -> int:
    """Images in each piece of a batch of images, (n, channels, height, width).

    Pieces are equal, because a layer packs its weights for one shape; a batch with no divisor of
    a fitting size stays whole, as does one that is no batch of images.
    """
    n, numbers = shape[0] if shape else 1, shape.numel()
    if len(shape) != 4 or not numbers:
        return n
    least = max(_IMAGES, -(-_NUMBERS * n // numbers))
    return next((size for size in range(least, min(n, 4 * least) + 1) if n % size == 0), n)


def in_pieces(compute: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`compute(x)` for a network that treats each of the images `x` by itself.

    Whole where gradients are recorded, and where the output is no tensor with a row an image.
    """
    size = len(x) if is_differentiated(x) or not x.dim() else piece_size(x.shape)
    if size >= len(x):
        return compute(x)
    first, *others = torch.split(x, size)
    output = compute(first)
    if not isinstance(output, Tensor) or output.shape[:1] != first.shape[:1]:
        return compute(x)
    return torch.cat([output, *(compute(piece) for piece in others)])

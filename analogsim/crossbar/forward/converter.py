"""Output noise, bounds, ADC and the digital factors in one pass over a convolution's outputs.

With torch alone each of these is a pass of its own, and drawing the normals takes as long as the
products. Here the normals are those of the reproducible stream (`gaussian.stream`) under a key that
is drawn from torch's global generator: element i in memory order is position i. This needs numba
(extra `fast`). Layers with few outputs an image keep torch's normals: they would not repay loading
the compiled code.
"""

import functools
import math
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from analogsim.crossbar.forward.array_terms import ArrayTerms, Terms
from analogsim.crossbar.forward.packed import is_differentiated
from analogsim.draws.stream import Floats, Stream

LEAST_OUTPUTS = 4096
"""Outputs of one image from which on a layer is converted here."""

_PIECE = 2048
"""Normals drawn at a time: they stay in the innermost cache."""

_EMPTY: Floats = np.empty(0, dtype=np.float32)


@functools.cache
def _compiled() -> ModuleType | None:
    try:
        from analogsim.crossbar.forward import converter_jit
    except ImportError:
        return None
    return converter_jit


class Converter:
    """What happens to the outputs of one split of a layer."""

    def __init__(
        self,
        *,
        sigma: float,
        bound: float,
        rounded: bool,
        factor: Tensor,
        offset: Tensor | None,
        array: ArrayTerms | None = None,
    ) -> None:
        """All in units of the ADC's step.

        Args:
            sigma: standard deviation of the output noise; nothing is drawn for 0.
            bound: outputs beyond it are clipped.
            rounded: whether there is an ADC.
            factor: (channels,), behind the ADC.
            offset: (channels,), added after that.
            array: what the products suffer beside, where they do; without it `terms` have a
                variance alone.
        """
        channels = len(factor)
        unit = math.lcm(channels, 4)
        repeats = unit // channels * max(1, _PIECE // unit)
        self._factor: Floats = np.tile(factor.numpy(), repeats)
        zeros = torch.zeros_like(factor)
        self._offset: Floats = np.tile((zeros if offset is None else offset).numpy(), repeats)
        self._noisy = sigma > 0 or (array is not None and array.noisy)
        self._how = (np.float32(sigma), np.float32(bound), rounded)
        self._unit = np.float32(0.0 if array is None else array.unit)
        spread = torch.ones_like(factor) if array is None else array.spread
        self._spread: Floats = np.tile(spread.numpy(), repeats)

    def __call__(self, y: Tensor, total: Tensor | None, terms: Terms | None = None) -> Tensor:
        """Convert `y` (n, channels, height, width), in place where it is channels_last.

        `total`, of the same shape, is added at the end; `terms` are those of the same products.
        """
        jit = _compiled()
        assert jit is not None, "usable() comes first"
        y = y.contiguous(memory_format=torch.channels_last)
        flat = _flat(y)
        other = _EMPTY
        if total is not None:
            other = _flat(total.contiguous(memory_format=torch.channels_last))
        noisy = self._noisy or (terms is not None and terms.moment is not None)
        key = int(torch.randint(1 << 62, ())) if noisy else 0
        words = np.array((0, 0, int(Stream.OUTPUT), key & 0xFFFFFFFF, key >> 32), dtype=np.uint32)
        # On one thread: with two, torch's own waiting threads are in the way, and nothing is won.
        last = (self._factor, self._offset, other, words)
        if terms is None:
            jit.convert(flat, *self._how, *last)
        else:
            parts = map(_flat_or_none, (terms.current, terms.dropped, terms.moment))
            jit.convert_array(flat, *parts, self._unit, self._spread, *self._how, *last)
        return y


def usable(y: Tensor) -> bool:
    """Whether outputs like `y` are converted here; the number of images does not matter."""
    return (
        y.dim() == 4
        and len(y) > 0
        and y.dtype == torch.float32
        and y.device.type == "cpu"
        and y.numel() // len(y) >= LEAST_OUTPUTS
        and not y.requires_grad
        and not is_differentiated(y)
        and _compiled() is not None
    )


def _flat_or_none(x: Tensor | None) -> Floats:
    return _EMPTY if x is None else _flat(x.contiguous(memory_format=torch.channels_last))


def _flat(x: Tensor) -> Floats:
    array: Floats = x.detach().permute(0, 2, 3, 1).view(-1).numpy()
    return array

"""The vectors of inputs that a layer's tiles see, laid out a few at a time as codes of their DACs.

Images lie channel after channel, so that a tile's part of a patch is a few runs of numbers: columns
are in the order (kernel, channel), and not in the tile's own (channel, kernel).
"""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from analogsim.crossbar.forward.packed import is_differentiated
from analogsim.crossbar.mapping.geometry import Geometry


@functools.cache
def compiled() -> ModuleType | None:
    """The compiled passes; None without numba."""
    try:
        from analogsim.crossbar.forward import patches_jit
    except ImportError:
        return None
    return patches_jit


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The rows of one tile in the order of patches here.

    Attributes:
        channels: for each place of the kernel, which channels of an image.
        order: (rows,): the tile's rows in that order.
    """

    channels: tuple[slice, ...]
    order: Tensor

    @classmethod
    def of(cls, geometry: Geometry, group: int, rows: slice) -> "Columns":
        """Those of the rows `rows` of the matrix of a group."""
        kernel = geometry.kernel_size
        base = group * (geometry.in_features // kernel)
        channels, order = [], []
        for k in range(kernel):
            # Channels whose row c * kernel + k lies on the tile.
            low, high = (-((k - end) // kernel) for end in (rows.start, rows.stop))
            channels.append(slice(base + low, base + high))
            order.append(torch.arange(low, high) * kernel + k - rows.start)
        return cls(channels=tuple(channels), order=torch.cat(order))

    @property
    def width(self) -> int:
        """Number of rows."""
        return len(self.order)


class Patches:
    """All vectors of inputs of one forward pass.

    Attributes:
        vectors: how many.
        fast: whether the compiled passes are taken.
    """

    def __init__(self, geometry: Geometry, x: Tensor) -> None:
        self._geometry = geometry
        self._shape = x.shape
        sides = len(geometry.kernel)
        if sides == 0:
            flat = x.reshape(-1, 1, 1, x.shape[-1])
        else:
            x = geometry.pad(x.reshape(-1, *x.shape[-1 - sides :]))
            flat = (x.unsqueeze(-2) if sides == 1 else x).permute(0, 2, 3, 1)
        self._x = flat.contiguous()
        one = (1,) * (2 - sides)
        self._kernel = (*one, *geometry.kernel)
        self._stride = (*one, *geometry.stride)
        self._dilation = (*one, *geometry.dilation)
        self._sides = tuple(
            (size - d * (k - 1) - 1) // s + 1
            for size, k, s, d in zip(
                self._x.shape[1:3], self._kernel, self._stride, self._dilation, strict=True
            )
        )
        self._each = self._sides[0] * self._sides[1]
        self.vectors = len(self._x) * self._each
        self.fast = (
            x.dtype == torch.float32
            and x.device.type == "cpu"
            and not is_differentiated(x)
            and compiled() is not None
        )

    def parts(self, most: int) -> Iterator[slice]:
        """Consecutive vectors, about `most` at a time; whole images where nothing is compiled."""
        size = most if self.fast else max(1, most // max(1, self._each)) * self._each
        for first in range(0, self.vectors, size):
            yield slice(first, min(self.vectors, first + size))

    def lay_out(self, part: slice, columns: Columns, dac: float) -> tuple[Tensor, Tensor]:
        """The vectors as codes of a DAC with this step (0 is none), and the range of each.

        Returns:
            (vectors, columns) in units of the step, or of the range; and (vectors, 1), 0 for a
            vector of zeros.
        """
        if not self.fast:
            return self._by_torch(part, columns, dac)
        jit = compiled()
        assert jit is not None, "fast says so"
        count = part.stop - part.start
        codes, ranges = torch.empty(count, columns.width), torch.empty(count, 1)
        _, height, width, channels = self._x.shape
        flat = self._x.detach().view(-1).numpy()
        steps = (height * width * channels, self._stride[0] * width * channels)
        where = np.array((*self._sides, *steps, self._stride[1] * channels), dtype=np.int64)
        jit.lay_out(
            codes.numpy(), ranges.view(-1).numpy(), flat, flat.view(np.int32), part.start, where,
            self._runs(columns), np.float32(dac),
        )  # fmt: skip
        return codes, ranges

    def _runs(self, columns: Columns) -> np.ndarray:
        """(runs, 2): where a run of numbers lies behind a patch's first pixel, and its length."""
        _, _, width, channels = self._x.shape
        found: list[list[int]] = []
        places = itertools.product(*map(range, self._kernel))
        for (i, j), part in zip(places, columns.channels, strict=True):
            pixel = i * self._dilation[0] * width + j * self._dilation[1]
            start, length = pixel * channels + part.start, part.stop - part.start
            if found and sum(found[-1]) == start:
                found[-1][1] += length
            elif length:
                found.append([start, length])
        return np.array(found, dtype=np.int64)

    def _by_torch(self, part: slice, columns: Columns, dac: float) -> tuple[Tensor, Tensor]:
        images = self._x[part.start // self._each : part.stop // self._each]
        whole, line, pixel, one = images.stride()
        (sh, sw), (dh, dw) = self._stride, self._dilation
        strides = (whole, sh * line, sw * pixel, dh * line, dw * pixel, one)
        shape = (len(images), *self._sides, *self._kernel, images.shape[-1])
        view = images.as_strided(shape, strides)
        places = itertools.product(*map(range, self._kernel))
        found = [view[:, :, :, i, j, c] for (i, j), c in zip(places, columns.channels, strict=True)]
        x = torch.cat(found, dim=-1).view(-1, columns.width)
        ranges = x.detach().abs().amax(dim=1, keepdim=True)
        unit = torch.where(ranges > 0, ranges * (dac or 1.0), 1.0)
        x = x / unit
        return (x.round() if dac else x), ranges

    def image(self, y: Tensor) -> Tensor:
        """Outputs (vectors, outputs) in the shape of the layer's."""
        outputs = y.shape[1]
        if self._geometry.kind == "linear":
            return y.view(*self._shape[:-1], outputs)
        sides = len(self._geometry.kernel)
        y = y.view(-1, *self._sides[2 - sides :], outputs).movedim(-1, 1)
        return y.view(*self._shape[: -1 - sides], *y.shape[1:])

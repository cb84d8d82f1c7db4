"""The ADC behind the columns of one conversion: noise, bound, codes, digital factor."""

import functools
import math
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from analogsim.crossbar.adc.bins import Bins
from analogsim.crossbar.adc.table import CodeTable
from analogsim.crossbar.forward.array_terms import ArrayTerms, Terms
from analogsim.crossbar.forward.converter import Converter, usable
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.draws.stream import Floats, Stream

_PIECE = 2048
_EMPTY: Floats = np.empty(0, dtype=np.float32)


class AdcStage(nn.Module):
    """Converts outputs that arrive in the converter's steps, channel by channel.

    Attributes:
        sigma: (channels,), standard deviation of the output noise.
        factor: (channels,), behind the ADC.
        offset: (channels,), added after that, or None.
    """

    sigma: Tensor
    factor: Tensor
    offset: Tensor | None
    rows: Tensor | None

    def __init__(
        self,
        *,
        sigma: Tensor,
        bound: float,
        rounded: bool,
        factor: Tensor,
        offset: Tensor | None,
        table: tuple[CodeTable, list[int]] | None,
        array: ArrayTerms | None = None,
    ) -> None:
        """`bound` in steps; `table` with the row of each channel, or None for a uniform ADC.

        `array` is the one whose terms outputs come with; without it these are a variance alone.
        """
        super().__init__()
        # No part of this module: it is the products'.
        self._array = (array,)
        self.register_buffer("sigma", sigma, persistent=False)
        self.register_buffer("factor", factor, persistent=False)
        self.register_buffer("offset", offset, persistent=False)
        self._noisy = bool((sigma > 0).any())
        self._one_sigma = bool((sigma == sigma[0]).all())
        self._bound, self._rounded = bound, rounded
        self._table = None if table is None else table[0]
        rows = None if table is None else torch.tensor(table[1])
        self.register_buffer("rows", rows, persistent=False)
        self._compiled: dict[float, Converter | _Coder] = {}

    def forward(
        self,
        geometry: Geometry,
        y: Tensor,
        total: Tensor | None,
        times: float,
        terms: Terms | None = None,
    ) -> Tensor:
        """Convert `y`, in place where it can be; the result times `times`, plus `total`."""
        if usable(y) and (self._one_sigma or self._table is not None):
            if times not in self._compiled:
                self._compiled[times] = self._compile(times, with_offset=total is None)
            convert = self._compiled[times]
            if isinstance(convert, Converter):
                return convert(y, total, terms)
            y, variance = self.met(geometry, y, terms)
            return convert(y, total, variance)
        return self.finish(geometry, self.digital(geometry, *self.met(geometry, y, terms)), total,
                           times)  # fmt: skip

    def met(
        self, geometry: Geometry, y: Tensor, terms: Terms | None
    ) -> tuple[Tensor, Tensor | None]:
        """`y` less its drop, and the variance of its read noise, in squared steps."""
        (array,) = self._array
        if terms is None or array is None:
            return y, None if terms is None else terms.moment
        lost = array.drop(terms)
        y = y if lost is None else y.sub_(lost)
        moment = terms.moment
        return y, None if moment is None else moment * shaped(array.spread, geometry)

    def digital(self, geometry: Geometry, y: Tensor, variance: Tensor | None = None) -> Tensor:
        """The codes' values, in steps; `variance` is that of what is drawn beside the noise."""
        if self._noisy or variance is not None:
            noise = torch.randn(y.numel(), dtype=y.dtype, device=y.device)
            sigma = shaped(self.sigma, geometry)
            if variance is not None:
                sigma = (variance + sigma.square()).sqrt_()
            y = y.addcmul_(noise.as_strided(y.size(), y.stride()), sigma)
        if self._table is not None:
            return self._coded(geometry, y)
        if self._rounded:
            y.round_()
        return y.clamp_(-self._bound, self._bound)

    def finish(
        self, geometry: Geometry, y: Tensor, total: Tensor | None, times: float = 1.0
    ) -> Tensor:
        """Digital values times their factors; the offset comes with the first of a sum."""
        factor = shaped(self.factor, geometry) * times
        if total is not None:
            return total.addcmul_(y, factor)
        y = y * factor
        return y if self.offset is None else y.add_(shaped(self.offset, geometry))

    def _coded(self, geometry: Geometry, y: Tensor) -> Tensor:
        table, rows = self._table, self.rows
        assert table is not None
        assert rows is not None
        axis = geometry.channel_axis
        by_channel = y.movedim(axis, 0)
        found = coded(by_channel.reshape(len(rows), -1), table, rows)
        return found.reshape(by_channel.shape).movedim(0, axis)

    def _compile(self, times: float, *, with_offset: bool) -> "Converter | _Coder":
        factor, offset = self.factor * times, self.offset if with_offset else None
        if self._table is None:
            return Converter(
                sigma=float(self.sigma[0]),
                bound=self._bound,
                rounded=self._rounded,
                factor=factor,
                offset=offset,
                array=self._array[0],
            )
        assert self.rows is not None
        coding = (self._table, Bins.of(self._table, self._bound), self.rows)
        return _Coder(*coding, sigma=self.sigma, factor=factor, offset=offset)


class _Coder:
    """As `Converter`, for a table of codes."""

    def __init__(
        self,
        table: CodeTable,
        bins: Bins,
        rows: Tensor,
        *,
        sigma: Tensor,
        factor: Tensor,
        offset: Tensor | None,
    ) -> None:
        channels = len(factor)
        unit = math.lcm(channels, 4)
        repeats = unit // channels * max(1, _PIECE // unit)
        zeros = torch.zeros_like(factor)
        self._bins = (bins.edges, bins.below, bins.above, bins.simple, bins.place)
        self._table = (table.thresholds.astype(np.float32), table.values.astype(np.float32))
        self._sigma, self._factor, self._offset = (
            np.tile(each.numpy(), repeats)
            for each in (sigma, factor, zeros if offset is None else offset)
        )
        self._first = np.tile((rows.numpy() * bins.count).astype(np.int32), repeats)
        self._noisy = bool((sigma > 0).any())

    def __call__(self, y: Tensor, total: Tensor | None, variance: Tensor | None = None) -> Tensor:
        y = y.contiguous(memory_format=torch.channels_last)
        flat = _flat(y)
        other = _EMPTY
        if total is not None:
            other = _flat(total.contiguous(memory_format=torch.channels_last))
        spread = _EMPTY
        if variance is not None:
            spread = _flat(variance.contiguous(memory_format=torch.channels_last))
        key = int(torch.randint(1 << 62, ())) if self._noisy or len(spread) else 0
        words = np.array((0, 0, int(Stream.OUTPUT), key & 0xFFFFFFFF, key >> 32), dtype=np.uint32)
        _jit().convert(
            flat,
            self._sigma,
            self._first,
            *self._bins,
            *self._table,
            self._factor,
            self._offset,
            other,
            spread,
            words,
        )
        return y


@functools.cache
def _jit() -> ModuleType:
    from analogsim.crossbar.adc import jit

    return jit


def coded(y: Tensor, table: CodeTable, rows: Tensor) -> Tensor:
    """What converters give for `y` (columns, n), in steps; `rows` of the table (columns,)."""
    thresholds = torch.as_tensor(table.thresholds, dtype=y.dtype, device=y.device)[rows]
    values = torch.as_tensor(table.values, dtype=y.dtype, device=y.device)[rows]
    found = values.gather(1, torch.searchsorted(thresholds, y.contiguous()))
    return torch.where(y.isnan(), y, found)


def shaped(values: Tensor, geometry: Geometry) -> Tensor:
    """`values`, one a channel, shaped to act along a tensor's channels."""
    return values.reshape(-1, *(1 for _ in geometry.kernel))


def _flat(x: Tensor) -> Floats:
    array: Floats = x.detach().permute(0, 2, 3, 1).view(-1).numpy()
    return array

"""A linear layer or convolution seen as one matrix product, whatever its padding or groups."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Kind = Literal["linear", "conv1d", "conv2d"]


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Shape of a layer: `groups` matrices of (`out_features`, `in_features`) each.

    With `block` above 1 each matrix holds that many groups of the layer along its diagonal, and
    zeros elsewhere.
    """

    kind: Kind
    groups: int
    out_features: int
    in_features: int
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    """As for `torch.nn.functional.pad`: last dimension first, (left, right) each."""
    padding_mode: str = "constant"
    block: int = 1

    @property
    def products(self) -> int:
        """Multiply-adds of the digital layer for each number of its output."""
        return self.in_features // self.block

    def in_blocks(self, most_inputs: int, most_outputs: int) -> "Geometry":
        """The same layer with as many groups in each matrix as fit a tile (0 is unlimited)."""
        fitting = [
            n
            for n in range(1, self.groups + 1)
            if self.groups % n == 0
            and (not most_inputs or n * self.in_features <= most_inputs)
            and (not most_outputs or n * self.out_features <= most_outputs)
        ]
        n = max(fitting, default=1)
        return dataclasses.replace(
            self,
            groups=self.groups // n,
            out_features=n * self.out_features,
            in_features=n * self.in_features,
            block=n,
        )

    @property
    def kernel_size(self) -> int:
        """Number of kernel positions: 1 for a linear layer."""
        size = 1
        for k in self.kernel:
            size *= k
        return size

    @property
    def channel_axis(self) -> int:
        """Along which a tensor of inputs or outputs has its channels."""
        return -1 - len(self.kernel)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight that `product` takes: (groups * out, in / kernel, *kernel)."""
        return (
            self.groups * self.out_features,
            self.in_features // self.kernel_size,
            *self.kernel,
        )

    def pad(self, x: Tensor) -> Tensor:
        """The input with the layer's own padding made explicit."""
        if not any(self.padding):
            return x
        return F.pad(x, self.padding, mode=self.padding_mode)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's digital product with a weight of `weight_shape`."""
        if self.kind == "linear":
            return F.linear(x, weight, bias)
        pads = self.zero_padding
        if pads is None:
            x, pads = self.pad(x), (0,) * len(self.kernel)
        if self.kind == "conv1d":
            return F.conv1d(x, weight, bias, self.stride, pads, self.dilation, self.groups)
        return F.conv2d(x, weight, bias, self.stride, pads, self.dilation, self.groups)

    @property
    def zero_padding(self) -> tuple[int, ...] | None:
        """Padding that torch's convolution does itself: zeros, the same on both sides."""
        if self.padding[::2] != self.padding[1::2] or self.padding_mode != "constant":
            return None
        return tuple(reversed(self.padding[::2]))

    def patches(self, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """Input vectors (..., groups * in_features) and the output's spatial shape."""
        if self.kind == "linear":
            return x, ()
        x = self.pad(x)
        kernel, stride, dilation = self.kernel, self.stride, self.dilation
        if self.kind == "conv1d":
            x = x.unsqueeze(-2)
            kernel, stride, dilation = (1, *kernel), (1, *stride), (1, *dilation)
        spatial = tuple(
            (size - d * (k - 1) - 1) // s + 1
            for size, k, s, d in zip(x.shape[-2:], kernel, stride, dilation, strict=True)
        )
        columns = F.unfold(x, kernel, dilation=dilation, stride=stride).transpose(-1, -2)
        return columns, spatial[-len(self.kernel) :]

    def image(self, y: Tensor, spatial: tuple[int, ...]) -> Tensor:
        """The inverse of `patches` for outputs: (..., positions, out) to (..., out, *spatial)."""
        if self.kind == "linear":
            return y
        y = y.transpose(-1, -2)
        return y.reshape(*y.shape[:-1], *spatial)


def geometry_of(module: nn.Module) -> Geometry:
    """The geometry of an `nn.Linear`, `nn.Conv1d` or `nn.Conv2d`."""
    weight = module.weight
    assert isinstance(weight, Tensor)
    # By the weight: who cuts channels away by hand leaves the layer's numbers as they were.
    outputs, in_features = len(weight), weight.numel() // max(1, len(weight))
    if isinstance(module, nn.Linear):
        return Geometry(kind="linear", groups=1, out_features=outputs, in_features=weight.shape[1])
    assert isinstance(module, nn.Conv1d | nn.Conv2d)
    return Geometry(
        kind="conv1d" if isinstance(module, nn.Conv1d) else "conv2d",
        groups=module.groups,
        out_features=outputs // module.groups,
        in_features=in_features,
        kernel=tuple(weight.shape[2:]),
        stride=module.stride,
        dilation=module.dilation,
        padding=_explicit_padding(module),
        padding_mode="constant" if module.padding_mode == "zeros" else module.padding_mode,
    )


def _explicit_padding(module: nn.Conv1d | nn.Conv2d) -> tuple[int, ...]:
    if module.padding == "valid":
        return (0,) * (2 * len(module.kernel_size))
    pads: list[int] = []
    if module.padding == "same":
        # torch puts the odd element of an even kernel on the right.
        for k, d in zip(reversed(module.kernel_size), reversed(module.dilation), strict=True):
            total = d * (k - 1)
            pads += [total // 2, total - total // 2]
        return tuple(pads)
    for p in reversed(cast(Sequence[int], module.padding)):
        pads += [p, p]
    return tuple(pads)


def matrix_of(weight: Tensor, geometry: Geometry) -> Tensor:
    """The weight as (groups, out_features, in_features), float32 on the CPU."""
    shape = (geometry.groups, geometry.out_features, geometry.in_features)
    values = weight.detach().to("cpu", torch.float32)
    if geometry.block == 1:
        return values.reshape(shape)
    n = geometry.block
    parts = values.reshape(shape[0], n, shape[1] // n, shape[2] // n)
    matrix = torch.zeros(shape[0], n, shape[1] // n, n, shape[2] // n)
    for i in range(n):
        matrix[:, i, :, i] = parts[:, i]
    return matrix.reshape(shape)

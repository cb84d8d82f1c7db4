"""A layer's digital product, with a convolution's weight packed once.

torch's own convolution brings its weight into oneDNN's order anew in each call; for a few images of
a wide network that costs half as much as the products. torch's compiler packs weights with these
operators; they need no compiler themselves.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.processor import packs_bfloat16

_DTYPES = (torch.float32, torch.bfloat16)
transformed: Callable[[], bool] = torch._C._are_functorch_transforms_active


@dataclass(frozen=True, kw_only=True)
class _Packed:
    """A weight in oneDNN's order for inputs of one shape, and the convolution with it.

    Both are None where a weight cannot be packed.
    """

    shape: torch.Size
    weight: Tensor | None = None
    convolve: Callable[[Tensor, Tensor | None], Tensor] | None = None


class Product(nn.Module):
    """Computes `Geometry.product` with a weight that it holds: packed, or as it was given.

    Outputs of a 4-dimensional convolution are channels_last where the weight is packed. Only one
    of the two forms is kept; the other one is made of it, with the same bits, when it is needed.
    """

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Empty while the weight is packed; it says on which device and of which type weights are.
        self.register_buffer("weight", torch.empty(0), persistent=False)
        self._packed: _Packed | None = None

    def take_(self, weight: Tensor) -> "Product":
        """Compute with `weight` from now on; it must not be changed afterwards."""
        where = self._buffers["weight"]
        assert where is not None
        self._packed = None
        self._buffers["weight"] = weight.to(where.device, where.dtype)
        return self

    def plain(self) -> Tensor:
        """The weight in torch's order."""
        if self._packed is None or self._packed.weight is None:
            return self.weight
        with torch.inference_mode(False), torch.no_grad():
            return channels_last(self._packed.weight.to_dense())

    def unpack_(self) -> "Product":
        """Keep the weight in torch's order until the next forward pass."""
        if self._packed is not None:
            self.weight, self._packed = self.plain(), None
        return self

    def forward(self, geometry: Geometry, x: Tensor, bias: Tensor | None) -> Tensor:
        """The product of `x` with the weight, plus `bias`. One object serves one geometry."""
        if torch.compiler.is_compiling():
            # After `unpack_`: weights in torch's order are inputs of the compiled pass.
            return geometry.product(x, self.weight, bias)
        # The operators have no derivative, and torch.func's transforms do not know them.
        if is_differentiated(x):
            return geometry.product(x, self.plain(), bias)
        # oneDNN chooses the order by the inputs' shape: outputs then depend on nothing else.
        if self._packed is None or self._packed.shape != x.shape:
            # Outside inference mode, whose tensors could take part in no gradient later.
            with torch.inference_mode(False), torch.no_grad():
                weight = self.plain()
                self._packed = _packed(geometry, x, weight)
                empty = weight.new_empty(0)
            self.weight = weight if self._packed.weight is None else empty
        if self._packed.convolve is None or x.dtype != self.weight.dtype or not x.is_cpu:
            return geometry.product(x, self.plain(), bias)
        return self._packed.convolve(x, bias)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.weight, self._packed = self.plain(), None
        applied: Self = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return applied

    def __getstate__(self) -> dict[str, Any]:
        """A copy packs anew: packed tensors can neither be copied nor pickled."""
        state = {**self.__dict__, "_packed": None}
        state["_buffers"] = {**self._buffers, "weight": self.plain()}
        return state


def is_differentiated(x: Tensor) -> bool:
    """Whether gradients by `x` are recorded, or a transform of torch.func is at work."""
    return (x.requires_grad and torch.is_grad_enabled()) or transformed()


def channels_last(weight: Tensor) -> Tensor:
    """A two-dimensional convolution's weight in the memory order that is fast on a CPU."""
    if weight.dim() != 4:
        return weight
    return weight.contiguous(memory_format=torch.channels_last)


def _packed(geometry: Geometry, x: Tensor, weight: Tensor) -> _Packed:
    """`weight` packed for inputs like `x`, if that can be."""
    pads = geometry.zero_padding
    if (
        geometry.kind != "conv2d"
        or pads is None
        or x.dim() != 4
        or not x.numel()
        or not weight.is_cpu
        or weight.dtype not in _DTYPES
        or not _available()
        or (weight.dtype == torch.bfloat16 and not packs_bfloat16())
    ):
        return _Packed(shape=x.shape)
    how = (pads, geometry.stride, geometry.dilation, geometry.groups)
    packed = torch.ops.mkldnn._reorder_convolution_weight(weight, *how, x.shape)
    convolve = torch.ops.mkldnn._convolution_pointwise.default

    def call(x: Tensor, bias: Tensor | None) -> Tensor:
        # The operator could also add a residual and take the ReLU. That gave 3 % at most, and its
        # ReLU turns NaN into 0.
        output: Tensor = convolve(x, packed, bias, *how, "none", [], "")
        return output

    return _Packed(shape=x.shape, weight=packed, convolve=call)


@functools.cache
def _available() -> bool:
    """Whether this torch has the operators: they are not part of its public interface."""
    operators = torch.ops.mkldnn
    names = ("_reorder_convolution_weight", "_convolution_pointwise")
    built_in: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return built_in and all(hasattr(operators, name) for name in names)

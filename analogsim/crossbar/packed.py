"""A layer's digital product, with a convolution's weight packed once.

torch's own convolution brings its weight into oneDNN's order anew in each call; for a few images of
a wide network that costs half as much as the products. torch's compiler packs weights with these
operators; they need no compiler themselves.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from analogsim.crossbar.geometry import Geometry

_DTYPES = (torch.float32, torch.bfloat16)
_transformed: Callable[[], bool] = torch._C._are_functorch_transforms_active


class Product:
    """Computes `Geometry.product`; keeps the weight packed for inputs of the last shape.

    Outputs of a 4-dimensional convolution are channels_last where it is packed.
    """

    def __init__(self) -> None:
        # Kept, so that no other tensor takes the place of the one that was packed.
        self._source: Tensor | None = None
        self._version: int | None = None
        self._shape = torch.Size()
        self._convolve: Callable[[Tensor, Tensor | None], Tensor] | None = None

    def __call__(
        self, geometry: Geometry, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """The product of `x` with `weight`, plus `bias`. One object serves one geometry."""
        # The operators have no derivative, and torch.func's transforms do not know them.
        if (x.requires_grad and torch.is_grad_enabled()) or _transformed():
            return geometry.product(x, weight, bias)
        # oneDNN chooses the order by the inputs' shape: outputs then depend on nothing else.
        version = None if weight.is_inference() else weight._version
        if weight is not self._source or x.shape != self._shape or version != self._version:
            self._source, self._shape, self._version = weight, x.shape, version
            self._convolve = _packed(geometry, x, weight)
        if self._convolve is None or x.dtype != weight.dtype or not x.is_cpu:
            return geometry.product(x, weight, bias)
        return self._convolve(x, bias)

    def __reduce__(self) -> tuple[type["Product"], tuple[()]]:
        """A copy packs anew: packed tensors can neither be copied nor pickled."""
        return Product, ()


def _packed(
    geometry: Geometry, x: Tensor, weight: Tensor
) -> Callable[[Tensor, Tensor | None], Tensor] | None:
    """The convolution with `weight` for inputs like `x`, or None if it cannot be packed."""
    pads = geometry.zero_padding
    if (
        geometry.kind != "conv2d"
        or pads is None
        or x.dim() != 4
        or not x.numel()
        or not weight.is_cpu
        or weight.dtype not in _DTYPES
        or not _available()
    ):
        return None
    how = (pads, geometry.stride, geometry.dilation, geometry.groups)
    packed = torch.ops.mkldnn._reorder_convolution_weight(weight, *how, x.shape)
    convolve = torch.ops.mkldnn._convolution_pointwise.default

    def call(x: Tensor, bias: Tensor | None) -> Tensor:
        # The operator could also add a residual and take the ReLU. That gave 3 % at most, and its
        # ReLU turns NaN into 0.
        output: Tensor = convolve(x, packed, bias, *how, "none", [], "")
        return output

    return call


@functools.cache
def _available() -> bool:
    """Whether this torch has the operators: they are not part of its public interface."""
    operators = torch.ops.mkldnn
    names = ("_reorder_convolution_weight", "_convolution_pointwise")
    built_in: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return built_in and all(hasattr(operators, name) for name in names)

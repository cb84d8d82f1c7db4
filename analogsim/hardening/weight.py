"""What a layer multiplies with in a training step, and what its gradient passes through."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from analogsim.crossbar.mapping.geometry import Geometry

Backward = Literal["noisy", "clean"]
"""By which weights a layer's gradient reaches its inputs: those of the step's chip, of which the
loss is; or those of the network, as some papers have it."""


@dataclass(frozen=True)
class Weight:
    """A layer's weight as the chip has it.

    Attributes:
        held: of `Geometry.weight_shape`; it takes the gradient.
        clean: by which the gradient of the inputs is computed in place of `held`, or None. The
            gradient of the weight itself depends on inputs and outputs alone.
    """

    held: Tensor
    clean: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> "Weight":
        """Both changed in the same way."""
        return Weight(change(self.held), None if self.clean is None else change(self.clean))

    def product(self, geometry: Geometry, x: Tensor) -> Tensor:
        """The layer's digital product with `x`, without a bias."""
        if self.clean is None:
            return geometry.product(x, self.held, None)
        if geometry.kind != "linear" and x.dim() == len(geometry.kernel) + 1:
            return self.product(geometry, x[None])[0]
        if geometry.zero_padding is None:
            x, none = geometry.pad(x), (0,) * len(geometry.padding)
            geometry = dataclasses.replace(geometry, padding=none, padding_mode="constant")
        y: Tensor = _CleanBackward.apply(x, self.held, self.clean, geometry)  # type: ignore[no-untyped-call]
        return y


class _CleanBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, held: Tensor, clean: Tensor, geometry: Geometry) -> Tensor:
        y = geometry.product(x, held, None)
        # In the type in which autocast multiplies.
        ctx.save_for_backward(x.to(y.dtype), clean.detach().to(y.dtype))
        ctx.geometry = geometry
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, clean = ctx.saved_tensors
        geometry: Geometry = ctx.geometry
        wanted = list(ctx.needs_input_grad[:2])
        if geometry.kind == "linear":
            of_x = grad @ clean if wanted[0] else None
            rows = grad.reshape(-1, len(clean))
            of_weight = rows.t() @ x.reshape(-1, x.shape[-1]) if wanted[1] else None
            return of_x, of_weight, None, None
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            grad, x, clean, None, geometry.stride, geometry.zero_padding, geometry.dilation, False,
            [0] * len(geometry.kernel), geometry.groups, [*wanted, False],
        )  # fmt: skip
        return of_x, of_weight, None, None

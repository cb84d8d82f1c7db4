"""Mean and scale of each channel of a batch, with their gradients, and the map that uses them.

The gradients are written out: on a CPU, autograd's own would pass over the batch three times more.
They can be differentiated once.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

L1_CONSTANT = math.sqrt(math.pi / 2)
"""E|z| is sqrt(2 / pi) for standard normal z: with this factor the L1 scale of normal values is
their standard deviation (Hoffer et al., arXiv 1803.01814, section 4; Wu et al., arXiv 1802.09769).
"""


def topk_constant(n: int) -> float:
    """(1 + sqrt(pi ln 4)) / (2 sqrt(2 ln n)): TopK's factor for `n` >= 2 values a channel.

    The middle of the two bounds of 1 / E max(z_1 .. z_n), z standard normal, which are 1 and
    sqrt(pi ln 4) over sqrt(2 ln n) (Hoffer et al., arXiv 1803.01814, section 4 and `lp_norm.py`).
    It is no exact constant: times the mean of the 10 largest |z| of 10^3, 10^4 or 10^5 normal
    values it gives 1.19, 1.27 or 1.32 standard deviations. Gamma takes up such a factor.
    """
    return (1 + math.sqrt(math.pi * math.log(4))) / (2 * math.sqrt(2 * math.log(n)))


def mean_and_l1(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and L1 scale (channels,) of `x` (batch, channels, ...), in float32 at least."""
    mean, scale = _MeanAndL1.apply(x)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return mean, scale


def mean_and_topk(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Mean and TopK scale (channels,) of `x` (batch, channels, ...), in float32 at least."""
    mean, scale = _MeanAndTopK.apply(x, k)  # type: ignore[no-untyped-call]
    return mean, scale


def scaled(x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """gain x + offset per channel, in the dtype and memory format of `x`.

    Torch's BatchNorm kernel with mean 0 and variance 1: one pass, gradients included.
    """
    zero, one = torch.zeros_like(gain), torch.ones_like(gain)
    return functional.batch_norm(x, zero, one, gain, offset, training=False, eps=0.0)


def _deviations(x: Tensor, mean: Tensor) -> Tensor:
    """x - mean in the dtype of the mean."""
    return x - mean.reshape(-1, *[1] * (x.dim() - 2))


def _mean(x: Tensor) -> Tensor:
    return x.mean(_axes(x), dtype=torch.promote_types(x.dtype, torch.float32))


def _axes(x: Tensor) -> tuple[int, ...]:
    return (0, *range(2, x.dim()))


class _MeanAndL1(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        mean = _mean(x)
        ctx.save_for_backward(x, mean)
        total = torch.linalg.vector_norm(_deviations(x, mean), 1, _axes(x))
        return mean, total * (L1_CONSTANT * mean.numel() / x.numel())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, mean_grad: Tensor, scale_grad: Tensor) -> Tensor:
        x, mean = ctx.saved_tensors
        n = x.numel() / mean.numel()
        # Taken of float32 differences; 1 and -1 are exact in any type.
        signs = _deviations(x, mean).sign_().to(x.dtype)
        slope = scale_grad * (L1_CONSTANT / n)
        # The mean moves all deviations.
        offset = mean_grad / n - slope * _mean(signs)
        return scaled(signs, slope, offset)


class _MeanAndTopK(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, k: int) -> tuple[Tensor, Tensor]:
        mean = _mean(x)
        deviations = _deviations(x, mean).transpose(0, 1).reshape(mean.numel(), -1)
        largest, where = deviations.abs().topk(k, dim=1, sorted=False)
        ctx.save_for_backward(where, deviations.gather(1, where).sign_())
        ctx.shape, ctx.dtype = x.shape, x.dtype
        ctx.n = deviations.shape[1]
        ctx.constant = topk_constant(ctx.n)
        return mean, largest.mean(1) * ctx.constant

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, mean_grad: Tensor, scale_grad: Tensor) -> tuple[Tensor, None]:
        where, signs = ctx.saved_tensors
        slope = (scale_grad * (ctx.constant / where.shape[1]))[:, None] * signs
        offset = (mean_grad - slope.sum(1)) / ctx.n
        # (values, channels): the layout of channels_last, in which networks are trained.
        grad = offset.expand(ctx.n, -1).clone().scatter_add_(0, where.t(), slope.t())
        shape = (ctx.shape[0], *ctx.shape[2:], ctx.shape[1])
        return grad.view(shape).movedim(-1, 1).to(ctx.dtype), None

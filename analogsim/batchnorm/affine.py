"""The affine map per channel that a BatchNorm of any kind is, once its statistics are fixed."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from analogsim.batchnorm.layers import ScaleBatchNorm
from analogsim.errors import InputError

BatchNorm = _BatchNorm | ScaleBatchNorm
"""Layers with statistics of the batch, torch's and ours."""

BATCHNORMS: tuple[type[_BatchNorm], type[ScaleBatchNorm]] = (_BatchNorm, ScaleBatchNorm)
"""The same, for `isinstance`."""


def running_spread(norm: BatchNorm) -> Tensor | None:
    """What the layer divides by, as it stores it: the running variance, or the running scale."""
    return norm.running_scale if isinstance(norm, ScaleBatchNorm) else norm.running_var


@torch.no_grad()
def affine_of(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Gain and offset (channels,), float64, with which eval mode computes gain x + offset.

    gain = gamma / sqrt(variance + eps) for torch's BatchNorm (Ioffe and Szegedy, arXiv 1502.03167,
    section 3.1) and gamma / (scale + eps) for L1 and TopK; offset = beta - mean gain. They are not
    finite where the statistics admit no such map: a negative variance gives NaN.

    Raises:
        InputError: not a BatchNorm, or one without running statistics.
    """
    if not isinstance(norm, BATCHNORMS):
        raise InputError(
            f"affine map must be asked of a BatchNorm, got {type(norm).__name__}; GroupNorm and "
            "LayerNorm have statistics of each input, and no fixed map"
        )
    mean, spread = norm.running_mean, running_spread(norm)
    if mean is None or spread is None:
        raise InputError(
            f"affine map must be asked of a BatchNorm with running statistics, got "
            f"{type(norm).__name__} with track_running_stats={norm.track_running_stats}; "
            "it has no fixed map"
        )
    divisor = spread.double() + norm.eps
    gain = divisor.reciprocal() if isinstance(norm, ScaleBatchNorm) else divisor.rsqrt()
    if norm.weight is not None:
        gain = gain * norm.weight.double()
    offset = -mean.double() * gain
    if norm.bias is not None:
        offset = offset + norm.bias.double()
    return gain, offset

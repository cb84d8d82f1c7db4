"""Batch normalisation by a scale other than the standard deviation: L1 and TopK.

Drop-in training layers for `nn.BatchNorm1d` and `nn.BatchNorm2d`. In train mode, per channel,

    y = gamma (x - mean) / (scale + eps) + beta

with the batch's own mean and scale (`statistics.py`); in eval mode with running ones. There is no
square root in eval mode, and that is their point on noisy hardware: a running variance that noise
turns negative gives NaN, a running scale that it turns negative gives a wrong sign (Fagbohungbe and
Qian, arXiv 2205.04886). Division by exactly `scale = -eps` is all that is not finite.

Sources: the L1 norm is Hoffer et al., "Norm matters", NeurIPS 2018, arXiv 1803.01814, section 4,
and Wu et al., arXiv 1802.09769; TopK is Hoffer et al. The constants and the place of eps are those
of Hoffer et al.'s published code (github.com/eladhoffer/norm_matters, `lp_norm.py`).

Uncertain: of Fagbohungbe and Qian only the abstract could be obtained, so that their k, their
constants and what exactly they noise are not known to be these. Hoffer et al.'s code keeps a
running mean of 1 / (scale + eps); here it is of the scale, which is what a variance's place holds
and what cumulative averages and recalibration expect. No Bessel correction is made.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from analogsim.batchnorm.statistics import mean_and_l1, mean_and_topk, scaled
from analogsim.errors import InputError

TOP_K = 10
"""How many values TopK takes: the default of Hoffer et al.'s code."""


class ScaleBatchNorm(nn.Module, ABC):
    """What L1 and TopK normalisation share; options as in torch's BatchNorm.

    Args:
        num_features: channels, axis 1 of the input.
        eps: added to the scale (not to its square, as torch's is to the variance).
        momentum: the weight of a new batch in the running statistics; None is the average over
            all batches since the last reset.
        affine: learn gamma (`weight`) and beta (`bias`).
        track_running_stats: keep running statistics; without them, eval mode takes the batch's.

    Attributes:
        scale_name: the name of the running scale's buffer. L1 and TopK differ in it, so that
            weights of one are not taken for the other's.
    """

    scale_name: ClassVar[str]
    axes: ClassVar[tuple[int, ...]]
    """How many axes an input may have."""
    running_mean: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        blank = torch.empty(num_features, device=device, dtype=dtype)
        self.weight = nn.Parameter(torch.ones_like(blank)) if affine else None
        self.bias = nn.Parameter(torch.zeros_like(blank)) if affine else None
        tracks = track_running_stats
        self.register_buffer("running_mean", torch.zeros_like(blank) if tracks else None)
        self.register_buffer(self.scale_name, torch.ones_like(blank) if tracks else None)
        count = torch.tensor(0, dtype=torch.long, device=device) if tracks else None
        self.register_buffer("num_batches_tracked", count)

    @property
    def running_scale(self) -> Tensor | None:
        """The running scale (channels,), whatever its buffer is called."""
        return self._buffers[self.scale_name]

    @abstractmethod
    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and scale (channels,) of a batch, in float32 at least, with gradients."""

    @torch.no_grad()
    def reset_running_stats(self) -> None:
        """Forget all batches: mean 0, scale 1."""
        if self.running_mean is not None:
            self.running_mean.zero_()
        if self.running_scale is not None:
            self.running_scale.fill_(1)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.zero_()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Back to the start: gamma 1, beta 0, no batches."""
        self.reset_running_stats()
        if self.weight is not None:
            self.weight.fill_(1)
        if self.bias is not None:
            self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (batch, channels, ...), in the input's dtype and memory format.

        Raises:
            InputError: another number of axes or channels, or too few values for statistics.
        """
        self._check(x)
        mean, scale = self.running_mean, self.running_scale
        if self.training or mean is None or scale is None:
            self._check_values(x)
            mean, scale = self.statistics(x)
            if self.training:
                self._follow_(mean, scale)
        # Statistics in float32 whatever the input's precision (bfloat16 has three digits).
        working = torch.promote_types(x.dtype, torch.float32)
        gain = 1 / (_cast(scale, working) + self.eps)
        if self.weight is not None:
            gain = gain * _cast(self.weight, working)
        offset = -_cast(mean, working) * gain
        if self.bias is not None:
            offset = offset + _cast(self.bias, working)
        return scaled(x, gain, offset)

    @torch.no_grad()
    def _follow_(self, mean: Tensor, scale: Tensor) -> None:
        """Move the running statistics towards those of a batch."""
        running_mean, running_scale = self.running_mean, self.running_scale
        if running_mean is None or running_scale is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        weight = self.momentum
        if weight is None:
            weight = 1 / int(self.num_batches_tracked)
        running_mean.lerp_(mean.to(running_mean.dtype), weight)
        running_scale.lerp_(scale.to(running_scale.dtype), weight)

    def _check(self, x: Tensor) -> None:
        if x.dim() not in self.axes or x.shape[1] != self.num_features:
            axes = " or ".join(str(n) for n in self.axes)
            raise InputError(
                f"{type(self).__name__} input must have {axes} axes and {self.num_features} "
                f"channels on axis 1, got shape {tuple(x.shape)}; make the layer for the channels "
                "that it is given"
            )

    def _check_values(self, x: Tensor) -> None:
        count = x.numel() // self.num_features
        if count < self._least():
            raise InputError(
                f"{type(self).__name__} input must have at least {self._least()} values a channel "
                f"to take statistics of, got {count} (shape {tuple(x.shape)}); give more images, "
                "or use eval mode"
            )

    def _least(self) -> int:
        return 2

    def extra_repr(self) -> str:
        """As torch's BatchNorm."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    # No call where none is needed: folding counts the calls that take a layer's own tensors.
    return tensor if tensor.dtype == dtype else tensor.to(dtype)


class _L1(ScaleBatchNorm):
    scale_name = "running_l1_scale"

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The scale is sqrt(pi / 2) times the mean of |x - mean|."""
        return mean_and_l1(x)


class L1BatchNorm1d(_L1):
    """L1 normalisation of (batch, channels) or (batch, channels, length)."""

    axes = (2, 3)


class L1BatchNorm2d(_L1):
    """L1 normalisation of (batch, channels, height, width)."""

    axes = (4,)


class _TopK(ScaleBatchNorm):
    scale_name = "running_topk_scale"

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        k: int = TOP_K,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)
        if k < 1:
            raise InputError(
                f"{type(self).__name__} k must be at least 1, got {k}; leave it out for {TOP_K}"
            )
        self.k = k

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The scale is C(n) times the mean of the k largest |x - mean|; see `topk_constant`."""
        return mean_and_topk(x, self.k)

    def _least(self) -> int:
        return max(2, self.k)

    def extra_repr(self) -> str:
        """As torch's BatchNorm, and k."""
        return f"{super().extra_repr()}, k={self.k}"


class TopKBatchNorm1d(_TopK):
    """TopK normalisation of (batch, channels) or (batch, channels, length)."""

    axes = (2, 3)


class TopKBatchNorm2d(_TopK):
    """TopK normalisation of (batch, channels, height, width)."""

    axes = (4,)

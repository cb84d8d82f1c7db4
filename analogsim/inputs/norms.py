"""Which normalisation a zoo network has, stage by stage.

A network asks its norm factory for the layer of each stage and channel count. So "the first k
stages only", L1 or TopK normalisation are factories, and the networks do not change.
"""

from collections.abc import Mapping
from typing import Protocol

from torch import nn

from analogsim.batchnorm.layers import L1BatchNorm2d, TopKBatchNorm2d
from analogsim.errors import InputError
from analogsim.inputs.spec import did_you_mean

MAX_GROUPS = 8
"""Most groups of GroupNorm. Wu and He (ECCV 2018, arXiv 1803.08494) use 32 for 64 channels and
more; the narrowest layers here have 16, and keep two channels a group."""


class NormFactory(Protocol):
    """Makes the normalisation layer of a stage."""

    def __call__(self, stage: int, channels: int) -> nn.Module | None:
        """The layer for `channels` feature maps, or None where a stage has no normalisation.

        Stages count from 1; the stem belongs to stage 1. A convolution without a
        normalisation layer gets a bias.
        """
        ...


def batch(stage: int, channels: int) -> nn.Module | None:
    """BatchNorm in every stage."""
    return nn.BatchNorm2d(channels)


def none(stage: int, channels: int) -> nn.Module | None:
    """No normalisation in any stage."""
    return None


def l1(stage: int, channels: int) -> nn.Module | None:
    """L1 normalisation in every stage."""
    return L1BatchNorm2d(channels)


def topk(stage: int, channels: int) -> nn.Module | None:
    """TopK normalisation in every stage."""
    return TopKBatchNorm2d(channels)


def group(stage: int, channels: int) -> nn.Module | None:
    """GroupNorm in every stage, in `n_groups(channels)` groups."""
    return nn.GroupNorm(n_groups(channels), channels)


def n_groups(channels: int) -> int:
    """8, or the largest number below it that divides `channels`."""
    return next(n for n in range(MAX_GROUPS, 0, -1) if channels % n == 0)


NORMS: Mapping[str, NormFactory] = {
    "batch": batch,
    "none": none,
    "l1": l1,
    "topk": topk,
    "group": group,
}


def first_stages(norm: NormFactory, stages: int) -> NormFactory:
    """`norm` in the first `stages` stages, and no normalisation after them."""

    def make(stage: int, channels: int) -> nn.Module | None:
        return norm(stage, channels) if stage <= stages else None

    return make


def parse_norm(text: str, *, where: str) -> NormFactory:
    """The factory that the option `norm=TEXT` names.

    Raises:
        InputError: there is no such normalisation.
    """
    if text not in NORMS:
        raise InputError(
            f"{where} option norm must be one of {', '.join(NORMS)}, got {text!r}"
            f"{did_you_mean(text, NORMS)}"
        )
    return NORMS[text]

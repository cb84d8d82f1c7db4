"""Which normalisation a zoo network has, stage by stage.

A network asks its norm factory for the layer of each stage and channel count. So "the first k
stages only", L1 or TopK normalisation are new factories, and the networks do not change.
"""

from collections.abc import Mapping
from typing import Protocol

from torch import nn

from analogsim.errors import InputError
from analogsim.inputs.spec import did_you_mean


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


NORMS: Mapping[str, NormFactory] = {"batch": batch, "none": none}


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

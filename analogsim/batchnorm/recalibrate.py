"""Estimate BatchNorm's running statistics anew, on a network as it now computes.

Noise and drift move what a BatchNorm is given; its statistics still describe the network as it
was trained. One pass over a few batches of training images describes the network as it is (Tsai et
al., arXiv 2007.03230). Nothing is learned: gain and offset stay.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from analogsim.batchnorm.affine import BATCHNORMS, BatchNorm
from analogsim.call import Inputs
from analogsim.errors import InputError

Method = Literal["average", "adabs"]
METHODS: tuple[Method, ...] = get_args(Method)

ADABS_REST = 0.015
"""What is left of the old statistics after AdaBS (Joshi et al., Nat. Commun. 11:2473, 2020,
Methods): p = 0.015^(1/n) for n batches; n = 13 batches of 200 images there."""

DEFAULT_IMAGES: Mapping[Method, int] = {"average": 1000, "adabs": 2600}
"""AdaBS as published. The average: measured on a ResNet20 on PCM chips after a day and a year, 1000
images come within 1 % of the output error of 5200 and within 0.5 points of their accuracy; 50 lose
up to 2 points."""


@dataclass(frozen=True, kw_only=True)
class Recalibration:
    """How statistics are estimated, and from how many images.

    `average`: the mean over all batches of each batch's mean and unbiased variance; nothing is left
    of the old ones. `adabs`: running = p running + (1 - p) batch with p = 0.015^(1/n).
    """

    method: Method = "average"
    images: int = DEFAULT_IMAGES["average"]
    """Training images, the first ones."""
    batch_size: int = 200
    """Images in a batch; those that are left over join the other batches."""

    def __post_init__(self) -> None:
        problems = [
            f"{what} must be {rule}, got {got!r}"
            for what, rule, got, good in (
                ("method", f"one of {', '.join(METHODS)}", self.method, self.method in METHODS),
                ("images", "at least 2", self.images, self.images >= 2),
                ("batch_size", "at least 2", self.batch_size, self.batch_size >= 2),
            )
            if not good
        ]
        if problems:
            raise InputError(f"recalibration: {'; '.join(problems)}; mend these")

    def batches(self, images: Tensor | Inputs) -> tuple[Inputs, ...]:
        """All of `images` in batches of `batch_size` or a little more, of even size."""
        images = Inputs.of(images)
        parts = max(1, images.n // self.batch_size)
        base, extra = divmod(images.n, parts)
        ends = list(itertools.accumulate(base + (i < extra) for i in range(parts)))
        return tuple(images.rows(a, b) for a, b in zip([0, *ends], ends, strict=False))

    def momentum(self, n_batches: int) -> float | None:
        """What torch calls momentum: the weight of a new batch; None is the cumulative average."""
        if self.method == "average":
            return None
        return 1.0 - math.pow(ADABS_REST, 1.0 / n_batches)

    def describe(self, n_images: int) -> str:
        """The rule in words, for `n_images` that are there."""
        n = max(1, n_images // self.batch_size)
        rule = "cumulative average" if self.method == "average" else "AdaBS"
        return f"{rule} over {n_images} training images in {n} batch{'es' * (n > 1)}"


def recalibration_of(method: Method, images: int | None = None) -> Recalibration:
    """The rule of this name, with its own number of images unless another is given.

    Raises:
        InputError: no such method, or too few images.
    """
    count = DEFAULT_IMAGES.get(method, DEFAULT_IMAGES["average"]) if images is None else images
    return Recalibration(method=method, images=count)


def batchnorms(network: nn.Module, *, tracking: bool = False) -> dict[str, BatchNorm]:
    """The BatchNorm layers of a network by name; `tracking`: those with running statistics."""
    return {
        name: m
        for name, m in network.named_modules()
        if isinstance(m, BATCHNORMS) and (not tracking or m.running_mean is not None)
    }


def copy_statistics_(
    norms: Mapping[str, nn.Module], source: Mapping[str, nn.Module]
) -> Mapping[str, nn.Module]:
    """Give each of `norms` the statistics of the one of the same name in `source`."""
    for name, norm in norms.items():
        for key, value in source[name].named_buffers(recurse=False):
            norm.get_buffer(key).copy_(value)
    return norms


@torch.no_grad()
def recalibrate_(
    norms: Mapping[str, nn.Module],
    forward: Callable[..., object],
    images: Tensor | Inputs,
    rule: Recalibration,
) -> Mapping[str, nn.Module]:
    """Estimate the running statistics of `norms` from forward passes over `images`.

    In each pass all of them are in train mode, and nothing else is: each is given what the others
    make of this batch. A BatchNorm that is called several times in a pass counts each call, and
    one that is never called ends with no statistics, which nothing asks for.

    Args:
        norms: BatchNorm layers with running statistics, by name.
        forward: the network, in eval mode.
        images: at least 2, (images, ...) or calls of so many rows.
        rule: how.

    Raises:
        InputError: too few images, or NaN in one.
    """
    images = Inputs.of(images).refuse_nan()
    if images.n < 2:
        raise InputError(f"recalibration must have at least 2 images, got {images.n}; give more")
    batches = rule.batches(images)
    with _estimating(norms, rule.momentum(len(batches))):
        for batch in batches:
            batch.call(forward)
    return norms


@contextmanager
def _estimating(norms: Mapping[str, nn.Module], momentum: float | None) -> Iterator[None]:
    """The layers in train mode, with this momentum; both are put back."""
    before = {name: (norm.training, norm.momentum) for name, norm in norms.items()}
    try:
        for norm in norms.values():
            if momentum is None:
                norm.reset_running_stats()  # type: ignore[operator]  # as every BatchNorm has
            norm.momentum = momentum  # type: ignore[assignment]
            norm.train()
        yield
    finally:
        for name, norm in norms.items():
            training, norm.momentum = before[name]
            norm.train(training)

"""BatchNorm's running statistics at the end of a training with noise."""

import itertools

import torch
from torch import Tensor, nn

from analogsim.batchnorm.recalibrate import Recalibration, batchnorms, recalibrate_
from analogsim.hardening.noise import TrainingNoise

CHIPS = 50
_BATCH = 100


def estimate_statistics_(
    network: nn.Module, noise: TrainingNoise, images: Tensor, *, chips: int = CHIPS, first: int
) -> None:
    """Estimate BatchNorm's running statistics anew, each as the mean over chips.

    What a training leaves is a moving average over its last few steps, that is over few chips, each
    at a time of its own, with noise times its scale. Here each chip is as it is (scale 1), and
    takes a batch of images in turn. A network without running statistics stays as it is.

    Args:
        network: that of `noise`; it is left in eval mode.
        noise: which chips.
        images: (n, ...), at least 2, as the network takes them.
        chips: how many; each takes 100 images, or all where there are fewer.
        first: number of the first chip's step; that of the steps trained is beyond their chips.

    Raises:
        InputError: too few images, or NaN in one.
    """
    norms = batchnorms(network, tracking=True)
    if not norms:
        return
    batch = min(_BATCH, len(images))
    rows = torch.arange(chips * batch) % len(images)
    numbers = itertools.count(first)

    def forward(chosen: Tensor) -> object:
        with noise.step(next(numbers), scale=1.0):
            return network(images[chosen.to(images.device)])

    network.eval()
    recalibrate_(norms, forward, rows, Recalibration(images=len(rows), batch_size=batch))

"""Training images in memory."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analogsim.draws.addresses import generator_at
from analogsim.inputs.images import Normalise


@dataclass(frozen=True, kw_only=True)
class TrainImages:
    """Training images as stored, (n, channels, height, width), and labels (n,), on one device."""

    images: Tensor
    labels: Tensor
    normalise: Normalise

    def without(self, n: int, *, seed: int) -> "tuple[TrainImages, TrainImages]":
        """These but for `n` of them, and those `n`, drawn from the seed's address."""
        if n == 0:
            return self, self._of(torch.arange(0))
        order = torch.randperm(len(self.labels), generator=generator_at(seed, "held out"))
        return self._of(order[n:].sort().values), self._of(order[:n].sort().values)

    def _of(self, chosen: Tensor) -> "TrainImages":
        place = chosen.to(self.labels.device)
        return TrainImages(
            images=self.images[place], labels=self.labels[place], normalise=self.normalise
        )

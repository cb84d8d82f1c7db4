"""Made-up chips and images with a known truth, for tests of the statistics.

An image has a margin and a chip a quality; a chip is right where margin, quality and noise of its
own sum to more than 0. The digital network is right where the margin is positive.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from analogsim.experiment.statistics.components import Answers


@dataclass
class World:
    """`chip` is the standard deviation of the chips' quality, `loss` the mean they lose."""

    total: int
    chip: float
    loss: float
    noise: float
    seed: int

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.margin = self.rng.normal(1.9, 1.6, self.total)

    @property
    def digital(self) -> np.ndarray:
        return (self.margin > 0).astype(float)

    @property
    def truth(self) -> float:
        """The mean accuracy over all chips, on these images."""
        return float(ndtr((self.margin - self.loss) / np.hypot(self.chip, self.noise)).mean())

    def chip_on(self, images: np.ndarray) -> Answers:
        """The answers of a new chip."""
        quality = self.chip * self.rng.normal() - self.loss
        noise = self.noise * self.rng.normal(size=len(images))
        return Answers(images=images, values=(self.margin[images] + quality + noise > 0) * 1.0)

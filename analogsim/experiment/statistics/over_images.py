"""A mean over units and images, with an interval for these images and one for new ones.

The unit is what could have come out otherwise: a chip, a draw of noise, a training. Each has a
value for each image: an answer (1 right, 0 wrong), the difference of two, a sum of such, or for a
training the mean over its chips.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analogsim.experiment.statistics.components import Answers, Numbers
from analogsim.experiment.statistics.crossed import Estimate, crossed
from analogsim.experiment.statistics.interval import Interval, Span


@dataclass(frozen=True, kw_only=True)
class Sampled(Interval):
    """A mean over units; `low`, `high` and `p` are for these images.

    `new_images` are the bounds where the images, too, count as a sample, with `p_new_images`;
    None where single answers were not recorded, or for one unit.
    """

    new_images: tuple[float, float] | None = None
    p_new_images: float | None = None


def over_images(
    units: Sequence[Numbers], span: Span, level: float = 0.95, flip: float = 1.0
) -> Sampled:
    """Mean of units that all saw the same images; `units` are (images,) each.

    Args:
        units: values of each unit, image by image.
        span: smallest and largest possible mean: `ACCURACY`, `DIFFERENCE` or `ANY`.
        level: of the intervals.
        flip: as of `Answers`.

    Raises InputError for no unit, or one without images.
    """
    chips = [
        Answers(images=np.arange(len(one)), values=np.asarray(one, dtype=np.float64), flip=flip)
        for one in units
    ]
    total = len(chips[0].images) if chips else 0
    return sampled(crossed(chips, total, level=level, span=span))


def sampled(found: Estimate) -> Sampled:
    """An estimate as an interval; the standard deviation is that of its units."""
    spread = float(np.std(found.by_chip, ddof=1)) if found.n_chips > 1 else None
    return Sampled(
        mean=found.mean,
        low=found.low,
        high=found.high,
        std=spread,
        n=found.n_chips,
        p=found.p,
        new_images=found.new_images,
        p_new_images=found.p_new_images,
    )

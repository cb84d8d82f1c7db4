"""A mean over units and images, with an interval for these images and one for new ones.

The unit is what could have come out otherwise: a chip, a draw of noise, a training. Each has a
value for each image: an answer (1 right, 0 wrong), the difference of two, a sum of such, or for a
training the mean over its chips.
"""

from collections.abc import Sequence

import numpy as np

from analogsim.experiment.statistics.components import Answers, Numbers
from analogsim.experiment.statistics.crossed import crossed
from analogsim.experiment.statistics.interval import Interval, Span


def over_images(
    units: Sequence[Numbers], span: Span, level: float = 0.95, flip: float = 1.0
) -> Interval:
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
    return crossed(chips, total, level=level, span=span)

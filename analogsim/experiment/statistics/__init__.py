"""Means, intervals and what else is said over chips.

On the images that were measured, the independent unit is the chip: all images of a trial see the
same programmed weights. What other images would give is another question, with an interval of its
own over chips and images. With one chip there is neither, and none is made up.
"""

from analogsim.experiment.statistics.bounded import bounded_interval
from analogsim.experiment.statistics.by_chip import ByChip
from analogsim.experiment.statistics.chips import chip_yield, percentile_chip, spread
from analogsim.experiment.statistics.components import Numbers
from analogsim.experiment.statistics.crossed import Estimate, crossed
from analogsim.experiment.statistics.interval import (
    ACCURACY,
    ANY,
    DIFFERENCE,
    Interval,
    Span,
    interval,
    listed,
)
from analogsim.experiment.statistics.over_images import over_images
from analogsim.experiment.statistics.paired import less_digital, paired_difference, paired_trials
from analogsim.experiment.statistics.proportion import clopper_pearson
from analogsim.experiment.statistics.rows import (
    Row,
    accuracy_by_chip,
    digital_answers,
    digital_new_images,
    summarise,
)
from analogsim.experiment.statistics.verdict import chance_count, holm, told_apart

__all__ = [
    "ACCURACY",
    "ANY",
    "DIFFERENCE",
    "ByChip",
    "Estimate",
    "Interval",
    "Numbers",
    "Row",
    "Interval",
    "Span",
    "accuracy_by_chip",
    "bounded_interval",
    "chance_count",
    "chip_yield",
    "clopper_pearson",
    "crossed",
    "digital_answers",
    "digital_new_images",
    "holm",
    "interval",
    "less_digital",
    "listed",
    "over_images",
    "paired_difference",
    "paired_trials",
    "percentile_chip",
    "spread",
    "summarise",
    "told_apart",
]

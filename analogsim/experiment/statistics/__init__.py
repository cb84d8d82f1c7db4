"""Means, intervals and what else is said over chips.

The independent unit is the chip: all images of a trial see the same programmed weights, so an
interval over images (binomial) would be far too narrow. With one chip there is no interval, and
none is made up.
"""

from analogsim.experiment.statistics.chips import chip_yield, percentile_chip, spread
from analogsim.experiment.statistics.crossed import Estimate, crossed
from analogsim.experiment.statistics.interval import Interval, interval
from analogsim.experiment.statistics.paired import paired_difference, paired_trials
from analogsim.experiment.statistics.rows import Row, accuracy_by_chip, summarise

__all__ = [
    "Estimate",
    "Interval",
    "Row",
    "accuracy_by_chip",
    "chip_yield",
    "crossed",
    "interval",
    "paired_difference",
    "paired_trials",
    "percentile_chip",
    "spread",
    "summarise",
]

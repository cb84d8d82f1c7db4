"""Is a device more than Gaussian noise? Each beside noise of the same weight error.

`matched_to` measures a device's weight error on a network's chips and gives Gaussian noise of the
same size; `equivalent` searches the one noise level with a device's accuracy; `compare_matched`
does both over times, paired over chips, and says what causes the difference.
"""

from analogsim.equivalent.compare import compare_matched
from analogsim.equivalent.matching import matched_to, measure_errors
from analogsim.equivalent.search import Equivalent, equivalent, ladder

__all__ = [
    "Equivalent",
    "compare_matched",
    "equivalent",
    "ladder",
    "matched_to",
    "measure_errors",
]

"""A mean of few bounded values, whatever their distribution: draws that are NaN or are not.

Student's t takes values as near normal. A draw that turns a variance negative gives NaN and the
accuracy of guessing, another draw nearly the whole accuracy: of such two-valued draws t covers 67
to 83 %. Gaffke's bounds (Three test statistics for a nonparametric one-sided hypothesis on the
mean of a nonnegative variable, Mathematical Methods of Statistics 14 (2005) 451) take random
weights of the values, uniform over all, with one more value at the bound. For two-valued draws
that is Clopper and Pearson's interval, exact; that they cover for every law of more values is a
conjecture, of which no counterexample is known.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError
from analogsim.experiment.statistics.interval import Interval, check_level, check_values

_WEIGHTINGS = 50_000


def bounded_interval(
    values: Sequence[float], least: float, most: float, level: float = 0.95
) -> Interval:
    """Mean of independent values from `least` to `most`, with an interval made for any law.

    Wide where values are few: what was never drawn may be anywhere between the bounds.

    Raises InputError as `interval`, and for a value outside the bounds.
    """
    check_level(level)
    check_values(values)
    outside = [value for value in values if not least <= value <= most]
    if outside:
        raise InputError(
            f"bounded values must be from {least:g} to {most:g}, got {outside[0]:g}; give the "
            "bounds that they have"
        )
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n, mean = len(ordered), float(ordered.mean())
    if n == 1:
        return Interval(mean=mean, low=None, high=None, std=None, n=1)
    weights, tail = _weightings(n + 1), (1 - level) / 2
    below, above = weights @ np.append(ordered, least), weights @ np.append(ordered, most)
    return Interval(
        mean=mean,
        low=float(np.quantile(below, tail)),
        high=float(np.quantile(above, 1 - tail)),
        std=float(ordered.std(ddof=1)),
        n=n,
        p=min(1.0, 2 * min(float((below <= 0).mean()), float((above >= 0).mean()))),
    )


@lru_cache(maxsize=8)
def _weightings(n: int) -> NDArray[np.float64]:
    """(weightings, n): uniform over all weights that sum to 1, the same in every run."""
    return np.random.default_rng(n).dirichlet(np.ones(n), size=_WEIGHTINGS)

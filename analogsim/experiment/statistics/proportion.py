"""Intervals of a share, exact where counts are whole.

Clopper and Pearson, Biometrika 26 (1934) 404. A fraction of a count is an effective one: what
independent answers would have the variance that was found (Korn and Graubard, Survey Methodology
24 (1998) 193).
"""

from analogsim.errors import InputError
from analogsim.experiment.statistics.interval import check_level


def clopper_pearson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Bounds of the share of which `successes` of `n` were seen; counts may be fractions.

    Raises InputError unless 0 <= successes <= n, n > 0, and the level is inside (0, 1).
    """
    check_level(level)
    if not (n > 0 and 0 <= successes <= n):
        raise InputError(
            f"share must be of some answers, got {successes:g} right of {n:g}; correct the counts"
        )
    from scipy.special import betaincinv  # here for the start-up time, as in interval.py

    tail = (1 - level) / 2
    wrong = n - successes
    low = float(betaincinv(successes, wrong + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, wrong, 1 - tail)) if wrong > 0 else 1.0
    return low, high

"""Mean and Student t interval of independent values: a chip's accuracies, a pair's differences.

Two things that t does not know are put right. Accuracies of whole images lie on a lattice: few
chips agree by chance, and their spread of 0 is no certainty. No interval is narrower than what
flips of single answers that were not seen could do (`unseen`). And a mean of shares
lies between 0 and 1, so its interval does. Both keep the coverage; tests/experiment/test_bank.py
shows it on 2,000 chips of a network.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from analogsim.errors import InputError

Span = tuple[float, float]
ACCURACY: Span = (0.0, 1.0)
DIFFERENCE: Span = (-1.0, 1.0)
ANY: Span = (-math.inf, math.inf)
# Below it the transformation is Student's t up to rounding.
_SYMMETRIC = 1e-6


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Mean of `n` values, its confidence bounds and the sample standard deviation.

    `low`, `high` and `std` are None for one value, and so is `p`: the two-sided probability of a
    mean so far from 0 if the true one is 0, by the same law as the bounds. All are for these
    images; `new_images` are the bounds where the images, too, count as a sample, with
    `p_new_images`; None where single answers were not recorded, or for one value.
    """

    mean: float
    low: float | None
    high: float | None
    std: float | None
    n: int
    p: float | None = None
    new_images: tuple[float, float] | None = None
    p_new_images: float | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of the interval, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def best_bounds(self) -> tuple[float, float] | None:
        """For new images where they are known, else for these; None for one value."""
        return self.bounds if self.new_images is None else self.new_images

    @property
    def best_p(self) -> float | None:
        """The probability that goes with `best_bounds`."""
        return self.p if self.new_images is None else self.p_new_images

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval, or None."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def interval(
    values: Sequence[float],
    level: float = 0.95,
    *,
    step: float | None = None,
    span: Span = ANY,
) -> Interval:
    """Mean and two-sided Student t interval of independent values.

    Args:
        values: one for each unit (chip, draw, training).
        level: of the interval.
        step: what one image more changes of a value; None for values that are not of images.
        span: smallest and largest possible mean; the interval ends there.

    Raises InputError for no values, a value that is not finite, or a level outside (0, 1).
    """
    check_level(level)
    check_values(values)
    # The standard library computes both exactly, so equal values have a spread of exactly 0.
    mean = statistics.mean(map(float, values))
    n = len(values)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, std=None, n=1)
    std = statistics.stdev(map(float, values))
    least = 0.0 if step is None else unseen(level) * step / n
    half = max(t_quantile(0.5 + level / 2, n - 1) * std / math.sqrt(n), least)
    low, high = clipped(mean - half, mean + half, span)
    p = p_value(mean, half, n - 1, level)
    return Interval(mean=mean, low=low, high=high, std=std, n=n, p=p)


@dataclass(frozen=True, kw_only=True)
class SkewedMean:
    """A mean whose error is skewed: a few images of a large loss, that a sample may not hold.

    Student's t takes the error as symmetric. Hall's cubic transformation (Journal of the Royal
    Statistical Society B 54 (1992) 221) removes the skewness that the sample shows; of a symmetric
    sample nothing remains of it. `third` is the third central moment of the mean.
    """

    mean: float
    se: float
    df: float
    third: float

    @property
    def _skewness(self) -> float:
        return self.third / self.se**3 if self.se > 0 else 0.0

    def bounds(self, level: float) -> tuple[float, float]:
        """Of the confidence interval."""
        t = t_quantile(0.5 + level / 2, self.df)
        return self.mean - self.se * self._error(t), self.mean - self.se * self._error(-t)

    def p(self) -> float | None:
        """Two-sided probability of such a mean if the true one is 0; None without an error."""
        if self.se <= 0:
            return None
        from scipy.special import stdtr

        a = self._skewness / 3
        u = self.mean / self.se
        return float(2 * stdtr(self.df, -abs(u + a * u**2 + a**2 * u**3 / 3 + a / 2)))

    def _error(self, t: float) -> float:
        """The standardised error that the transformation takes to `t`."""
        a = self._skewness / 3
        return (math.cbrt(1 + 3 * a * (t - a / 2)) - 1) / a if abs(a) > _SYMMETRIC else t


def unseen(level: float = 0.95) -> float:
    """The largest mean count at which none is seen with probability (1 - level) / 2: 3.69.

    What did not happen in n tries has a rate of at most `unseen() / n`: the rule of three, at a
    two-sided level.
    """
    return -math.log((1 - level) / 2)


def clipped(low: float, high: float, span: Span) -> tuple[float, float]:
    """Bounds that end where a mean can be no more."""
    return max(low, span[0]), min(high, span[1])


def p_value(mean: float, half: float, degrees: float, level: float = 0.95) -> float | None:
    """Two-sided probability of `mean` if the true one is 0, from the interval's half-width.

    None where the interval has no width: equal values prove nothing.
    """
    if half <= 0:
        return None
    from scipy.special import stdtr

    se = half / t_quantile(0.5 + level / 2, degrees)
    return float(2 * stdtr(degrees, -abs(mean) / se))


def listed(bounds: tuple[float, float] | None) -> list[float] | None:
    """Bounds as JSON has them."""
    return None if bounds is None else [*bounds]


def check_values(values: Sequence[float]) -> None:
    """Raises InputError for no values or one that is not finite."""
    if not values:
        raise InputError("interval values must be one or more, got 0; give a chip's accuracy")
    wrong = [value for value in values if not math.isfinite(value)]
    if wrong:
        raise InputError(f"interval values must be finite, got {wrong[0]}; leave it out")


def check_level(level: float) -> None:
    """Raises InputError for a level outside (0, 1)."""
    if not 0 < level < 1:
        raise InputError(f"interval level must be between 0 and 1, got {level}; give 0.95")


def t_quantile(probability: float, degrees: float) -> float:
    """Quantile of Student's t; `degrees` may be a fraction."""
    # Imported here for the start-up time of commands that compute no interval.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))

"""The mean over chips with its standard error, for any pattern of which chip saw which images.

With `s2` the variance between the chips' (adjusted) accuracies, `R` chips, a test set of `N`
images, `O` the mean overlap of two chips' images and `b2` the image component:

    crossed, on this test set:    se2 = s2 / R - b2 (1 / N - O)
    crossed, on any new images:   se2 = s2 / R + b2 O

All chips on the whole set: O = 1 / N, and the first is the plain s2 / R. No image used twice:
O = 0, and the second is the nested standard error. Dealing the images out in turn keeps O just
below 1 / N, so that their effect cancels from the mean, which `s2 / R` alone does not know.

Near 0 and 1, and with few images, neither is near normal. An accuracy on new images then has the
interval of as many independent answers as have its variance (Clopper and Pearson, by Korn and
Graubard's effective count); and no interval is narrower than what was not seen allows: a flip of
an answer on these images, a kind of image that is not among them on new ones.

Values of other measures lie on no lattice and may be skewed: on new images their intervals are
those of `SkewedMean`, without such a floor.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analogsim.experiment.statistics.components import (
    Answers,
    Components,
    Numbers,
    Table,
    components,
    tabulate,
)
from analogsim.experiment.statistics.interval import (
    ACCURACY,
    Interval,
    SkewedMean,
    Span,
    clipped,
    p_value,
    t_quantile,
    unseen,
)
from analogsim.experiment.statistics.proportion import clopper_pearson

# Share of s2 / R below which the standard error is not believed: the subtraction rests on
# estimates.
_FLOOR = 0.05


@dataclass(frozen=True, kw_only=True)
class Estimate(Interval):
    """Mean accuracy over chips and its uncertainty; fractions.

    `se` and its Student t bounds are for the test set as it is; `new_images` holds the bounds
    where the test set, too, counts as a sample of images. All are None for one chip.
    """

    se: float | None
    df: float | None
    components: Components | None
    by_chip: tuple[float, ...]
    """Accuracy of each chip, adjusted to the whole test set; `std` is theirs."""

    @property
    def n_chips(self) -> int:
        """How many there are."""
        return self.n


def crossed(
    chips: Sequence[Answers],
    total: int,
    *,
    pilot: Sequence[Answers] = (),
    digital: Numbers | None = None,
    level: float = 0.95,
    span: Span = ACCURACY,
    stopped: bool = False,
) -> Estimate:
    """Mean over chips with crossed standard errors.

    Args:
        chips: the answers that the mean is of. A unit may be more than a chip (a training): its
            answer to an image is then a mean.
        total: how many images the test set has.
        pilot: chips that share images; they only help to estimate the image component.
        digital: (total,) answers or values of the digital network.
        level: of the intervals.
        span: smallest and largest possible mean: `ACCURACY`, or `DIFFERENCE` of two; of another
            measure its own, or `ANY`.
        stopped: whether sampling went on until the interval was narrow. That favours samples
            whose spread is small by luck, on skewed chips most: the interval is wider by
            `widening`.

    Raises:
        InputError: no chip, or a chip that saw no image.
    """
    table = tabulate(chips, total, digital)
    n = len(chips)
    mean = float(table.adjusted.mean())
    by_chip = tuple(table.adjusted.tolist())
    if n == 1:
        return Estimate(mean=mean, se=None, df=None, low=None, high=None, std=None,
                        components=None, n=1, by_chip=by_chip)  # fmt: skip
    tables = [table]
    if pilot:
        tables.append(tabulate(pilot, total, digital, table.slope))
    known = components(tables, total, digital)
    variance, df = _variance(tables, known, total, n)
    quantile = t_quantile(0.5 + level / 2, df)
    flip = max(chip.flip for chip in chips)
    least = flip * unseen(level) / sum(len(chip.images) for chip in chips)
    half = max(quantile * variance**0.5, least) * (widening(n) if stopped else 1.0)
    low, high = clipped(mean - half, mean + half, span)
    p = p_value(mean, half, df, level)
    sampled = _Uncertainty(
        seen=int(np.count_nonzero(np.bincount(np.concatenate([c.images for c in chips])))),
        answers=sum(len(chip.images) for chip in chips),
        chips=variance,
        chips_df=df,
        images=(known.image + known.image_explained) / total,
        flip=flip,
    )
    wide = sampled.half(level)
    over = clipped(mean - wide, mean + wide, span)
    p_new = p_value(mean, max(wide, half), sampled.df(sampled.variance), level)
    if not flip:
        over, p_new = _of_values(chips, total, mean, sampled, level)
        over = clipped(*over, span)
        # As the bounds below: of the two the one that proves less.
        p_new = max((one for one in (p, p_new) if one is not None), default=None)
    elif span == ACCURACY:
        over = sampled.share(mean, level)
    return Estimate(
        mean=mean,
        se=variance**0.5,
        df=df,
        low=low,
        high=high,
        # What holds for these images is part of what may hold for others.
        new_images=(min(over[0], low), max(over[1], high)),
        components=known,
        std=float(np.std(by_chip, ddof=1)),
        n=n,
        by_chip=by_chip,
        p=p,
        p_new_images=p_new,
    )


def _of_values(
    chips: Sequence[Answers], total: int, mean: float, of: "_Uncertainty", level: float
) -> tuple[tuple[float, float], float | None]:
    """Bounds on new images and `p` of values that lie on no lattice, which may be skewed."""
    images = np.concatenate([chip.images for chip in chips])
    values = np.concatenate([chip.values for chip in chips])
    uses = np.bincount(images, minlength=total)
    each = np.bincount(images, weights=values, minlength=total)[uses > 0] / uses[uses > 0]
    third = float(((each - each.mean()) ** 3).mean()) / of.seen**2
    found = SkewedMean(mean=mean, se=math.sqrt(of.variance), df=of.df(of.variance), third=third)
    return found.bounds(level), found.p()


def widening(chips: int) -> float:
    """By how much an interval that sampling stopped at is wider; see tests/experiment/test_bank."""
    return 1 + 5 / chips


def _variance(
    tables: Sequence[Table], known: Components, total: int, n: int
) -> tuple[float, float]:
    """Of the mean on this test set, and its degrees of freedom."""
    table = tables[0]
    plain = table.between / n
    less = known.image * (1 / total - table.overlap)
    variance = max(plain - less, _FLOOR * plain)
    df = float(n - 1)
    if less > 0 and variance > 0:
        # Satterthwaite: the difference of two estimates is less certain than either.
        weight = sum(t.shared_weight for t in tables)
        df = variance**2 / (plain**2 / (n - 1) + less**2 / max(weight, 1.0))
        df = max(min(df, n - 1), 1.0)
    return variance, df


@dataclass(frozen=True, kw_only=True)
class _Uncertainty:
    """A mean over sampled chips and sampled images: the variance of each, and how many were seen.

    `seen` images, `answers` of all chips together, each of which may change by `flip`.
    """

    seen: int
    answers: int
    chips: float
    chips_df: float
    images: float
    flip: float

    @property
    def variance(self) -> float:
        return self.chips + self.images

    def df(self, variance: float) -> float:
        """Satterthwaite's degrees of freedom of the sum; what is above it is known for certain."""
        parts = self.chips**2 / self.chips_df + self.images**2 / max(self.seen - 1, 1)
        most = float(self.answers - 1)
        return min(max(variance**2 / parts, 1.0), most) if parts > 0 else most

    def half(self, level: float) -> float:
        """Half-width where the mean is near normal."""
        quantile = t_quantile(0.5 + level / 2, self.df(self.variance))
        return max(quantile * math.sqrt(self.variance), self.flip * unseen(level) / self.seen)

    def share(self, mean: float, level: float) -> tuple[float, float]:
        """Bounds of an accuracy, by the effective number of answers."""
        mean = min(max(mean, 0.0), 1.0)
        spread = mean * (1 - mean)
        n = float(self.seen)
        if spread > 0:
            variance = max(self.variance, spread / self.answers)
            t, t_all = (
                t_quantile(0.5 + level / 2, df) for df in (self.df(variance), self.answers - 1)
            )
            n = min(spread / variance * (t_all / t) ** 2, float(self.answers))
        low, high = clopper_pearson(mean * n, n, level)
        least = unseen(level) / self.seen
        return clipped(min(low, mean - least), max(high, mean + least), ACCURACY)

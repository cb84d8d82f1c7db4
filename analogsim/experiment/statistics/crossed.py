"""The mean over chips with its standard error, for any pattern of which chip saw which images.

With `s2` the variance between the chips' (adjusted) accuracies, `R` chips, a test set of `N`
images, `O` the mean overlap of two chips' images and `b2` the image component:

    crossed, on this test set:    se2 = s2 / R - b2 (1 / N - O)
    crossed, on any new images:   se2 = s2 / R + b2 O

All chips on the whole set: O = 1 / N, and the first is the plain s2 / R. No image used twice:
O = 0, and the second is the nested standard error. Dealing the images out in turn keeps O just
below 1 / N, so that their effect cancels from the mean, which `s2 / R` alone does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analogsim.experiment.statistics.components import (
    Answers,
    Components,
    Numbers,
    components,
    tabulate,
)
from analogsim.experiment.statistics.interval import t_quantile

# Share of s2 / R below which the standard error is not believed: the subtraction rests on
# estimates.
_FLOOR = 0.05


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Mean accuracy over chips and its uncertainty; fractions.

    `se` and its Student t bounds are for the test set as it is; `new_images` holds the bounds
    where the test set, too, counts as a sample of images. All are None for one chip.
    """

    mean: float
    se: float | None
    df: float | None
    low: float | None
    high: float | None
    new_images: tuple[float, float] | None
    components: Components | None
    n_chips: int
    by_chip: tuple[float, ...]
    """Accuracy of each chip, adjusted to the whole test set."""

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval on this test set, or None."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def crossed(
    chips: Sequence[Answers],
    total: int,
    *,
    pilot: Sequence[Answers] = (),
    digital: Numbers | None = None,
    level: float = 0.95,
) -> Estimate:
    """Mean over chips with crossed standard errors.

    Args:
        chips: the answers that the mean is of.
        total: how many images the test set has.
        pilot: chips that share images; they only help to estimate the image component.
        digital: (total,) answers of the digital network, 0 or 1.
        level: of the intervals.

    Raises:
        InputError: no chip, or a chip that saw no image.
    """
    table = tabulate(chips, total, digital)
    n = len(chips)
    mean = float(table.adjusted.mean())
    by_chip = tuple(table.adjusted.tolist())
    if n == 1:
        return Estimate(mean=mean, se=None, df=None, low=None, high=None, new_images=None,
                        components=None, n_chips=1, by_chip=by_chip)  # fmt: skip
    tables = [table]
    if pilot:
        tables.append(tabulate(pilot, total, digital, table.slope))
    known = components(tables, total, None if digital is None else float(digital.mean()))
    plain = table.between / n
    less = known.image * (1 / total - table.overlap)
    variance = max(plain - less, _FLOOR * plain)
    df = float(n - 1)
    if less > 0 and variance > 0:
        # Satterthwaite: the difference of two estimates is less certain than either.
        weight = sum(t.shared_weight for t in tables)
        df = variance**2 / (plain**2 / (n - 1) + less**2 / max(weight, 1.0))
        df = max(min(df, n - 1), 1.0)
    se = variance**0.5
    half = t_quantile(0.5 + level / 2, df) * se
    image = known.image + known.image_explained
    wide = (variance + image / total) ** 0.5 * t_quantile(0.5 + level / 2, df)
    return Estimate(
        mean=mean,
        se=se,
        df=df,
        low=mean - half,
        high=mean + half,
        new_images=(mean - wide, mean + wide),
        components=known,
        n_chips=n,
        by_chip=by_chip,
    )

"""Answers of chips, image by image, and the sums and differences of such before they are averaged.

A loss, a gain, a sum of parts and an interaction are linear in the answers. So each of them is
again a value for each chip and image, and its mean has an interval for these images and one for
new images.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from analogsim.experiment.statistics.components import Numbers
from analogsim.experiment.statistics.interval import Interval, Span, interval
from analogsim.experiment.statistics.over_images import over_images
from analogsim.experiment.statistics.paired import same_chips
from analogsim.experiment.statistics.rows import answers
from analogsim.experiment.trial import Trial


@dataclass(frozen=True, kw_only=True, eq=False)
class ByChip:
    """What each chip gives on each image: answers, or sums and differences of answers.

    Attributes:
        values: chip -> (images,); or (1,), the mean alone, where single answers were not recorded.
        n_images: images that each chip saw, the same for all.
        fixed: nothing is random in them: one chip is all of them.
        flip: as of `Answers`.
    """

    values: Mapping[int, Numbers]
    n_images: int
    fixed: bool = False
    flip: float = 1.0

    @classmethod
    def of(cls, trials: Mapping[int, Trial], *, fixed: bool = False) -> Self:
        """The answers of each chip's trial, of one or more chips that saw the same images."""
        found = answers(trials.values())
        if found is None:
            each = [np.array([trial.accuracy]) for trial in trials.values()]
        else:
            each = [one.values for one in found]
        (n_images,) = {trial.n_images for trial in trials.values()}
        values = dict(zip(trials, each, strict=True))
        flip = 1.0 if found is None else max(one.flip for one in found)
        return cls(values=values, n_images=n_images, fixed=fixed, flip=flip)

    @classmethod
    def same(cls, one: Numbers, chips: Iterable[int], n_images: int) -> Self:
        """`one`, as in `values`, beside every chip: the digital network's answers."""
        return cls(values=dict.fromkeys(chips, one), n_images=n_images, fixed=True)

    @property
    def recorded(self) -> bool:
        """Whether single answers are known."""
        return all(len(one) == self.n_images for one in self.values.values())

    def __sub__(self, other: "ByChip") -> "ByChip":
        """Chip by chip and image by image. Raises InputError unless both have the same chips."""
        return self._with(other, np.subtract)

    def __add__(self, other: "ByChip") -> "ByChip":
        """As the difference."""
        return self._with(other, np.add)

    def mean(self, span: Span) -> Interval:
        """Over chips, with 95 % intervals; `span` as for `over_images`.

        Where nothing is random, the interval on these images has no width, and no `p`.
        """
        units = list(self.values.values())
        if self.recorded:
            # Where nothing is random, two chips are as good as any number, and one as two.
            found = over_images([units[0]] * 2 if self.fixed else units, span, flip=self.flip)
        else:
            each = [float(one.mean()) for one in units]
            found = interval(each, step=self.flip / self.n_images, span=span)
        if not self.fixed:
            return found
        here = found.mean
        return dataclasses.replace(found, low=here, high=here, std=0.0, p=None, n=len(units))

    def _with(self, other: "ByChip", combine: Callable[[Numbers, Numbers], Numbers]) -> "ByChip":
        same_chips(self.values.keys(), other.values.keys())
        left, right = self.values, other.values
        if self.recorded != other.recorded:
            left, right = _means(left), _means(right)
        return ByChip(
            values={chip: combine(left[chip], right[chip]) for chip in left},
            n_images=self.n_images,
            fixed=self.fixed and other.fixed,
            flip=min(self.flip, other.flip),
        )


def _means(values: Mapping[int, Numbers]) -> dict[int, Numbers]:
    return {chip: one.mean(keepdims=True) for chip, one in values.items()}

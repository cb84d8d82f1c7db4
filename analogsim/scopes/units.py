"""What a mean is over: chips, draws or trainings, each with a value, and with one for each image.

Normalised accuracy is a ratio: right answers over those of the digital network on the same images.
On other images both would be others. So a unit's value of image i is the linearised one (the delta
method: the ratio's derivative by what the image adds to either),

    (a_i - ratio d_i) / D + ratio,

with a_i and d_i the answers of the unit and of the digital network, D the share that the digital
network gets right and `ratio` the unit's normalised accuracy. The mean over images is `ratio`, and
its spread over images holds what the digital accuracy itself would vary by. Differences are taken
image by image.
"""

import base64
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from analogsim.experiment.deal import FLOATS, unpack_values
from analogsim.experiment.statistics import ACCURACY, Interval, bounded_interval, interval
from analogsim.experiment.statistics import over_images as estimated
from analogsim.experiment.statistics.components import Numbers
from analogsim.experiment.statistics.interval import ANY, Span

# Normal quantile at 97.5 %.
_NORMAL = 1.959964
# Smallest p that `bounded_interval` can tell from its random weights, and steps towards it.
_LEAST_P = 1e-4
_HALVINGS = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """Values of one mean, a unit each.

    Attributes:
        values: by the number of the unit (chip, draw, training).
        images: (images,) values of the same units; None where answers were not recorded.
        step: what one image more changes of a value; 0 where values lie on no lattice.
        span: smallest and largest possible value on these images.
        any_law: whether values may be of two kinds (draws that are NaN or are not), so that the
            interval must hold for any distribution.
        arms: of differences, the two that they are of.
        span_of_new: bounds of a mean on new images; None where they follow from `span`.
    """

    values: Mapping[int, float]
    images: Mapping[int, Numbers] | None
    step: float
    span: Span
    any_law: bool = False
    arms: "tuple[Units, Units] | None" = None
    span_of_new: Span | None = None

    def only(self, numbers: Sequence[int]) -> "Units":
        """These units alone."""
        return Units(
            values={n: self.values[n] for n in numbers},
            images=None if self.images is None else {n: self.images[n] for n in numbers},
            step=self.step,
            span=self.span,
            any_law=self.any_law,
            arms=None
            if self.arms is None
            else (self.arms[0].only(numbers), self.arms[1].only(numbers)),
            span_of_new=self.span_of_new,
        )

    def less(self, other: "Units") -> "Units":
        """Differences of the units that both have, each compared with that of its number."""
        numbers = sorted(self.values.keys() & other.values.keys())
        images = None
        if self.images is not None and other.images is not None:
            pairs = {n: (self.images[n], other.images[n]) for n in numbers}
            if all(len(x) == len(y) for x, y in pairs.values()):
                images = {n: x - y for n, (x, y) in pairs.items()}
        return Units(
            values={n: self.values[n] - other.values[n] for n in numbers},
            images=images,
            step=max(self.step, other.step),
            span=(self.span[0] - other.span[1], self.span[1] - other.span[0]),
            any_law=self.any_law or other.any_law,
            arms=(self.only(numbers), other.only(numbers)),
        )

    def mean(self) -> Interval | None:
        """The mean with its intervals; None without units.

        The interval for these images is Student's, or for values of any law `bounded_interval`;
        of differences of which one arm alone is of any law, it joins the two arms' own (at 97.5 %
        each), since of that arm alone anything between the bounds must be feared.
        There is none of any law where values have no bounds.
        For new images the latter is wider on each side by what the mean over images varies by:
        added, not in quadrature, so that it holds at least what it says.
        """
        images = self.images
        if not self.values:
            return None
        found = self._these(0.95)
        if images is None or found.low is None or found.high is None:
            return found
        flip = 1.0 if self.step else 0.0
        wide = estimated(list(images.values()), self._span_of_new, flip=flip)
        assert wide.new_images is not None
        low, high = wide.new_images
        if self.any_law:
            each = np.mean(list(images.values()), axis=0)
            error = _NORMAL * float(each.std(ddof=1)) / math.sqrt(len(each))
            low = max(found.low - error, self._span_of_new[0])
            high = min(found.high + error, self._span_of_new[1])
        p = [one for one in (found.p, wide.p_new_images) if one is not None]
        new_images = min(low, found.low), max(high, found.high)
        return dataclasses.replace(found, new_images=new_images, p_new_images=max(p, default=None))

    def _these(self, level: float) -> Interval:
        """Mean and interval for these images."""
        values = list(self.values.values())
        if not self.any_law:
            return interval(values, level, step=self.step, span=self.span)
        if not all(map(math.isfinite, self.span)):
            plain = interval(values, level)
            return dataclasses.replace(plain, low=None, high=None, p=None)
        if self.arms is not None and self.arms[0].any_law != self.arms[1].any_law:
            return _joined(*self.arms, level)
        # A quotient may be off its own bound by a rounding.
        inside = [min(max(value, self.span[0]), self.span[1]) for value in values]
        return bounded_interval(inside, *self.span, level)

    @property
    def _span_of_new(self) -> Span:
        """On other images the digital accuracy, and with it the largest ratio, is another."""
        if self.span_of_new is not None:
            return self.span_of_new
        if self.span == ACCURACY:
            return ACCURACY
        return (0.0, math.inf) if self.span[0] == 0 else ANY


def combined(each: Sequence[Units], weights: Sequence[float]) -> Units:
    """The weighted sum of the units that all have, number by number and image by image."""
    numbers = sorted(set(each[0].values).intersection(*(one.values for one in each)))
    pairs = list(zip(weights, each, strict=True))
    ends = [[weight * end for end in one.span] for weight, one in pairs]
    images = None
    answers = [one.images for one in each if one.images is not None]
    if len(answers) == len(each) and len({len(x) for one in answers for x in one.values()}) == 1:
        images = {
            n: sum((w * one[n] for w, one in zip(weights, answers, strict=True)), np.zeros(()))
            for n in numbers
        }
    return Units(
        values={n: sum(weight * one.values[n] for weight, one in pairs) for n in numbers},
        images=images,
        step=max(abs(weight) * one.step for weight, one in pairs),
        span=(sum(map(min, ends)), sum(map(max, ends))),
        any_law=any(one.any_law for one in each),
    )


def _joined(a: Units, b: Units, level: float) -> Interval:
    """a - b from the intervals of both, which hold together at `level` (Bonferroni)."""
    values = [a.values[n] - b.values[n] for n in a.values]
    plain = interval(values, level, step=None)
    if plain.low is None:
        return plain
    low, high = _apart(a, b, level)
    # The largest level at which 0 is left out, found by halving.
    least, most = math.log(_LEAST_P), 0.0
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        bounds = _apart(a, b, 1 - math.exp(middle))
        least, most = (middle, most) if bounds[0] <= 0 <= bounds[1] else (least, middle)
    return dataclasses.replace(plain, low=low, high=high, p=math.exp(most))


def _apart(a: Units, b: Units, level: float) -> tuple[float, float]:
    left, right = a._these((1 + level) / 2), b._these((1 + level) / 2)
    assert left.low is not None
    assert left.high is not None
    assert right.low is not None
    assert right.high is not None
    return left.low - right.high, left.high - right.low


def trainings(each: Sequence[Units]) -> Units:
    """One unit a training: the mean over its chips or draws, image by image.

    Their interval is Student's even where draws were NaN: a mean over draws is not of two kinds,
    and of any law three trainings would say nothing.
    """
    images = None
    if all(one.images is not None for one in each):
        images = {
            at: np.mean(list((one.images or {}).values()), axis=0) for at, one in enumerate(each)
        }
        images = images if len({len(one) for one in images.values()}) == 1 else None
    return Units(
        values={at: fmean(one.values.values()) for at, one in enumerate(each)},
        images=images,
        step=max(one.step for one in each),
        span=(min(one.span[0] for one in each), max(one.span[1] for one in each)),
    )


def linearised(answers: Numbers, digital: Numbers) -> Numbers:
    """A unit's values of normalised accuracy, image by image; see the module."""
    right = float(digital.mean())
    ratio = float(answers.mean()) / right
    return (answers - ratio * digital) / right + ratio


def unpacked(packed: str, n_images: int) -> Numbers:
    """(n_images,) answers, 0 or 1, or values, of a text as in `deal.py`."""
    if packed.startswith(FLOATS):
        return unpack_values(packed, n_images)
    content = np.frombuffer(base64.b64decode(packed), dtype=np.uint8)
    return np.unpackbits(content, count=n_images).astype(np.float64)

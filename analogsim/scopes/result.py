"""What a noise study measured, as counts; and what is averaged from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analogsim.experiment.statistics import Interval, Numbers
from analogsim.quantity import ACCURACY, Quantity
from analogsim.scopes.levels import GRIDS, Reference, Scope, grid_etas
from analogsim.scopes.of_network import OfNetwork
from analogsim.scopes.relative import Relative
from analogsim.scopes.units import Units, linearised, unpacked

Cell = tuple[Scope, Reference]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Of one scope and reference: eta -> draw -> how many images were right, and NaN.

    Of a measure that is not right or wrong `correct` are the sums of its values. `answers` says
    which images were right, or the values, packed as in `deal.py`: of every trial or of none.
    """

    correct: Mapping[float, Mapping[int, float]]
    nan: Mapping[float, Mapping[int, int]]
    answers: Mapping[float, Mapping[int, str]] = field(default_factory=dict)

    def draws(self, etas: Sequence[float]) -> list[int]:
        """The draws that are there at every one of `etas`."""
        first, *rest = (set(self.correct.get(eta, {})) for eta in etas)
        return sorted(first.intersection(*rest))


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The layer whose running variance is nearest to zero, in sigma at eta = 1.

    Attributes:
        sigmas: (variance + eps) / reference; divide by eta.
    """

    layer: str
    variance: float
    sigmas: float


@dataclass(frozen=True, kw_only=True)
class NoiseResult(OfNetwork):
    """One network's study. Accuracies come from counts of right images.

    Attributes:
        quantity: what was measured.
        counted: whether every trial is of answers that are right or wrong.
        scopes: those asked for; `same` says under which one each was computed.
        nearest: by reference; empty where no layer takes a root.
        predicted: share of draws that give NaN, by (reference, eta), noise on raw variances.
    """

    n_bn: int
    n_classes: int
    scopes: tuple[Scope, ...]
    references: tuple[Reference, ...]
    etas: tuple[float, ...]
    same: Mapping[Scope, Scope]
    counts: Mapping[Cell, Counts]
    nearest: Mapping[Reference, Nearest]
    predicted: Mapping[tuple[Reference, float], float]
    quantity: Quantity = ACCURACY
    counted: bool = True

    @property
    def of_accuracy(self) -> bool:
        """Whether right answers were counted: the tables of pairs and networks are of these."""
        return self.counted and self.quantity == ACCURACY

    @property
    def relative(self) -> Relative:
        """What draws are said in: the clean network's share, or the change from it."""
        return Relative.to_clean(self.quantity)

    def of(self, scope: Scope, reference: Reference) -> Counts:
        """The counts of a scope, under whichever name they were computed."""
        return self.counts[self.same[scope], reference]

    def curve(self, scope: Scope, reference: Reference, eta: float) -> Interval | None:
        """What is left at a level over its draws, as `units`; None if none is done."""
        return self.average(scope, reference, (eta,))

    def units(self, scope: Scope, reference: Reference, etas: Sequence[float]) -> Units:
        """Normalised accuracy of each draw, averaged over `etas`; draws that have all of them.

        Of another measure its share of the clean network's mean, or the difference from that.
        """
        counts = self.of(scope, reference)
        draws = counts.draws(etas)
        images = self._by_image(counts, draws, etas)
        sums = {draw: sum(counts.correct[eta][draw] for eta in etas) for draw in draws}
        any_law = self.any_law(scope, reference, etas)
        low, high = self.quantity.span
        if not self.relative.is_ratio:
            return Units(
                values={d: one / len(etas) / self.n_images - self.clean for d, one in sums.items()},
                images=images,
                step=self.counted / self.n_images,
                span=(low - self.clean, high - self.clean),
                any_law=any_law,
                # The digital network's mean is another there.
                span_of_new=self.quantity.differences,
            )
        total = self.clean_correct * len(etas)
        return Units(
            values={d: one / total for d, one in sums.items()},
            images=images,
            # Not a level's part of it: a draw has the same normals at all levels, which flip
            # the same answers.
            step=self.counted / self.clean_correct,
            span=(0.0, high / self.clean),
            any_law=any_law,
        )

    def _by_image(
        self, counts: Counts, draws: Sequence[int], etas: Sequence[float]
    ) -> Mapping[int, Numbers] | None:
        """The same of each image; None where answers were not recorded."""
        if self.digital_correct is None or not counts.answers:
            return None
        n, ratio = self.n_images, self.relative.is_ratio
        digital = unpacked(self.digital_correct, n)
        found = {}
        for draw in draws:
            each = np.mean([unpacked(counts.answers[eta][draw], n) for eta in etas], axis=0)
            found[draw] = linearised(each, digital) if ratio else each - digital
        return found

    def average(self, scope: Scope, reference: Reference, etas: Sequence[float]) -> Interval | None:
        """The mean of `units`; the draw is the unit, so its etas are averaged first."""
        return self.units(scope, reference, etas).mean()

    def any_law(self, scope: Scope, reference: Reference, etas: Sequence[float]) -> bool:
        """Whether a draw is NaN in all images at one of `etas`: draws are of two kinds then."""
        return any(self.nan_trials(scope, reference, eta)[0] for eta in etas)

    def nan_trials(self, scope: Scope, reference: Reference, eta: float) -> tuple[int, int]:
        """How many draws gave NaN in every image, and how many draws there are."""
        nan = self.of(scope, reference).nan.get(eta, {})
        return sum(n == self.n_images for n in nan.values()), len(nan)

    def nan_images(self, scope: Scope, reference: Reference, eta: float) -> float:
        """The share of images, over all draws, that gave NaN."""
        nan = self.of(scope, reference).nan.get(eta, {})
        return sum(nan.values()) / (self.n_images * len(nan)) if nan else 0.0

    def prediction(self, scope: Scope, reference: Reference, eta: float) -> float:
        """The share of draws that are predicted to give NaN; 0 where no raw variance is noised."""
        return self.predicted[reference, eta] if self.same[scope] == "variance" else 0.0

    def grids(self) -> dict[str, tuple[float, ...]]:
        """The named grids and their etas; not those without one, or with another grid's."""
        found: dict[str, tuple[float, ...]] = {}
        for grid in GRIDS:
            etas = grid_etas(grid, self.etas)
            if etas and etas not in found.values():
                found[grid] = etas
        return found

    @property
    def chance(self) -> float:
        """The floor of chance, normalised."""
        return 1 / self.n_classes / self.clean

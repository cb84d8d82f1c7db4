"""What a noise study measured, as counts; and what is averaged from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analogsim.experiment.statistics import Sampled
from analogsim.scopes.levels import GRIDS, Reference, Scope, grid_etas
from analogsim.scopes.of_network import OfNetwork
from analogsim.scopes.units import Units, linearised, unpacked

Cell = tuple[Scope, Reference]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Of one scope and reference: eta -> draw -> how many images were right, and NaN.

    `answers` says which images were right, packed as in `deal.pack`: of every trial or of none.
    """

    correct: Mapping[float, Mapping[int, int]]
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

    def of(self, scope: Scope, reference: Reference) -> Counts:
        """The counts of a scope, under whichever name they were computed."""
        return self.counts[self.same[scope], reference]

    def curve(self, scope: Scope, reference: Reference, eta: float) -> Sampled | None:
        """Normalised accuracy at a level over its draws; None if none is done."""
        return self.average(scope, reference, (eta,))

    def units(self, scope: Scope, reference: Reference, etas: Sequence[float]) -> Units:
        """Normalised accuracy of each draw, averaged over `etas`; draws that have all of them."""
        counts = self.of(scope, reference)
        draws = counts.draws(etas)
        total = self.clean_correct * len(etas)
        images = None
        if self.digital_correct is not None and counts.answers:
            digital = unpacked(self.digital_correct, self.n_images)
            images = {
                draw: linearised(
                    np.mean(
                        [unpacked(counts.answers[eta][draw], self.n_images) for eta in etas], axis=0
                    ),
                    digital,
                )
                for draw in draws
            }
        return Units(
            values={d: sum(counts.correct[eta][d] for eta in etas) / total for d in draws},
            images=images,
            # Not a level's part of it: a draw has the same normals at all levels, which flip
            # the same answers.
            step=1 / self.clean_correct,
            span=(0.0, 1 / self.clean),
            any_law=self.any_law(scope, reference, etas),
        )

    def by_draw(
        self, scope: Scope, reference: Reference, etas: Sequence[float]
    ) -> Mapping[int, float]:
        """Draw -> normalised accuracy, averaged over `etas`."""
        return self.units(scope, reference, etas).values

    def average(self, scope: Scope, reference: Reference, etas: Sequence[float]) -> Sampled | None:
        """Average normalised accuracy; the draw is the unit, so its etas are averaged first."""
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

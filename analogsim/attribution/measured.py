"""Accuracies of treatments, chip by chip: measured once, and read from where they lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from analogsim.attribution.bench import Bench
from analogsim.attribution.effects import Accuracies, ByChip
from analogsim.attribution.treatment import Treatment


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The full chip's trials lie in `main`, those of everything else in `side`.

    Attributes:
        full: the treatment that is a plain study's.
        digital: accuracy of the digital network on the same images.
        chips: those that choose.
        fresh: those that verify what was chosen; chips that choose would make it look too good.
    """

    full: Treatment
    digital: float
    main: Bench
    side: Bench
    chips: range
    fresh: range

    def measure(
        self,
        treatments: Sequence[Treatment],
        chips: range,
        times_s: Sequence[float] | None = None,
    ) -> None:
        """Compute the trials that are missing; errors as `Bench.measure`."""
        for bench in (self.main, self.side):
            mine = [one for one in treatments if self._bench(one, chips) is bench]
            bench.measure(mine, chips, times_s)

    def missing(self, treatments: Sequence[Treatment], chips: range) -> int:
        """How many chips of treatments are not measured yet."""
        return sum(len(self._bench(one, chips).missing([one], chips)) for one in treatments)

    def by_chip(self, treatment: Treatment | None, t_s: float, chips: range) -> ByChip:
        """Accuracy of each chip, as a fraction; the digital network's for None."""
        if treatment is None:
            return dict.fromkeys(chips, self.digital)
        return self._bench(treatment, chips).accuracies(treatment, t_s, chips)

    def at(self, t_s: float) -> Accuracies:
        """The accuracies of the chips that choose."""
        return lambda treatment: self.by_chip(treatment, t_s, self.chips)

    def lost(self, t_s: float, chips: range) -> dict[int, float]:
        """What the full chip loses against the digital network, chip by chip."""
        found = self.by_chip(self.full, t_s, chips)
        return {chip: self.digital - accuracy for chip, accuracy in found.items()}

    def _bench(self, treatment: Treatment, chips: range) -> Bench:
        # A plain study has the first chips only.
        plain = treatment.name == self.full.name and chips.stop <= self.chips.stop
        return self.main if plain else self.side

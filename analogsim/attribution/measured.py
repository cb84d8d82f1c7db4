"""Answers of treatments, chip by chip: asked for, and read from where they lie."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analogsim.attribution.effects import Answers, lost_from
from analogsim.attribution.treated_chips import TreatedChips
from analogsim.attribution.treatment import Treatment
from analogsim.experiment.header import RunHeader
from analogsim.experiment.statistics import ByChip, Numbers, digital_answers
from analogsim.quantity import Quantity


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The full chip's trials lie in `main`, those of everything else in `side`.

    Attributes:
        full: the treatment that is a plain study's.
        digital: the digital network's answers to the same images; see `known_digital`.
        chips: those that choose.
        fresh: those that verify what was chosen; chips that choose would make it look too good.
        quantity: what is lost.
    """

    full: Treatment
    digital: Numbers
    main: TreatedChips
    side: TreatedChips
    chips: range
    fresh: range
    quantity: Quantity

    def ask(
        self,
        treatments: Sequence[Treatment],
        chips: range,
        times_s: Sequence[float] | None = None,
    ) -> None:
        """As `TreatedChips.ask`."""
        for one in treatments:
            self._chips_of(one, chips).ask([one], chips, times_s)

    def lacking(self, treatments: Iterable[Treatment], chips: range) -> int:
        """How many chips of treatments are not measured yet."""
        return sum(self._chips_of(one, chips).lacking(one, chips) for one in treatments)

    def by_chip(self, treatment: Treatment | None, t_s: float, chips: range) -> ByChip:
        """The answers of each chip; the digital network's for None. Raises Missing."""
        if treatment is None:
            return ByChip.same(self.digital, chips, self.main.n_images)
        return self._chips_of(treatment, chips).answers(treatment, t_s, chips)

    def at(self, t_s: float) -> Answers:
        """The answers of the chips that choose."""
        return lambda treatment: self.by_chip(treatment, t_s, self.chips)

    def lost(self, t_s: float, chips: range) -> ByChip:
        """What the full chip loses against the digital network, chip by chip."""
        digital, full = (self.by_chip(one, t_s, chips) for one in (None, self.full))
        return lost_from(digital, full, self.quantity)

    def _chips_of(self, treatment: Treatment, chips: range) -> TreatedChips:
        # A plain study has the first chips only.
        plain = treatment.name == self.full.name and chips.stop <= self.chips.stop
        return self.main if plain else self.side


def known_digital(header: RunHeader) -> Numbers:
    """The digital network's answers to all images; its accuracy alone in old folders."""
    found = digital_answers(header.digital_correct, header.digital["n_images"])
    return np.array([header.digital["accuracy"]]) if found is None else found

"""Stuck cells: some conduct fully and some not at all, whatever is written into them.

The two stuck-at faults of resistive memories: C.-Y. Chen et al., "RRAM Defect Modeling and Failure
Analysis Based on March Test and a Novel Squeeze-Search Scheme", IEEE Trans. Computers
64(1):180-190 (2015), doi 10.1109/TC.2014.12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from device_models.effects.checks import refuse
from device_models.effects.contract import Cells, Draws, EffectInfo, Moment

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """g' = 1 with probability `rate_on`, 0 with `rate_off`, else g; in units of g_max.

    Each cell is one or the other independently, idle cells of pairs too. A stuck cell neither
    drifts nor has read noise. At higher rates the cells that were stuck at lower ones still are, in
    the same state as long as `rate_on` is the same.

    NOT modelled: defects that share a row, a column or a region, cells that fail with age or
    wear, levels between, and any repair: the cell beside a stuck one is programmed as if nothing
    were wrong. Holds for any rates that add up to at most 1.
    """

    info: ClassVar[EffectInfo] = EffectInfo(
        name="stuck",
        title="Cells stuck at the largest conductance or at none",
        models="Independent stuck-on and stuck-off cells, the same for the chip's whole life; they "
        "neither drift nor have read noise.",
        not_modelled="Defects that share a row, column or region, failure with age, levels "
        "between, repair or remapping.",
        law="g' = g_max with probability rate_on, 0 with probability rate_off, else g; each cell "
        "of a pair by itself",
        citation="C.-Y. Chen et al., IEEE Trans. Computers 64(1):180-190 (2015)",
        domain="rates that add up to at most 1",
    )
    moment: ClassVar[Moment] = "programmed"

    rate_on: float = 0.0
    """Share of cells that conduct fully."""
    rate_off: float = 0.0
    """Share of cells that do not conduct."""

    def __post_init__(self) -> None:
        total = self.rate_on + self.rate_off
        refuse(
            self.info.name,
            ("rate_on", "in [0, 1]", self.rate_on, 0 <= self.rate_on <= 1),
            ("rate_off", "in [0, 1]", self.rate_off, 0 <= self.rate_off <= 1),
            ("rate_on + rate_off", "at most 1", total, not total > 1),
        )

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells with the stuck ones in their states."""

        def stuck(g: Tensor, what: str) -> Tensor:
            u = g.new_empty(g.shape).uniform_(generator=draws.generator(what))
            off = (u >= self.rate_on) & (u < self.rate_on + self.rate_off)
            return g.masked_fill(u < self.rate_on, 1.0).masked_fill(off, 0.0)

        return Cells(g_plus=stuck(cells.g_plus, "plus"), g_minus=stuck(cells.g_minus, "minus"))

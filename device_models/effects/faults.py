"""Faulty cells: stuck on, stuck off or open, whatever is written into them.

Stuck-at faults of resistive memories: C.-Y. Chen et al., "RRAM Defect Modeling and Failure Analysis
Based on March Test and a Novel Squeeze-Search Scheme", IEEE Trans. Computers 64(1):180-190 (2015),
doi 10.1109/TC.2014.12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from device_models.effects.checks import refuse
from device_models.effects.contract import Cells, Draws, EffectInfo, Moment
from device_models.effects.faulty_cells import faulty_cells


@dataclass(frozen=True, kw_only=True)
class Faults:
    """g' = 1 for a share `on` of cells, 0 for `off` and `open`, else g; in units of g_max.

    Which cells are faulty is nested in the rate: those of a lower rate still are at a higher one,
    in the same state as long as the mix of states is the same. An open cell conducts nothing, as
    one that is stuck off; wires tell them apart.

    NOT modelled: cells that fail with age or wear, and shorts between lines. Holds for any rates
    that add up to at most 1.
    """

    info: ClassVar[EffectInfo] = EffectInfo(
        name="faults",
        title="Faulty cells: stuck on, stuck off or open",
        models="Independent faulty cells, the same for the chip's whole life; they neither drift "
        "nor have read noise.",
        not_modelled="Failure with age or wear, shorts between lines.",
        law="g' = g_max with probability on, 0 with probability off + open, else g; each cell of a "
        "pair by itself",
        citation="C.-Y. Chen et al., IEEE Trans. Computers 64(1):180-190 (2015)",
        domain="rates that add up to at most 1",
    )
    moment: ClassVar[Moment] = "programmed"

    on: float = 0.0
    """Share of cells that conduct fully."""
    off: float = 0.0
    """Share of cells that do not conduct."""
    open: float = 0.0
    """Share of cells whose line to them is broken."""

    def __post_init__(self) -> None:
        rates = {name: getattr(self, name) for name in ("on", "off", "open")}
        total = sum(rates.values())
        refuse(
            self.info.name,
            *((name, "in [0, 1]", rate, 0 <= rate <= 1) for name, rate in rates.items()),
            ("on + off + open", "at most 1", total, not total > 1),
        )

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells with the faulty ones in their states."""
        total = self.on + self.off + self.open
        if total == 0:
            return cells
        pair = cells.g_plus.new_empty(2, cells.g_plus.numel())
        pair[0], pair[1] = cells.g_plus.flatten(), cells.g_minus.flatten()
        found = faulty_cells(pair.numel(), total, draws)
        states = found.mix * total < self.on
        flat = pair.view(-1).numpy()
        flat[found.places] = states
        return Cells(
            g_plus=pair[0].view(cells.g_plus.shape), g_minus=pair[1].view(cells.g_minus.shape)
        )

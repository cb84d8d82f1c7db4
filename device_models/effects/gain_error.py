"""A gain of its own for each cell: a relative error of conductance that stays with the cell.

The state-proportional error of T. P. Xiao et al., "On the Accuracy of Analog Neural Network
Inference Accelerators", IEEE Circuits and Systems Magazine 22(4):26-48 (2022),
doi 10.1109/MCAS.2022.3214409.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from device_models.effects.checks import refuse
from device_models.effects.contract import Cells, Draws, EffectInfo, Moment

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class GainError:
    """g' = max(g (1 + std z), 0), z standard normal, one draw a cell for the chip's whole life.

    NOT modelled: errors that cells of one row or column share, errors that change with time, and
    any offset: a cell at zero stays there. Holds for small `std`: from about 0.3 on the bound at
    zero cuts the distribution.
    """

    info: ClassVar[EffectInfo] = EffectInfo(
        name="gain_error",
        title="A gain of its own for each cell",
        models="A normal error of each cell in proportion to its conductance, as mismatch of "
        "access devices gives it; the same whenever the cell is read.",
        not_modelled="Errors that a row or column shares, errors that change with time, offsets.",
        law="g' = max(g (1 + std z), 0), z standard normal, once a cell",
        citation="T. P. Xiao et al., IEEE Circuits Syst. Mag. 22(4):26 (2022), state-proportional "
        "error",
        domain="any std >= 0; from about 0.3 on the bound at zero cuts the distribution",
    )
    moment: ClassVar[Moment] = "present"

    std: float = 0.0
    """Relative standard deviation of a cell's gain; 0 is no error. Device dependent: no default."""

    def __post_init__(self) -> None:
        refuse(self.info.name, ("std", "finite and >= 0", self.std, self.std >= 0))

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells with their gains."""
        if not self.std:
            return cells

        def gained(g: Tensor, what: str) -> Tensor:
            z = g.new_empty(g.shape).normal_(generator=draws.generator(what))
            return (g * (1 + self.std * z)).clamp(min=0)

        return Cells(g_plus=gained(cells.g_plus, "plus"), g_minus=gained(cells.g_minus, "minus"))

"""Drift compensation: the factor that undoes the mean loss of conductance of each tile.

`global` (Joshi et al., Nat. Commun. 11:2473, 2020): the tile answers unit inputs after
programming and again now; alpha is the ratio of the mean absolute answers. Both readings pass the
periphery, its noise included. `exact` takes the reference from the target weights without
periphery; `column` takes one ratio for each output. All of these multiply in digital, behind the
ADC, and so amplify the output noise and the ADC's steps with the signal. `gain` is the alpha of
`global` in front of the ADC, the gain of the integrator: only the signal is amplified. `current`
reads whole columns, see `currents.py`: it fills the ADC where a single cell's answer is below one
step.

Whoever reads tiles out gives a `Reading`; `compensate_` alone makes factors of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

from torch import Tensor

from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.tile import TileState

Compensation = Literal["none", "global", "exact", "column", "gain", "current"]
COMPENSATIONS: tuple[Compensation, ...] = get_args(Compensation)

BEHIND_ADC: Mapping[Compensation, Compensation] = {"gain": "global"}
"""Compensations in front of the ADC: which one behind it has their alpha, from the same draws."""

SMALLEST_ANSWER = 1e-4
"""Lower bound of a mean answer, as in aihwkit, so that an all-zero tile has alpha 1."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """How tiles are compensated: which reading finds the factor, and where it multiplies."""

    reading: Compensation
    before_adc: bool

    @classmethod
    def of(cls, compensation: Compensation, periphery: Periphery) -> Self:
        """The method of a compensation.

        Without converters single cells and whole columns read the same, the exact ratio of sums,
        and there is nothing between the two places.
        """
        reading = BEHIND_ADC.get(compensation, compensation)
        if reading == "current" and periphery.perfect:
            reading = "global"
        return cls(reading=reading, before_adc=compensation in BEHIND_ADC and not periphery.perfect)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What tiles answered after programming and what they answer now, one number a factor.

    A tile has one factor, or by `column` one for each output. `least` is the smallest answer that
    is believed.
    """

    before: Tensor
    now: Tensor
    least: float = SMALLEST_ANSWER


def compensate_(tiles: Sequence[TileState], reading: Reading, method: Method) -> Tensor:
    """Set the drift compensation of tiles that hold their present weights; gives the factors."""
    before, now = (answers.clamp(min=reading.least) for answers in (reading.before, reading.now))
    factors = (before / now).float()
    by_output = method.reading == "column"
    lengths = [tile.shape[0] if by_output else 1 for tile in tiles]
    for tile, factor in zip(tiles, factors.split_with_sizes(lengths), strict=True):
        tile.compensate_(factor, before_adc=method.before_adc)
    return factors

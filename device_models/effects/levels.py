"""Finite levels: a cell is programmed to one of few conductances.

Equally spaced ones, as `cell_bits` of CrossSim (T. P. Xiao et al., sandialabs/cross-sim), or those
of a file of NeuroSim V1.5 (neurosim/NeuroSim, branch 2DInferenceV1.5-dev, `mem_states.csv`):
`states,mean,std`, a line a state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from device_models.effects.checks import refuse
from device_models.effects.contract import Acts, Cells, Draws, EffectInfo, Moment
from device_models.effects.own_file import csv_lines, read_file
from device_models.errors import DeviceError

if TYPE_CHECKING:
    from torch import Tensor

HEAD = ("states", "mean", "std")
MOST_BITS = 16
_WHAT = "effect 'levels' states"


@dataclass(frozen=True, kw_only=True)
class Levels:
    """g' = the level l_k nearest to g, plus std_k z, z standard normal, once a cell.

    With `bits` b there are 2^b levels, equally spaced from the lowest conductance of a cell to the
    highest. With `states` they are the means of a file, in any unit; its std are those of z. Of a
    pair one cell is at its level and the other at the lowest one: as conductances are counted from
    there, the range of means is that of weights. `digest` is that of the file, filled in by itself.

    What is programmed is a level, and the device's law comes on top. Effects in the order levels,
    faults leave stuck cells without z.

    NOT modelled: the lowest conductance itself, which drops out of every weight. NeuroSim programs
    the state of a digit, whatever its mean; here it is the nearest one. Holds for 1 to 16 bits, and
    for states whose means increase.
    """

    info: ClassVar[EffectInfo] = EffectInfo(
        name="levels",
        title="A finite number of levels of a cell",
        models="Weights rounded to the nearest level before they are programmed; with a file of "
        "states their own spread, once a cell.",
        not_modelled="The lowest conductance itself, which drops out of every weight.",
        law="g' = nearest level l_k + std_k z, z standard normal, once a cell",
        citation="CrossSim's cell_bits; NeuroSim V1.5's mem_states.csv",
        domain="1 to 16 bits, or states whose means increase",
    )
    moment: ClassVar[Moment] = "target"

    bits: int = 0
    """Bits of a cell; 0 is any conductance."""
    states: str = ""
    """A file `states,mean,std`."""
    digest: str = ""
    """The first 16 digits of the sha256 of `states`."""

    def __post_init__(self) -> None:
        rule = f"0 or a whole number up to {MOST_BITS}"
        good = 0 <= self.bits <= MOST_BITS and self.bits % 1 == 0
        refuse(self.info.name, ("bits", rule, self.bits, good))
        if self.bits and self.states:
            raise DeviceError(
                f"effect 'levels' must have either bits or states, got {self.bits} bits and "
                f"{self.states!r}; leave one out"
            )
        table: tuple[tuple[float, float], ...] = ()
        digest = ""
        if self.states:
            content, digest = read_file(self.states, self.digest, _WHAT)
            table = _parse(content, self.states)
        object.__setattr__(self, "digest", digest)
        # No option: workers elsewhere take it along.
        object.__setattr__(self, "_table", table)

    def table(self) -> tuple[Tensor, Tensor, float]:
        """Levels and their std, (k,) each, counted from the lowest in units of the range; and the
        least conductance that there is in these units. None is empty.
        """
        import torch

        given: tuple[tuple[float, float], ...] = vars(self)["_table"]
        if not given:
            count = 2**self.bits if self.bits else 0
            return torch.linspace(0, 1, count), torch.zeros(count), 0.0
        mean, std = torch.tensor(given, dtype=torch.float64).T
        span = float(mean[-1] - mean[0])
        level = (mean - mean[0]) / span
        return level.float(), (std / span).float(), -float(mean[0]) / span

    def settle(self, target: Tensor, draws: Draws) -> tuple[Tensor, Acts]:
        """What is programmed, (out, in), and the spread of the levels."""
        levels, std, least = self.table()
        if not len(levels):
            return target, Spread(index=None, std=std, least=least)
        # Between two levels the nearer one, and the upper one half way.
        index = _nearest(levels, target.abs())
        programmed = levels[index].copysign(target)
        return programmed, Spread(index=index if std.any() else None, std=std, least=least)

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells at their levels, each by itself."""
        levels, std, least = self.table()
        if not len(levels):
            return cells
        found = []
        for g, what in ((cells.g_plus, "plus"), (cells.g_minus, "minus")):
            index = _nearest(levels, g)
            found.append(_spread(levels[index], std[index], least, draws, what))
        return Cells(g_plus=found[0], g_minus=found[1])


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The spread of cells around their levels on one tile.

    `index` (out, in) is the level of the cell of each pair that is programmed; None is no spread.
    """

    index: Tensor | None
    std: Tensor
    least: float

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells with their spread; idle ones have that of the lowest level."""
        if self.index is None:
            return cells
        active, idle = self.std[self.index], self.std[0]
        plus = cells.g_plus >= cells.g_minus
        return Cells(
            g_plus=_spread(cells.g_plus, active.where(plus, idle), self.least, draws, "plus"),
            g_minus=_spread(cells.g_minus, active.where(~plus, idle), self.least, draws, "minus"),
        )


def _nearest(levels: Tensor, g: Tensor) -> Tensor:
    import torch

    return torch.bucketize(g, (levels[1:] + levels[:-1]) / 2, right=True)


def _spread(g: Tensor, std: Tensor, least: float, draws: Draws, what: str) -> Tensor:
    if not std.any():
        return g
    z = g.new_empty(g.shape).normal_(generator=draws.generator(what))
    return (g + std * z).clamp(min=least)


def _parse(content: bytes, path: str) -> tuple[tuple[float, float], ...]:
    where = f"{_WHAT} {path!r}"
    found: list[tuple[float, float]] = []
    for number, line in csv_lines(content, HEAD, where):
        try:
            state, mean, std = (float(value) for value in line)
        except ValueError as error:
            raise DeviceError(f"{where} line {number} must be three numbers; mend it") from error
        good = state == len(found) and math.isfinite(mean) and math.isfinite(std) and std >= 0
        if not good or mean < 0 or (found and mean <= found[-1][0]):
            raise DeviceError(
                f"{where} line {number} must be state {len(found)} with a mean >= 0 above the one "
                f"before and a std >= 0, got {','.join(line)[:100]!r}; mend it"
            )
        found.append((mean, std))
    if not 2 <= len(found) <= 2**MOST_BITS:
        raise DeviceError(
            f"{where} must have 2 to {2**MOST_BITS} states, got {len(found)}; mend it"
        )
    return tuple(found)

"""What a faulty pair of cells holds, what is best programmed into its healthy cell, and where a
line of weights is best put so that its faults cost least.

A weight is (g_plus - g_minus) of a pair. Where one cell of it is faulty, the other can make up for
that: g_plus = t + g_minus, or g_minus = g_plus - t, exact while that lies in [0, 1]. The lines of
an array may be wired in any order: which weights meet which faults is an assignment problem (lines
to places, at the price of the squared errors there), of which scipy finds the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from device_models.effects.layout import Layout

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

Remap = Literal["none", "columns", "rows", "both"]


@dataclass(frozen=True, kw_only=True)
class FaultyPairs:
    """Pairs with a faulty cell, each once; every array is (pairs,).

    Attributes:
        column, row: where: output and input of the weight.
        plus, minus: conductance of the two cells in units of g_max; NaN where that one is healthy.
        aware: whether healthy cells are programmed to make up for the others.
    """

    column: Places
    row: Places
    plus: Floats
    minus: Floats
    aware: bool

    @classmethod
    def of(
        cls, places: Places, values: Floats, shape: tuple[int, int], *, aware: bool
    ) -> FaultyPairs:
        """Of faulty cells: flat places in (2, columns, rows), the plus cells first."""
        import numpy as np

        n = shape[0] * shape[1]
        pairs, at = np.unique(places % n, return_inverse=True)
        cells = np.full((2, len(pairs)), np.nan)
        cells[places // n, at] = values
        column, row = np.divmod(pairs, shape[1])
        return cls(column=column, row=row, plus=cells[0], minus=cells[1], aware=aware)

    def cells(self, shape: tuple[int, ...]) -> tuple[Places, Floats]:
        """Flat places in (2, *shape) of the faulty cells, in their order, and conductances."""
        import numpy as np

        at = self.column * shape[1] + self.row
        places = np.concatenate([at, at + shape[0] * shape[1]])
        values = np.concatenate([self.plus, self.minus])
        order = np.argsort(places)
        order = order[~np.isnan(values[order])]
        return places[order], values[order]

    def programmed(self, target: Floats) -> Floats:
        """The signed conductance to be programmed, (..., pairs), for targets of that shape."""
        import numpy as np

        if not self.aware:
            return target
        # Where both are faulty it is in none.
        made_up = np.where(
            np.isnan(self.plus),
            np.clip(target + self.minus, 0, 1),
            -np.clip(self.plus - target, 0, 1),
        )
        return np.where(np.isnan(self.plus) ^ np.isnan(self.minus), made_up, target)

    def held(self, programmed: Floats) -> Floats:
        """The weights, (..., pairs), where the healthy cells hold what was programmed."""
        import numpy as np

        plus = np.where(np.isnan(self.plus), np.maximum(programmed, 0), self.plus)
        return plus - np.where(np.isnan(self.minus), np.maximum(-programmed, 0), self.minus)

    def errors(self, target: Floats) -> Floats:
        """(...): sum of squared errors of weights, for targets (..., pairs)."""
        found: Floats = ((self.held(self.programmed(target)) - target) ** 2).sum(-1)
        return found

    def some(self, which: NDArray[np.bool_] | NDArray[np.integer[Any]]) -> Self:
        """Some of the pairs."""
        return replace(
            self,
            column=self.column[which],
            row=self.row[which],
            plus=self.plus[which],
            minus=self.minus[which],
        )

    def remapped(self, target: Floats, columns: int, remap: Remap) -> tuple[FaultyPairs, Layout]:
        """The faults at the weights that meet them, where lines are assigned to places; and those.

        Args:
            target: (outputs, inputs), all weights.
            columns: that there are; those beyond `outputs` are spares.
            remap: which lines may lie elsewhere; `both` assigns columns and then rows.
        """
        import numpy as np

        outputs, inputs = target.shape
        at_column, at_row = np.arange(outputs), np.arange(inputs)
        found = self
        if remap in ("columns", "both"):
            found, at_column = found._moved("column", target, columns)
        found = found.some(found.column < outputs)
        if remap in ("rows", "both"):
            found, at_row = found._moved("row", target.T, inputs)
        left = np.setdiff1d(np.arange(columns), at_column)
        idle = np.zeros((2, columns, inputs))
        # Healthy cells that hold no weight are not programmed.
        idle[0][self.column, self.row] = np.nan_to_num(self.plus)
        idle[1][self.column, self.row] = np.nan_to_num(self.minus)
        return found, Layout(columns=at_column, rows=at_row, left=left, idle=idle[:, left])

    def _moved(
        self, line: Literal["column", "row"], target: Floats, places: int
    ) -> tuple[FaultyPairs, Places]:
        """With each line of `target`, (lines, across), at the place where its faults cost least."""
        import numpy as np
        from scipy.optimize import linear_sum_assignment

        at = self.column if line == "column" else self.row
        across = self.row if line == "column" else self.column
        order = np.argsort(at, kind="stable")
        ends = np.searchsorted(at[order], np.arange(places + 1))
        cost = np.zeros((len(target), places))
        for place, (first, last) in enumerate(zip(ends, ends[1:], strict=False)):
            if first < last:
                here = order[first:last]
                cost[:, place] = self.some(here).errors(target[:, across[here]])
        # Lines come in their order.
        lines, taken = linear_sum_assignment(cost)
        # Spares that are left over lie behind.
        inverse = np.full(places, len(target))
        inverse[taken] = lines
        moved = inverse[at]
        found = replace(self, column=moved) if line == "column" else replace(self, row=moved)
        return found, taken

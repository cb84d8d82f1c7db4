"""Where the lines of a tile's weights lie in its array, where that is not their own order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The array behind a tile: its lines in their order, and columns that no output uses.

    Attributes:
        columns: (outputs,): the place of each output's column.
        rows: (inputs,): the place of each input's row.
        left: (spares,): places of the columns that are left over.
        idle: (2, spares, inputs): what their cells conduct, plus cells first, in units of g_max;
            rows in the order of their places.
    """

    columns: Places
    rows: Places
    left: Places
    idle: Floats

    def array(self, g: Floats, polarity: int, unit: float = 1.0) -> Floats:
        """The conductances of one polarity, (inputs, outputs), as (rows, columns) of the array.

        `unit` is g_max in the units of `g`.
        """
        import numpy as np

        found = np.zeros((len(self.rows), len(self.columns) + len(self.left)))
        found[np.ix_(self.rows, self.columns)] = g
        found[:, self.left] = self.idle[polarity].T * unit
        return found

    def weights(self, array: Floats) -> Floats:
        """Back: (inputs, outputs), without the columns that are left over."""
        import numpy as np

        return array[np.ix_(self.rows, self.columns)]

"""A converter's transfer function as a table: where codes change, and what each stands for.

Tables are in steps of the converter, 2 bound / 2**bits, around the middle of its range. A converter
of b bits has 2**b codes here, none of which is 0: they lie half a step beside it.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats64 = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CodeTable:
    """The transfer functions of several converters, one a row.

    Attributes:
        thresholds: (converters, k - 1), ascending; from each on (exclusive) the next value holds.
        values: (converters, k).
    """

    thresholds: Floats64
    values: Floats64

    @classmethod
    def of(cls, thresholds: Floats64, values: Floats64, bits: int) -> Self:
        """A table whose inputs are clipped to the converter's range first, as rails do."""
        half = 2.0 ** (bits - 1)
        clipped = np.where(thresholds > half, np.inf, thresholds)
        clipped = np.where(clipped < -half, -np.inf, clipped)
        return cls(thresholds=clipped, values=np.array(values))

    @classmethod
    def stacked(cls, tables: "list[CodeTable]") -> "CodeTable":
        """The rows of several tables, one after the other."""
        if len(tables) == 1:
            return tables[0]
        width = max(table.values.shape[1] for table in tables)
        wide = [_padded(table, width) for table in tables]
        return cls(
            thresholds=np.concatenate([table.thresholds for table in wide]),
            values=np.concatenate([table.values for table in wide]),
        )

    def __call__(self, inputs: Floats64) -> Floats64:
        """(converters, n) -> (converters, n): what each converter gives, in steps."""
        rows = zip(self.values, self.thresholds, inputs, strict=True)
        return np.stack([value[np.searchsorted(t, x, side="left")] for value, t, x in rows])


def codes(bits: int) -> Floats64:
    """(2**bits,): what the codes of an ideal converter stand for, in steps."""
    found: Floats64 = np.arange(2**bits) - (2**bits - 1) / 2
    return found


def nominal(bits: int) -> Floats64:
    """(2**bits - 1,): where an ideal converter's codes change, in steps."""
    found: Floats64 = np.arange(1, 2**bits) - 2.0 ** (bits - 1)
    return found


def _padded(table: CodeTable, width: int) -> CodeTable:
    """With values that no input reaches."""
    more = width - table.values.shape[1]
    if not more:
        return table
    last = np.repeat(table.values[:, -1:], more, axis=1)
    return CodeTable(
        thresholds=np.pad(table.thresholds, ((0, 0), (0, more)), constant_values=np.inf),
        values=np.concatenate([table.values, last], axis=1),
    )

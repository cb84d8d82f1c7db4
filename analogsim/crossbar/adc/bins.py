"""A table of codes as bins, most of which hold one threshold: found without a search."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.crossbar.adc.table import CodeTable

Floats32 = NDArray[np.float32]

FINEST = 4
"""Bins of a step, at most."""
SHIFT = 0.37
"""Of a bin, beside the steps: thresholds of ideal converters lie inside of bins."""


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Bin floor(v * scale + shift) of v, in steps, within 0 and `last`.

    Attributes:
        place: (scale, shift, last).
        edges: (tables * (last + 1),): the threshold in each bin, infinity where there is none, and
            NaN where there are several, which must be searched.
        below, above: likewise, the values up to the threshold and behind it.
        simple: whether no bin must be searched and all values grow by 1 at a threshold.
    """

    place: tuple[np.float32, np.float32, np.float32]
    edges: Floats32
    below: Floats32
    above: Floats32
    simple: bool

    @property
    def count(self) -> int:
        """Bins of a table."""
        return int(self.place[2]) + 1

    @classmethod
    def of(cls, table: CodeTable, half: float) -> "Bins":
        """The bins of some tables, finer ones where thresholds lie closer.

        Args:
            table: of converters.
            half: half of their range, in steps.
        """
        # As the outputs have them: what is the same in float32 is one threshold.
        thresholds = table.thresholds.astype(np.float32)
        per_step = 1
        while True:
            count = int(2 * half * per_step + SHIFT) + 1
            place = np.float32(per_step), np.float32(half * per_step + SHIFT)
            rows = zip(thresholds, table.values, strict=True)
            found = np.concatenate([_row(*row, place, count) for row in rows], axis=1)
            crowded = bool(np.isnan(found).any())
            if not crowded or per_step >= FINEST:
                break
            per_step *= 2
        edges, below, above = map(np.ascontiguousarray, found)
        ones = (above - below)[np.isfinite(edges)] == 1
        return cls(
            place=(*place, np.float32(count - 1)),
            edges=edges,
            below=below,
            above=above,
            simple=not crowded and bool(ones.all()),
        )


def _row(
    thresholds: Floats32,
    values: NDArray[np.float64],
    place: tuple[np.float32, np.float32],
    count: int,
) -> Floats32:
    """(3, count): edges, values below and above."""
    distinct, last = np.unique(thresholds[::-1], return_index=True)
    # Behind equal thresholds the last one's value holds.
    behind = values[len(thresholds) - last]
    inside = np.isfinite(distinct)
    start = behind[0] if len(distinct) and distinct[0] == -np.inf else values[0]
    levels = np.concatenate([[start], behind[inside]])
    distinct = distinct[inside]
    bins = np.clip(distinct * place[0] + place[1], 0, count - 1).astype(np.int64)
    passed = np.searchsorted(bins, np.arange(count), side="left")
    found = np.full((3, count), np.inf, dtype=np.float32)
    found[1:] = levels[passed]
    found[0, bins], found[2, bins] = distinct, levels[1:]
    found[0, bins[1:][bins[1:] == bins[:-1]]] = np.nan
    return found

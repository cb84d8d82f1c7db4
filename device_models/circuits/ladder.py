"""Ladders of cells along one wire, by their admittances: sums and products of positive numbers.

Seen from a node towards the open end of its wire, the rest of the ladder is one admittance
Y = g + Y' / (1 + r Y'), r the segment to the next node and Y' what lies behind it. A wire without
resistance, an open cell and a short one are no special cases, and nothing cancels: results hold to
a few roundings a segment.
"""

import functools
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@functools.cache
def compiled() -> ModuleType | None:
    """The compiled forms, where numba is installed."""
    try:
        from device_models.circuits import jit
    except ImportError:
        return None
    return jit


@dataclass(frozen=True, kw_only=True)
class Ladders:
    """Parallel ladders, eliminated from their first node to their last: (nodes, ladders).

    Behind each node lies one segment. With f = b + t' f' (of the node before) and
    x = s f + t x'' (of the node behind), x are the voltages of injected currents b.

    Attributes:
        t: share of a voltage behind the segment that is left in front of it; without a unit.
        s: voltage of a node for each ampere that reaches it, while the node behind is at 0; ohm.
    """

    t: Floats
    s: Floats

    @classmethod
    def of(
        cls,
        g: Floats,
        between: Floats,
        end: Floats,
        first: Floats | None = None,
    ) -> "Ladders":
        """Eliminate cells `g` (nodes, ladders), siemens, to ground.

        Args:
            g: of the cells.
            between: ohm of the segments between nodes, (nodes - 1,).
            end: ohm of each ladder from its last node on, (ladders,); infinite for an open end.
            first: (ladders,), siemens from the first node to ground beside its cell.
        """
        t, s = np.empty_like(g, order="C"), np.empty_like(g, order="C")
        seen = np.zeros(g.shape[1]) if first is None else first
        jit = compiled()
        if jit is not None:
            # In one layout: each further one would be compiled anew.
            given = (np.ascontiguousarray(one) for one in (g, between, end, seen))
            jit.eliminate(*given, t, s)
            return cls(t=t, s=s)
        for i, r in enumerate(between):
            here = g[i] + seen
            np.divide(1, 1 + r * here, out=t[i])
            np.multiply(r, t[i], out=s[i])
            seen = here * t[i]
        here = g[-1] + seen
        with np.errstate(divide="ignore", invalid="ignore"):
            t[-1] = 1 / (1 + end * here)
            s[-1] = np.where(np.isinf(end), 1 / here, end * t[-1])
        return cls(t=t, s=s)

    def driven(self) -> Floats:
        """Voltages while the end behind the last node is at 1 V and all cells lead to ground."""
        driven: Floats = np.cumprod(self.t[::-1], axis=0, dtype=np.float64)[::-1]
        return driven

    def solve_(self, b: Floats) -> Floats:
        """Turn injected currents (nodes, ladders, ...) into voltages, in place."""
        shape = (-1, *(1,) * (b.ndim - 2))
        for i in range(1, len(b)):
            b[i] += self.t[i - 1].reshape(shape) * b[i - 1]
        b[-1] *= self.s[-1].reshape(shape)
        for i in range(len(b) - 2, -1, -1):
            b[i] *= self.s[i].reshape(shape)
            b[i] += self.t[i].reshape(shape) * b[i + 1]
        return b

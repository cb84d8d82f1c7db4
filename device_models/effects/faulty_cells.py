"""Which cells of an array are faulty, at the price of the faulty ones alone.

Events fall on cells chosen at random, at times with exponential spacings of mean 1/n: a Poisson
process, which is n independent ones, so that the first event of each cell has the time of an
exponential of mean 1, and u = 1 - exp(-time) is a uniform number of its own for each cell. A cell
is faulty where u is below the rate: the number of faulty cells is binomial, and those of a lower
rate are some of those of a higher one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from device_models.effects.contract import Draws

_LEAST = 64


@dataclass(frozen=True, kw_only=True)
class FaultyCells:
    """Cells whose number is below a rate; each array is (faulty,), by place.

    Attributes:
        places: int64, among the cells of the array, flat.
        u: the cells' own numbers, in [0, rate).
        mix: another uniform number of each, for what kind of fault it is.
    """

    places: NDArray[np.int64]
    u: NDArray[np.float64]
    mix: NDArray[np.float64]

    def of(self, which: NDArray[np.bool_]) -> FaultyCells:
        """Some of them."""
        return FaultyCells(places=self.places[which], u=self.u[which], mix=self.mix[which])


def faulty_cells(n: int, rate: float, draws: Draws) -> FaultyCells:
    """Return the cells among `n` whose number is below `rate`, above 0; at rate 1 that is each."""
    # Effects are listed without them.
    import numpy as np
    import torch

    generator = draws.generator("cells")
    # By the number of cells alone: a higher rate begins with the events of a lower one.
    size = max(_LEAST, n >> 6)
    end = -math.log1p(-rate) if rate < 1 else math.inf
    events: list[NDArray[Any]] = []
    now, left = 0.0, np.ones(n if rate >= 1 else 0, bool)
    while now < end and (rate < 1 or left.any()):
        drawn = torch.rand(3, size, generator=generator, dtype=torch.float64).numpy()
        drawn[0] = now + np.cumsum(-np.log1p(-drawn[0])) / n
        events.append(drawn)
        now = drawn[0, -1]
        if rate >= 1:
            left[(drawn[1] * n).astype(np.int64)] = False
    time, place, mix = np.concatenate(events, axis=1) if len(events) > 1 else events[0]
    early = time < end
    places, first = np.unique((place[early] * n).astype(np.int64), return_index=True)
    return FaultyCells(places=places, u=-np.expm1(-time[early][first]), mix=mix[early][first])

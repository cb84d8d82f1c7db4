"""What one weight is in cells: its slices, and the cells of each slice.

A tile weight u in [-1, 1] is u = offset + sum over parts of coefficient * value. Each part is a
plane of cells (or of differential pairs) with a tile of its own: it is programmed, drifts and fails
by itself.

Encodings are those of T. P. Xiao et al., "On the Accuracy of Analog Neural Network Inference
Accelerators", IEEE Circuits Syst. Mag. 22(4):26 (2022), and of CrossSim 3.2 (`simulator/cores`). A
slice that holds fewer bits than a cell could still uses the whole range of conductances.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Encoding = Literal["pair", "pair-two-sided", "offset", "offset-column"]
"""`pair`: a differential pair whose idle cell is at zero. `pair-two-sided`: the sum of a pair's two
conductances is fixed. `offset`: one cell, its middle is weight 0, and the digital side subtracts
the offset. `offset-column`: as that, and a column of cells at weight 0 gives the offset."""

Role = Literal["pair", "plus", "minus", "cell", "unit"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One plane of cells.

    Attributes:
        slice: which bits of the weight, the least significant ones first.
        role: a differential pair with a sign; a pair's `plus` or `minus` cell; a `cell` with an
            offset; or the `unit` column, one cell for each row of the tile.
        coefficient: what a value of 1 adds to the tile weight.
        weight_bits: of the whole weight, sign included; 0 is any value.
        shift: place of the slice's lowest bit.
        bits: of the slice; 0 for the whole, unquantised weight.
    """

    slice: int
    role: Role
    coefficient: float
    weight_bits: int
    shift: int
    bits: int

    @property
    def signed(self) -> bool:
        """Whether it is a pair of cells, whose law takes weights of either sign."""
        return self.role == "pair"

    def encode(self, weights: Tensor) -> Tensor:
        """What the cells are to hold, in units of g_max; (1, in) for a unit column.

        Args:
            weights: (out, in), tile weights in [-1, 1].
        """
        if self.role == "unit":
            return weights.new_full((1, weights.shape[1]), self._middle())
        if self.role == "cell":
            return (weights + 1) / 2 if not self.bits else self._digits(self._integers(weights))
        value = weights
        if self.bits:
            whole = self._integers(weights)
            value = self._digits(whole.abs()) * whole.sign()
        if self.role == "pair":
            return value
        return (1 + value) / 2 if self.role == "plus" else (1 - value) / 2

    def _integers(self, weights: Tensor) -> Tensor:
        """The weights as whole numbers; offset cells hold none below 0."""
        whole = (weights.clamp(-1, 1) * largest_integer(self.weight_bits)).round()
        return whole + 2 ** (self.weight_bits - 1) if self.role == "cell" else whole

    def _digits(self, whole: Tensor) -> Tensor:
        lower = (whole / 2**self.shift).floor()
        found: Tensor = lower % 2**self.bits / (2**self.bits - 1)
        return found

    def _middle(self) -> float:
        """What a cell of weight 0 holds."""
        if not self.bits:
            return 0.5
        digit = (1 << (self.weight_bits - 1 - self.shift)) % (1 << self.bits)
        return digit / ((1 << self.bits) - 1)


def largest_integer(weight_bits: int) -> int:
    """The whole number of tile weight 1."""
    return (1 << (weight_bits - 1)) - 1


@functools.lru_cache(maxsize=64)
def parts_of(encoding: Encoding, weight_bits: int, bits_per_cell: int) -> tuple[Part, ...]:
    """The parts of a weight, slice by slice.

    Args:
        encoding: of each slice.
        weight_bits: of the weight, sign included; unused where `bits_per_cell` is 0.
        bits_per_cell: of a slice; 0 puts any value into one.
    """
    offset = encoding.startswith("offset")
    roles: dict[Encoding, tuple[Role, ...]] = {
        "pair": ("pair",),
        "pair-two-sided": ("plus", "minus"),
        "offset": ("cell",),
        "offset-column": ("cell", "unit"),
    }
    total = weight_bits if offset else weight_bits - 1
    shifts = range(0, total, bits_per_cell) if bits_per_cell else (0,)
    found = []
    for index, shift in enumerate(shifts):
        bits = min(bits_per_cell, total - shift)
        place = 2**shift * (2**bits - 1) / largest_integer(weight_bits) if bits else 1.0 + offset
        found += [
            Part(
                slice=index,
                role=role,
                coefficient=-place if role in {"minus", "unit"} else place,
                weight_bits=weight_bits,
                shift=shift,
                bits=bits,
            )
            for role in roles[encoding]
        ]
    return tuple(found)


def offset_of(encoding: Encoding, weight_bits: int, bits_per_cell: int) -> float:
    """What the digital side adds to each tile weight."""
    if encoding != "offset":
        return 0.0
    return -(2 ** (weight_bits - 1)) / largest_integer(weight_bits) if bits_per_cell else -1.0


def cell_share(parts: tuple[Part, ...], part: Part) -> float:
    """The spread of each cell of a part that makes a spread of 1 in tile weights; see TileContext.

    A unit column's errors are of all outputs at once, and no part of one weight's own.
    """
    if part.role == "unit":
        return 0.0
    return 1 / math.sqrt(sum(one.coefficient**2 for one in parts if one.role != "unit"))

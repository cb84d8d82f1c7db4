"""IR drop and read noise of one conversion: of each array by itself, and of each drive of its rows.

What is summed in front of an ADC comes from arrays of their own (a weight's slices, the cells of
two-sided pairs) and, where input slices are summed there too, from drives one after the other. The
law of `mapping/product_law.py` is of one array and one drive; drops and variances add up.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from analogsim.crossbar.forward.array_terms import ArrayTerms, Terms
from analogsim.crossbar.forward.conversions import Conversion, digits, drives
from analogsim.crossbar.forward.native import by_channel
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.product_law import ProductLaw
from analogsim.crossbar.mapping.tile import TileState

Drive = tuple[Tensor, float]
"""Codes that are applied at once, and what their product counts in front of the ADC."""


def drives_of(x: Tensor, edge: Periphery, full: float) -> list[Drive]:
    """The drives of inputs that are converted together; `x` are codes of up to `full`."""
    count, bits = drives(edge), edge.bits_per_input
    if count == 1:
        return [(x, 1.0)]
    largest = 2.0**bits - 1
    return [
        (part, 2.0 ** (bits * k) * largest / full) for k, part in enumerate(digits(x, bits, count))
    ]


class SlicedTerms(nn.Module):
    """The terms of one conversion of the places of a split."""

    def __init__(
        self, law: ProductLaw, geometry: Geometry, *, rows: slice, top: float, drives: int
    ) -> None:
        """Of so many `drives` before a reading.

        `rows`: the matrix's columns that are rows of the tiles; `top`: a drive's full scale.
        """
        super().__init__()
        self._law, self._geometry, self._rows, self._top = law, geometry, rows, top
        self._drives = drives
        self.arrays = nn.ModuleList()

    def take_(
        self,
        one: Conversion,
        members: Sequence[tuple[int, slice, float, Sequence[TileState]]],
        shape: tuple[int, int, int],
        *,
        folded: bool,
    ) -> "SlicedTerms":
        """Build the products of each array.

        Args:
            one: the conversion.
            members: (group, outputs, step of the ADC, tiles of the parts) of each place.
            shape: of the matrix: groups, outputs of a group, columns.
            folded: whether the drift compensations lie in the sum.
        """
        for part, factor in one.terms:
            cells, gain = torch.zeros(shape), torch.zeros(shape[:2])
            for group, outputs, lsb, tiles in members:
                tile = tiles[part]
                held = tile.cells
                if one.half != "both":
                    held = (held if one.half == "plus" else -held).clamp(min=0)
                cells[group, outputs, self._rows] = held
                compensation = tile.gain * tile.alpha if folded else tile.gain
                gain[group, outputs] = compensation.reshape(-1) * (factor / lsb)
            self.arrays.append(
                ArrayTerms(
                    self._law,
                    self._geometry,
                    cells,
                    gain,
                    rows=self._rows,
                    dac=1 / self._top,
                    adc=1.0,
                    of_half=one.half != "both",
                )
            )
        return self

    @property
    def only(self) -> ArrayTerms | None:
        """The only array, whose terms a converter takes as they are; None where there are more."""
        array = self.arrays[0]
        assert isinstance(array, ArrayTerms)
        return array if len(self.arrays) == 1 and self._drives == 1 else None

    def suffer_(self, y: Tensor, applied: Sequence[Drive]) -> tuple[Tensor, Terms]:
        """The products `y`, in steps of the ADC, less their drop; and what is left to be drawn.

        Of an `only` array these are its terms, and `y` is as it was; else `moment` is a variance.
        """
        if self.only is not None:
            ((x, _),) = applied
            return y, self.only.forward(self._geometry, x)
        variance: Tensor | None = None
        for array in self.arrays:
            assert isinstance(array, ArrayTerms)
            spread = by_channel(array.spread, self._geometry)
            for x, counts in applied:
                terms = array.forward(self._geometry, x)
                lost = array.drop(terms)
                if lost is not None:
                    y = y.sub_(lost, alpha=counts)
                if terms.moment is not None:
                    own = terms.moment * (spread * counts**2)
                    variance = own if variance is None else variance.add_(own)
        return y, Terms(moment=variance)

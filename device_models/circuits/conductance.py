"""What an array of ohmic cells conducts from each input to each output, its wires included.

Currents of resistors are linear in the voltages. While every row is driven (0 V is driven, too) the
wires therefore turn the cells' conductances into other ones once, and a product costs what it did.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from device_models.circuits import coupled
from device_models.circuits.ladder import Floats, Ladders
from device_models.errors import DeviceError

TOLERANCE = 1e-12


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The wires of one array, in ohm.

    Row i is driven in front of column 0; column j is sensed behind the last row, or in front of
    row 0 where `opposite` says so.

    Attributes:
        row_ends: from each driver to its first cell, (inputs,).
        column_ends: from the last cell of each column to its sense node, (outputs,).
        between_columns: segments of every row, (outputs - 1,).
        between_rows: segments of every column, (inputs - 1,).
        opposite: (outputs,), true where a column is sensed in front of row 0.
    """

    row_ends: Floats
    column_ends: Floats
    between_columns: Floats
    between_rows: Floats
    opposite: NDArray[np.bool_]

    @classmethod
    def even(
        cls,
        shape: tuple[int, ...],
        *,
        r_row: float,
        r_col: float,
        r_driver: float,
        r_sense: float,
    ) -> "Lines":
        """As `effective_conductance` has them, of an array (inputs, outputs)."""
        inputs, outputs = shape
        return cls(
            row_ends=np.full(inputs, float(r_driver + r_row)),
            column_ends=np.full(outputs, float(r_col + r_sense)),
            between_columns=np.full(outputs - 1, float(r_row)),
            between_rows=np.full(inputs - 1, float(r_col)),
            opposite=np.zeros(outputs, dtype=np.bool_),
        )

    @property
    def rows_ideal(self) -> bool:
        """Whether no row has any resistance."""
        return not (self.row_ends.any() or self.between_columns.any())

    @property
    def columns_ideal(self) -> bool:
        """Whether no column has any resistance."""
        return not (self.column_ends.any() or self.between_rows.any())

    def turned(self) -> "Lines":
        """Of the array with inputs and outputs exchanged, each in reverse order."""
        assert not self.opposite.any(), "its rows would be driven from two sides"
        return Lines(
            row_ends=self.column_ends[::-1],
            column_ends=self.row_ends[::-1],
            between_columns=self.between_rows[::-1],
            between_rows=self.between_columns[::-1],
            opposite=np.zeros(len(self.row_ends), dtype=np.bool_),
        )


def effective_conductance(
    g: ArrayLike, *, r_row: float, r_col: float, r_driver: float = 0.0, r_sense: float = 0.0
) -> Floats:
    """Return the conductances that an array shows, wires included: currents = v @ result.

    Row i is driven in front of column 0, through `r_driver` and one segment `r_row`; one segment
    lies between neighbours. Column j is sensed behind the last row, through one segment `r_col` and
    `r_sense` to ground. All rows are driven, 0 V included, cells are ohmic, and the sense nodes
    hold their voltage: then the array is this one matrix.

    With resistance in rows or columns alone the ladder is solved exactly. With both, conjugate
    gradients stop where what rows and columns do to each other is known to 1e-12 of itself.

    Args:
        g: conductances of the cells in siemens, (inputs, outputs); 0 is an open cell.
        r_row: ohm of a row from one column to the next.
        r_col: ohm of a column from one row to the next.
        r_driver: ohm between the driver of a row and the row.
        r_sense: ohm between the end of a column and its sense node.

    Returns:
        (inputs, outputs), siemens; `g` itself, in other memory, where nothing has resistance.

    Raises:
        DeviceError: a conductance or a resistance that is negative or not finite, a `g` without
            two dimensions or without a cell, or no answer to that tolerance, for resistances of
            wires far above those of the cells.
    """
    cells = _cells(g)
    resistances = {"r_row": r_row, "r_col": r_col, "r_driver": r_driver, "r_sense": r_sense}
    for name, ohm in resistances.items():
        if not (np.isfinite(ohm) and ohm >= 0):
            raise DeviceError(
                f"effective_conductance {name} must be finite and >= 0 ohm, got {ohm}; "
                "0 is a wire without resistance"
            )
    lines = Lines.even(cells.shape, r_row=r_row, r_col=r_col, r_driver=r_driver, r_sense=r_sense)
    return solve(cells, lines)


def solve(g: Floats, lines: Lines, tolerance: float = TOLERANCE) -> Floats:
    """As `effective_conductance`, of any `lines`; `tolerance` is that of conjugate gradients.

    Raises:
        DeviceError: no answer to that tolerance.
    """
    if lines.rows_ideal and lines.columns_ideal:
        return g.copy()
    if lines.rows_ideal:
        return g * _profile(g, lines)
    if lines.columns_ideal:
        return g * _rows(g, lines).driven()[::-1].T
    # As many systems as outputs: fewer of them, if there are fewer inputs.
    if len(g) < g.shape[1] and not lines.opposite.any():
        turned = np.ascontiguousarray(g[::-1, ::-1].T)
        return np.ascontiguousarray(solve(turned, lines.turned(), tolerance)[::-1, ::-1].T)
    columns = _columns(g, lines)
    profile = _profile(g, lines) if lines.opposite.any() else columns.driven()
    found = coupled.coupled(g, _rows(g, lines), columns, profile, tolerance)
    if found is None:
        most = max(lines.row_ends.max(), lines.column_ends.max())
        raise DeviceError(
            f"wires of an array of {g.shape[0]} x {g.shape[1]} cells must leave currents that "
            f"{coupled.MOST_ITERATIONS} iterations find, got resistances of up to {most} ohm "
            f"beside cells of up to {g.max():.3g} S; take less resistance"
        )
    return found


def _rows(g: Floats, lines: Lines) -> Ladders:
    """From the last column to the driver: (outputs, inputs), the last column first."""
    return Ladders.of(np.ascontiguousarray(g.T[::-1]), lines.between_columns[::-1], lines.row_ends)


def _columns(g: Floats, lines: Lines) -> Ladders:
    """From row 0 to the last, to ground at the side of each column's sense node."""
    if not lines.opposite.any():
        return Ladders.of(g, lines.between_rows, lines.column_ends)
    return Ladders.of(
        g,
        lines.between_rows,
        np.where(lines.opposite, np.inf, lines.column_ends),
        np.where(lines.opposite, 1 / lines.column_ends, 0.0),
    )


def _profile(g: Floats, lines: Lines) -> Floats:
    """Voltages of each column with its sense node at 1 V and all rows at 0 V, from its own side."""
    found = np.empty_like(g)
    far = lines.opposite
    for columns, step in ((~far, 1), (far, -1)):
        if columns.any():
            own = np.ascontiguousarray(g[::step, columns])
            ladders = Ladders.of(own, lines.between_rows[::step], lines.column_ends[columns])
            found[:, columns] = ladders.driven()[::step]
    return found


def _cells(g: ArrayLike) -> Floats:
    try:
        cells = np.array(g, dtype=np.float64, order="C")
    except (TypeError, ValueError) as err:
        raise DeviceError(
            f"effective_conductance g must be numbers, (inputs, outputs), got {type(g).__name__} "
            f"({err}); give conductances in siemens"
        ) from err
    if cells.ndim != 2 or not cells.size:
        raise DeviceError(
            f"effective_conductance g must have shape (inputs, outputs) and a cell, got shape "
            f"{cells.shape}; give one array"
        )
    bad = ~(np.isfinite(cells) & (cells >= 0))
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise DeviceError(
            f"effective_conductance g must be finite and >= 0 S, got {cells[i, j]} at row {i}, "
            f"column {j}; a negative weight is a second cell"
        )
    return cells

"""Wires: rows and columns of an array that have a resistance (IR drop).

Ohmic cells between driven rows and sense nodes at ground are one linear network, so that wires turn
the cells' conductances into other ones, once for a chip and a time: "Fast Algorithms for Exact IR
Drop De-Embedding", IEEE Trans. Electron Devices 69(11):6376 (2022), doi 10.1109/TED.2022.3197105.
The circuit and its solution: `device_models.circuits`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from device_models.effects.checks import refuse
from device_models.effects.contract import Cells, Draws, EffectInfo, Moment
from device_models.errors import DeviceError

if TYPE_CHECKING:
    from device_models.circuits.conductance import Lines
    from device_models.circuits.ladder import Floats
    from device_models.contract import Device

TOLERANCE = 1e-4
"""Of what rows and columns do to each other, relative to itself; of the conductances of 128 x 128
weights it is 4e-8 at 10 ohm and 2e-5 at 1000."""

_LINEAR = "the array is then another matrix for every input, and no effect on cells can be it"
_REFUSED = {
    "zero_inputs": ("gated", f"rows of input 0 are cut off: {_LINEAR}"),
    "sense": ("saturating", f"sense nodes leave ground: {_LINEAR}"),
    "cells": ("nonlinear", f"currents are not in proportion to voltages: {_LINEAR}"),
}


@dataclass(frozen=True, kw_only=True)
class Wires:
    """G_eff of each array from its G and its wires: exactly the network of its resistors.

    Row i is driven in front of the first column through r_driver and a segment r_row, column j is
    sensed behind the last row through a segment r_col and r_sense to ground. All rows are driven,
    those with input 0 too. Where rows and columns both have resistance, conjugate gradients end at
    1e-4 of what the two do to each other; otherwise the ladder is solved exactly.

    A tile is one array, or is cut into even parts of at most `rows` x `columns`, whose currents add
    up in front of the tile's converters. `pairs` says where the two cells of a weight lie: in
    `arrays` of their own; in neighbouring `columns` of one array, which share the rows; in
    neighbouring `rows`, at +v and -v, which share the column, where both cells load it at one node.
    The two cells take two columns, or rows, of an array. `driven` and `sensed` are sides of the
    array; `both` senses every second output at the other side. Rows of an array that no part fills
    have cells that do not conduct; `unselected` says at which side of the filled ones they lie.

    Conductances are those of the device's g_max, or `g_max_us` (uS) where it states none.

    NOT modelled: the idle cell of a pair conducts nothing, though a real one leaks and loads the
    wires; rows that are cut off at input 0, sense nodes that saturate and cells that are not ohmic,
    which are refused; capacitance and settling. A device with one cell a weight is taken for pairs.
    Holds for any resistances; times are those of the device.
    """

    info: ClassVar[EffectInfo] = EffectInfo(
        name="wires",
        title="Resistance of an array's wires (IR drop)",
        models="The linear network of cells, rows, columns, drivers and sense resistors, solved "
        "for each array and time; all rows driven, sense nodes at ground.",
        not_modelled="Leakage of idle cells of pairs, rows cut off at input 0, saturating sense "
        "nodes, non-linear cells, capacitance; cells of devices without pairs.",
        law="I = G_eff v, with G_eff of the network of resistors G, r_row, r_col, r_driver, "
        "r_sense by Kirchhoff's laws",
        citation="IEEE Trans. Electron Devices 69(11):6376 (2022), doi 10.1109/TED.2022.3197105",
        domain="any resistances, ohmic cells, driven rows; of 128 x 128 cells exact to 1e-7 at 10 "
        "ohm and 1e-4 at 1000",
    )
    moment: ClassVar[Moment] = "present"

    r_row: float = 0.0
    """Ohm of a row from one column to the next."""
    r_col: float = 0.0
    """Ohm of a column from one row to the next."""
    r_driver: float = 0.0
    """Ohm between the driver of a row and the row."""
    r_sense: float = 0.0
    """Ohm between the end of a column and its sense node."""
    rows: int = 0
    """Rows of an array; 0 is as many as a tile needs."""
    columns: int = 0
    """Columns of an array; 0 is as many as a tile needs."""
    pairs: Literal["arrays", "columns", "rows"] = "arrays"
    driven: Literal["first", "last"] = "first"
    """Drivers at the first or behind the last column."""
    sensed: Literal["last", "first", "both"] = "last"
    """Sense nodes behind the last row, in front of the first, or in turn."""
    unselected: Literal["first", "last"] = "first"
    """Where rows lie that no part fills: in front of the first filled one or behind the last."""
    g_max_us: float = 0.0
    """uS of a cell that conducts fully; 0 is what the device states."""
    zero_inputs: Literal["driven", "gated"] = "driven"
    sense: Literal["ground", "saturating"] = "ground"
    cells: Literal["ohmic", "nonlinear"] = "ohmic"

    def __post_init__(self) -> None:
        rules: list[tuple[str, str, float, bool]] = []
        for name in ("r_row", "r_col", "r_driver", "r_sense", "g_max_us"):
            value, unit = getattr(self, name), "uS" if name == "g_max_us" else "ohm"
            rules.append((name, f"finite and >= 0 {unit}", value, value >= 0))
        for name in ("rows", "columns"):
            value, least = getattr(self, name), 2 if self.pairs == name else 1
            rule = f"0 or at least {least} where pairs lie in {self.pairs}"
            rules.append((name, rule, value, value == 0 or value >= least))
        refuse(self.info.name, *rules)
        for option, (word, why) in _REFUSED.items():
            if getattr(self, option) == word:
                raise DeviceError(
                    f"effect 'wires' {option} must not be {word}, got {word}: {why}; leave it out"
                )

    @property
    def resists(self) -> bool:
        """Whether any wire has a resistance."""
        return bool(self.r_row or self.r_col or self.r_driver or self.r_sense)

    @property
    def only_pairs(self) -> tuple[str, ...]:
        """Where the two cells of a pair lie, if in one array."""
        return () if self.pairs == "arrays" else ("pairs",)

    def check_device(self, device: Device) -> None:
        """Raise `DeviceError` for a device whose cells have no conductance."""
        self._siemens(device.largest_us, f"preset {device.info.name!r}")

    def apply(self, cells: Cells, draws: Draws) -> Cells:
        """Return the cells as their array shows them."""
        if not self.resists:
            return cells
        import numpy as np

        unit, layout = self._siemens(cells.g_max_us, "these cells"), cells.layout
        plus, minus = (
            np.ascontiguousarray(g.numpy().T, dtype=np.float64) * unit
            for g in (cells.g_plus, cells.g_minus)
        )
        if layout is not None:
            plus, minus = layout.array(plus, 0, unit), layout.array(minus, 1, unit)
        across, along = self._parts(plus.shape)
        for rows in across:
            for columns in along:
                part = rows, columns
                if cells.alone:
                    plus[part] = self._solved(plus[part])
                else:
                    plus[part], minus[part] = self._shown(plus[part], minus[part])
        if layout is not None:
            plus, minus = layout.weights(plus), layout.weights(minus)
        shown = (cells.g_plus.new_tensor(g.T / unit) for g in (plus, minus))
        return Cells(g_plus=next(shown), g_minus=next(shown), g_max_us=cells.g_max_us)

    def _siemens(self, g_max_us: float | None, whose: str) -> float:
        if self.g_max_us:
            g_max_us = self.g_max_us
        if g_max_us is None:
            raise DeviceError(
                f"effect 'wires' must know what a cell conducts, got no g_max of {whose}; write "
                "for example 'wires?g_max_us=25&r_row=1' (uS)"
            )
        return g_max_us * 1e-6

    def _parts(self, shape: tuple[int, ...]) -> tuple[list[slice], list[slice]]:
        """The rows and columns of a tile that lie in one array: even parts."""
        inputs, outputs = shape
        rows = self.rows // (2 if self.pairs == "rows" else 1)
        columns = self.columns // (2 if self.pairs == "columns" else 1)
        return _even(inputs, rows), _even(outputs, columns)

    def _shown(self, plus: Floats, minus: Floats) -> tuple[Floats, Floats]:
        """Both polarities, (inputs, outputs), of one array or two."""
        import numpy as np

        inputs, outputs = plus.shape
        if self.pairs == "arrays":
            return self._solved(plus), self._solved(minus)
        if self.pairs == "columns":
            joint = self._solved(np.stack([plus, minus], axis=2).reshape(inputs, -1))
            found = joint.reshape(inputs, outputs, 2)
            return found[..., 0], found[..., 1]
        joint = self._solved(np.stack([plus, minus], axis=1).reshape(-1, outputs))
        found = joint.reshape(inputs, 2, outputs)
        return found[:, 0], found[:, 1]

    def _solved(self, g: Floats) -> Floats:
        """One array, (rows, columns)."""
        from device_models.circuits.conductance import solve

        turned = slice(None, None, -1), slice(None)
        down = turned[0] if self.sensed == "first" else turned[1]
        across = turned[0] if self.driven == "last" else turned[1]
        return solve(g[down, across].copy(), _lines(self, g.shape), TOLERANCE)[down, across]


@lru_cache(maxsize=64)
def _lines(wires: Wires, shape: tuple[int, ...]) -> Lines:
    """The wires of an array that is turned so that drivers come first and sense nodes last."""
    import numpy as np

    from device_models.circuits.conductance import Lines

    rows, columns = shape
    even = Lines.even(
        shape,
        r_row=wires.r_row,
        r_col=wires.r_col,
        r_driver=wires.r_driver,
        r_sense=wires.r_sense,
    )
    paired = wires.pairs == "rows"
    if paired:
        # The two cells of a weight meet their column at one node.
        even.between_rows[::2] = 0
    # In turn by weights: both columns of a pair are sensed at one side.
    turn = np.arange(columns) // (2 if wires.pairs == "columns" else 1)
    if wires.driven == "last":
        turn = turn[::-1]
    opposite = (turn % 2 == 1) & (wires.sensed == "both")
    more = max(wires.rows - rows, 0) // (2 if paired else 1) * wires.r_col
    last = (wires.unselected == "last") == (wires.sensed != "first")
    ends = even.column_ends + np.where(opposite != last, more, 0.0)
    return replace(even, column_ends=ends, opposite=opposite)


def _even(size: int, largest: int) -> list[slice]:
    """Even parts, none above `largest` (0 is unlimited)."""
    parts = -(-size // largest) if largest else 1
    ends = [size * k // parts for k in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(ends)]

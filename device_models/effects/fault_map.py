"""A map of faulty cells, as a test of a chip leaves it: a CSV or npz file, read strictly.

Columns (or arrays of an npz) are `array,row,column,cell,state`: the array as LAYER/TILE; row
(input) and column (output) from 0, or `*` for a whole line; the cell of the pair, `plus`, `minus`
or `*` (`plus` or `*` of cells that stand alone); and the state, `on`, `off`, `open`, or a
conductance in units of g_max.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from device_models.effects.own_file import csv_lines
from device_models.errors import DeviceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIELDS = ("array", "row", "column", "cell", "state")
STATES = ("on", "off", "open")
ALL = "*"
MOST_FAULTS = 1 << 21
_CELLS = ("plus", "minus")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One line of a map. None is all rows, columns or cells; `state` a word or a conductance."""

    row: int | None
    column: int | None
    cell: int | None
    state: str | float


FaultMap = Mapping[str, Sequence[Fault]]
"""The faults of each array, in the order of the file."""


def parse_map(content: bytes, path: str) -> FaultMap:
    """The faults of a file's content; the ending of `path` says its kind.

    Raises `DeviceError` for the first line that is none, with its number.
    """
    rows = _of_npz(content, path) if path.endswith(".npz") else _of_csv(content, path)
    found: dict[str, list[Fault]] = {}
    for number, row in rows:
        where = f"fault map {path!r} line {number}"
        if len(row) != len(FIELDS):
            raise DeviceError(f"{where} must have {len(FIELDS)} values, got {len(row)}; mend it")
        array, line, column, cell, state = (value.strip() for value in row)
        if not array:
            raise DeviceError(f"{where} array must be LAYER/TILE, got ''; mend it")
        if cell not in (*_CELLS, ALL):
            raise DeviceError(f"{where} cell must be plus, minus or *, got {cell!r}; mend it")
        fault = Fault(
            row=_place(line, f"{where} row"),
            column=_place(column, f"{where} column"),
            cell=None if cell == ALL else _CELLS.index(cell),
            state=_state(state, where),
        )
        found.setdefault(array, []).append(fault)
    return found


def cells_of(
    faults: Sequence[Fault],
    shape: tuple[int, int],
    values: Mapping[str, float],
    array: str,
    *,
    alone: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Flat places in (2, columns, rows) of an array of that shape, and their conductances.

    Raises `DeviceError` for a row or column that the array does not have, and for the other cell of
    a pair where cells stand `alone`.
    """
    import numpy as np

    columns, rows = shape
    places, states = [], []
    for fault in faults:
        if alone and fault.cell == _CELLS.index("minus"):
            raise DeviceError(
                f"fault map array {array} cell must be plus or * where cells stand alone, got "
                "'minus'; is it a map of pairs?"
            )
        for what, at, size in (("column", fault.column, columns), ("row", fault.row, rows)):
            if at is not None and at >= size:
                raise DeviceError(
                    f"fault map array {array} {what} must be below {size}, got {at}; is it a map "
                    "of another network or size of arrays?"
                )
        cell, column, row = (
            np.arange(size) if at is None else np.array([at])
            for at, size in ((fault.cell, 2), (fault.column, columns), (fault.row, rows))
        )
        here = ((cell[:, None, None] * columns + column[:, None]) * rows + row).reshape(-1)
        value = fault.state if isinstance(fault.state, float) else values[fault.state]
        places.append(here)
        states.append(np.full(len(here), value))
    return np.concatenate(places), np.concatenate(states)


def _of_csv(content: bytes, path: str) -> Sequence[tuple[int, Sequence[str]]]:
    lines = csv_lines(content, FIELDS, f"fault map {path!r}")
    _check_count(len(lines), path)
    return lines


def _of_npz(content: bytes, path: str) -> Sequence[tuple[int, Sequence[str]]]:
    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            missing = [name for name in FIELDS if name not in file.files]
            if missing:
                raise DeviceError(
                    f"fault map {path!r} must hold the arrays {', '.join(FIELDS)}, got none named "
                    f"{', '.join(missing)}; add them"
                )
            arrays: list[NDArray[Any]] = [file[name] for name in FIELDS]
    except DeviceError:
        raise
    except Exception as error:  # numpy and zipfile raise many kinds for a broken file
        raise DeviceError(f"fault map {path!r} must be an npz file, got '{error}'") from error
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1 or any(array.ndim != 1 for array in arrays):
        raise DeviceError(
            f"fault map {path!r} arrays must be of one length, got shapes "
            f"{', '.join(str(array.shape) for array in arrays)}; mend it"
        )
    _check_count(len(arrays[0]), path)
    texts = [[str(value) for value in array.tolist()] for array in arrays]
    return list(enumerate(zip(*texts, strict=True)))


def _check_count(count: int, path: str) -> None:
    if count > MOST_FAULTS:
        raise DeviceError(
            f"fault map {path!r} must have at most {MOST_FAULTS} lines, got {count}; name whole "
            "lines by *"
        )


def _place(text: str, where: str) -> int | None:
    if text == ALL:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return int(text)
    raise DeviceError(f"{where} must be a whole number from 0, or *, got {text[:40]!r}; mend it")


def _state(text: str, where: str) -> str | float:
    if text in STATES:
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise DeviceError(
            f"{where} state must be on, off, open, or a conductance in [0, 1] of g_max, got "
            f"{text[:40]!r}; mend it"
        )
    return value

"""Measured errors of converters, from a user's CSV or TOML file.

CSV: a header with `code` and either `inl` or `dnl`, and `adc` where there are several, then one
line for each code. TOML: `inl` or `dnl`, a list of numbers, or one such list for each converter.

The integral non-linearity of a code says where it begins: (threshold - ideal threshold) / step, for
codes 1 to 2**b - 1. The differential one is width / step - 1, for codes 1 to 2**b - 2; the first
threshold is then ideal.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from analogsim import bounded
from analogsim.errors import InputError, shown

Inl = tuple[tuple[float, ...], ...]
"""A row of numbers, in steps, for each converter."""

_MOST_NUMBERS = 1 << 20


def inl_of(value: object, *, where: str) -> Inl:
    """Rows of finite numbers, of one length, whose thresholds ascend.

    Args:
        value: a list of numbers, or of such lists.
        where: for the sentence.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InputError(f"{where} must be a list of numbers, got {shown(value)}; mend it")
    if not value:
        return ()
    rows = value if isinstance(value[0], Sequence) else [value]
    found = []
    for i, row in enumerate(rows):
        good = isinstance(row, Sequence) and not isinstance(row, str)
        if not good or not all(_is_number(each) for each in row) or len(row) != len(rows[0]):
            raise InputError(
                f"{where} row {i} must be as many finite numbers as the first, got {shown(row)}; "
                "mend it"
            )
        numbers = tuple(float(each) for each in row)
        back = next((j for j in range(1, len(numbers)) if numbers[j] - numbers[j - 1] < -1), None)
        if back is not None:
            raise InputError(
                f"{where} row {i} must have thresholds that ascend (no differential non-linearity "
                f"below -1), got {numbers[back] - numbers[back - 1]:g} at code {back}; mend it"
            )
        found.append(numbers)
    return tuple(found)


def read_inl(path: Path) -> Inl:
    """The errors of converters from a CSV or TOML file.

    Raises:
        InputError: the file cannot be read, or is not of that form.
    """
    where = f"ADC table {path}"
    try:
        text = bounded.read_text(path)
        if path.suffix == ".toml":
            return _from_columns(bounded.parse_toml(text), where)
    except OSError as err:
        raise InputError(f"{where} must be readable, got '{err.strerror}'; check the path") from err
    except ValueError as err:
        raise InputError(f"{where} must be UTF-8 text and TOML, got '{err}'; mend it") from err
    if path.suffix != ".csv":
        raise InputError(f"{where} must be a .csv or .toml file, got {path.suffix!r}; rename it")
    return _from_csv(text, where)


def _from_csv(text: str, where: str) -> Inl:
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        header, *rows = [[cell.strip() for cell in row] for row in lines if row]
    except (ValueError, csv.Error) as err:
        raise InputError(f"{where} must be CSV with a header, got '{err}'; mend it") from err
    kinds = {"inl", "dnl"} & set(header)
    if (
        len(kinds) != 1
        or set(header) - {"adc"} != {"code", *kinds}
        or len(set(header)) < len(header)
    ):
        raise InputError(
            f"{where} header must be code, inl or dnl, and maybe adc, got {shown(header)}; mend it"
        )
    kind = kinds.pop()
    if len(rows) > _MOST_NUMBERS:
        raise InputError(
            f"{where} must have at most {_MOST_NUMBERS} lines, got {len(rows)}; cut it"
        )
    found: dict[str, dict[int, float]] = {}
    for number, row in enumerate(rows, start=2):
        cells = dict(zip(header, row, strict=False))
        try:
            code, value = int(cells["code"]), float(cells[kind])
        except (KeyError, ValueError) as err:
            raise InputError(
                f"{where} line {number} must have a whole code and a number, got {shown(row)}; "
                "mend it"
            ) from err
        known = found.setdefault(cells.get("adc", ""), {})
        if len(row) != len(header) or code in known or not math.isfinite(value):
            raise InputError(
                f"{where} line {number} must have {len(header)} cells, a code once and a finite "
                f"number, got {shown(row)}; mend it"
            )
        known[code] = value
    columns = []
    for adc, known in found.items():
        if sorted(known) != list(range(1, len(known) + 1)):
            missing = min(set(range(1, len(known) + 1)) - set(known))
            of = f" of adc {adc!r}" if adc else ""
            raise InputError(
                f"{where} codes{of} must be 1 to {len(known)}, got none for {missing}; add it"
            )
        columns.append([known[code] for code in sorted(known)])
    return _from_columns({kind: columns}, where)


def _from_columns(columns: Mapping[str, object], where: str) -> Inl:
    if set(columns) not in ({"inl"}, {"dnl"}):
        raise InputError(f"{where} must have inl or dnl, got {shown(sorted(columns))}; mend it")
    ((kind, value),) = columns.items()
    if not value:
        raise InputError(f"{where} must have numbers, got none; add them")
    if kind == "inl":
        return inl_of(value, where=f"{where} inl")
    # Thresholds of a width each beside its ideal width: a differential one cannot descend below -1.
    rows = value if isinstance(value, Sequence) and isinstance(value[0], Sequence) else [value]
    return inl_of([_summed(row, where) for row in rows], where=f"{where} dnl")


def _summed(row: object, where: str) -> list[float]:
    if not isinstance(row, Sequence) or not all(_is_number(each) for each in row):
        raise InputError(f"{where} dnl must be finite numbers, got {shown(row)}; mend it")
    total, found = 0.0, [0.0]
    for each in row:
        total += each
        found.append(total)
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

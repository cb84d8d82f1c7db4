"""Tables for other programs: `records.csv`, columns for a data frame, and any other CSV file."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from analogsim.experiment.trial import Trial
from analogsim.quantity import ACCURACY, Quantity

Cell = str | int | float | None

# Settings that every trial repeats, and answers to single images, stay in records.jsonl.
_LEFT_OUT = ("versions", "correct", "images", "point")
# A spreadsheet would compute text that begins so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, end: str = "\r\n") -> str:
    """CSV (RFC 4180) of a header and rows; what is not known is empty.

    Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator=end)
    writer.writerow([_inert(name) for name in header])
    writer.writerows([_inert(c) if isinstance(c, str) else c for c in row] for row in rows)
    return target.getvalue()


def _inert(cell: str) -> str:
    if not cell.startswith(_FORMULA):
        return cell
    try:
        numbers = [float(part) for part in cell.split()]
    except ValueError:
        numbers = []
    return cell if numbers else f"'{cell}"


def flat(trial: Trial, quantity: Quantity = ACCURACY) -> dict[str, Any]:
    """A trial as one line of a table: its numbers and names, and which images it saw.

    Each axis of a sweep is a column; `seed` is one already. The mean stands under the name of what
    is measured; counts of right answers are of accuracies alone.
    """
    fields = {key: value for key, value in asdict(trial).items() if key not in _LEFT_OUT}
    if trial.n_correct is None:
        del fields["n_correct"]
    fields = {quantity.name if key == "accuracy" else key: fields[key] for key in fields}
    images: Mapping[str, Any] = trial.images or {}
    for what in ("order", "round", "start", "total"):
        fields[f"images_{what}"] = images.get(what)
    return fields | (trial.point or {})


def csv_text(trials: Sequence[Trial], quantity: Quantity = ACCURACY) -> str:
    """The trials as CSV with a line of names."""
    rows = [flat(trial, quantity) for trial in trials]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return csv_lines(names, [[row.get(name) for name in names] for row in rows])

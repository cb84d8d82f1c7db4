"""Cells of tables that say means with their intervals in words."""

from collections.abc import Iterable, Sequence

from analogsim.experiment.statistics import Interval
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.labels import with_bounds


def cell(found: Interval | None, *, signed: bool = False, quantity: Quantity = ACCURACY) -> str:
    """A mean and its intervals in per cent (or points, signed): `brackets` says which is which.

    Of another `quantity` than a share in its unit. Bounds, not a half-width: an interval that ends
    at 0 or at 100 % is not symmetric.
    """
    if found is None:
        return "-"
    text = _points if signed else quantity.text
    return with_bounds(text(found.mean), found.bounds, text, found.new_images)


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}"


def brackets(over: str, shown: Iterable[Interval | None]) -> str:
    """What stands in the brackets of cells that show these means."""
    said = f"(95 % interval over {over}, on these images)"
    new = any(one is not None and one.new_images is not None for one in shown)
    return f"{said} [on new images]" if new else said


def per_cent(etas: Sequence[float]) -> str:
    """Levels in per cent, separated by commas."""
    return ", ".join(f"{100 * eta:g}" for eta in etas)

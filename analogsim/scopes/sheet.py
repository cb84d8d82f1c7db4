"""Cells of tables that say means with their intervals in words."""

from collections.abc import Iterable, Sequence

from analogsim.experiment.statistics import Interval, Sampled


def cell(found: Interval | None, *, signed: bool = False) -> str:
    """A mean and its intervals in per cent (or points, signed): `brackets` says which is which.

    Bounds, not a half-width: an interval that ends at 0 or at 100 % is not symmetric.
    """
    if found is None:
        return "-"
    sign = "+" if signed else ""
    text = f"{100 * found.mean:{sign}.2f}"
    if found.low is not None and found.high is not None:
        text += f" ({_bounds(found.low, found.high, sign)})"
    new = found.new_images if isinstance(found, Sampled) else None
    return text if new is None else f"{text} [{_bounds(*new, sign)}]"


def _bounds(low: float, high: float, sign: str) -> str:
    return f"{100 * low:{sign}.2f} to {100 * high:{sign}.2f}"


def brackets(over: str, shown: Iterable[Interval | None]) -> str:
    """What stands in the brackets of cells that show these means."""
    said = f"(95 % interval over {over}, on these images)"
    new = any(isinstance(one, Sampled) and one.new_images is not None for one in shown)
    return f"{said} [on new images]" if new else said


def per_cent(etas: Sequence[float]) -> str:
    """Levels in per cent, separated by commas."""
    return ", ".join(f"{100 * eta:g}" for eta in etas)

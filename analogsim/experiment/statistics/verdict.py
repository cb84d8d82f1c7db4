"""When a difference counts as seen: one rule for all tables and sentences."""

from collections.abc import Sequence


def told_apart(low: float | None, high: float | None, *, fixed: bool = False) -> bool:
    """Whether the interval leaves 0 out.

    One value has no interval and tells nothing apart. An interval without width counts only where
    nothing random is in it (`fixed`): equality of a few values is never proof.
    """
    if low is None or high is None or not (fixed or low < high):
        return False
    return not low <= 0 <= high


def holm(p_values: Sequence[float | None], level: float = 0.05) -> list[bool]:
    """Which of many differences are told apart if none at all is to be so by chance.

    Holm, Scandinavian Journal of Statistics 6 (1979) 65: the chance that one or more true zeros
    are among them is at most `level`, however the comparisons depend on each other. None (no
    interval) is never told apart, and is no comparison.
    """
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    kept = [False] * len(p_values)
    for rank, (p, at) in enumerate(known):
        if p > level / (len(known) - rank):
            break
        kept[at] = True
    return kept


def chance_count(comparisons: int, level: float = 0.05) -> float:
    """How many of so many comparisons are told apart by chance where all true differences are 0."""
    return level * comparisons

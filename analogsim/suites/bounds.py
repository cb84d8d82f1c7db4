"""What sentences go by: the interval for new images where single answers are known.

"BatchNorm costs ..." is said of images in general. Where no answers were kept the interval is for
the images that were measured, and the sentence says so.
"""

from collections.abc import Iterable, Sequence

from analogsim.experiment.statistics import Interval, chance_count, holm, told_apart

Bounds = tuple[float, float]


def sign(found: Interval) -> int:
    """-1 or 1 where the mean is told apart from 0, else 0: the one verdict."""
    known = found.best_bounds
    if known is None or not told_apart(*known):
        return 0
    return -1 if known[1] < 0 else 1


def remaining(found: Sequence[Interval]) -> list[bool]:
    """Which of many means are told apart from 0 once it counts how many were looked at (Holm)."""
    kept = holm([one.best_p for one in found])
    # A correction only takes away: p of `any law` and its bounds are two computations.
    return [known and sign(one) != 0 for known, one in zip(kept, found, strict=True)]


def by_chance(found: Sequence[Interval]) -> str:
    """How many of so many comparisons are told apart where there is nothing."""
    n = sum(one.best_bounds is not None for one in found)
    return f"by chance {chance_count(n):.1f} of {n} would be told apart"


def images_said(found: Sequence[Interval], n_images: int) -> str:
    """Which images the intervals are for."""
    new = found and all(one.new_images is not None for one in found)
    return f"{n_images} images taken as a sample" if new else f"these {n_images} images alone"


def cases_said(named: Iterable[tuple[str, str]], between: str) -> str:
    """Cases in words, those of one name together."""
    found: dict[str, list[str]] = {}
    for name, one in named:
        found.setdefault(name, []).append(one)
    return ", ".join(f"{name} ({between.join(some)})" for name, some in found.items()) or "no case"

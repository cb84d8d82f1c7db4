"""Numbers and names as people read them. Only here and in the CLI's parser is a day "1 d"."""

from collections.abc import Callable, Iterable, Sequence

from analogsim.quantity import ACCURACY

_UNITS = (
    ("y", 365 * 86400.0),
    ("d", 86400.0),
    ("h", 3600.0),
    ("min", 60.0),
    ("s", 1.0),
    ("ms", 1e-3),
    ("us", 1e-6),
    ("ns", 1e-9),
)


def format_duration(t_s: float) -> str:
    """A time in seconds as "1 s", "1 h", "30 d", "1 y" (365 d); three digits if it is not whole.

    The largest unit of which the time is a whole multiple wins, so 25 h is not "1.04 d".
    """
    if t_s == 0:
        return "0 s"
    for unit, seconds in _UNITS:
        count = t_s / seconds
        # Cut off, since the largest times are infinite in the smallest unit.
        whole = round(min(count, 1000.0))
        if 0.5 <= whole < 1000 and abs(count - whole) <= 1e-9 * count:
            return f"{whole} {unit}"
    for unit, seconds in _UNITS:
        if t_s >= seconds:
            return f"{t_s / seconds:.3g} {unit}"
    return f"{t_s:.3g} s"


def time_labels(times: Iterable[float]) -> dict[float, str]:
    """A label for each time in seconds; times whose labels would be the same show their seconds."""
    labels = {t_s: format_duration(t_s) for t_s in times}
    shown = list(labels.values())
    return {
        t_s: label if shown.count(label) == 1 else f"{t_s:.12g} s" for t_s, label in labels.items()
    }


def percent(fraction: float) -> str:
    """A fraction as per cent, two decimals, without the sign."""
    return ACCURACY.text(fraction)


def points(difference: float) -> str:
    """A difference of fractions in percentage points, signed, two decimals."""
    return ACCURACY.change(difference)


def with_bounds(
    said: str,
    bounds: Sequence[float | None] | None,
    text: Callable[[float], str],
    new_images: Sequence[float] | None = None,
) -> str:
    """What is said of a mean, and its bounds: `98.56 % (98.18 to 98.94) [97.90 to 99.12]`."""
    known = [one for one in bounds or () if one is not None]
    said += f" ({' to '.join(map(text, known))})" if known else ""
    return said if new_images is None else f"{said} [{' to '.join(map(text, new_images))}]"


def compensation_label(compensation: str) -> str:
    """The drift compensation in words."""
    return f"{'no' if compensation == 'none' else compensation} compensation"


def factored(names: Sequence[str]) -> tuple[str, list[str]]:
    """What the comma-separated parts of all names have in common, and what is left of each."""
    parts = [name.split(", ") for name in names]
    if len(parts) < 2 or len({len(one) for one in parts}) > 1:
        return "", list(names)
    same = [len(set(column)) == 1 for column in zip(*parts, strict=True)]
    common = [part for part, is_same in zip(parts[0], same, strict=True) if is_same]
    rest = [[part for part, is_same in zip(one, same, strict=True) if not is_same] for one in parts]
    return ", ".join(common), [", ".join(one) for one in rest]


def series_label(preset: str, bn: str, compensation: str, *, with_bn: bool) -> str:
    """A curve's name; `with_bn` if the run has more than one treatment of BatchNorm."""
    label = f"{preset}, {compensation_label(compensation)}"
    return f"{label}, BN {bn}" if with_bn else label

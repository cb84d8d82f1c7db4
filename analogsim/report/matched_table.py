"""The comparison for a screen: plain aligned text of 80 columns."""

import textwrap
from collections.abc import Sequence

from analogsim.experiment.statistics import chance_count
from analogsim.quantity import Quantity
from analogsim.report.comparison import Comparison, EquivalentEta, Estimate, Point, quantity_of
from analogsim.report.labels import format_duration
from analogsim.report.table import coverage_lines

_HEADER = ("preset", "time", "device", "matched", "difference", "equivalent eta")
_WIDTH, _GAP = 80, "  "
_LIKE = "new images:"


def format_comparison(comparison: Comparison) -> str:
    """Caption, a line for each device and time, and the sentences; no trailing line end."""
    shown, quantity = comparison["points"], quantity_of(comparison)
    rows = [_HEADER, *(_cells(point, quantity) for point in shown)]
    below = [None, *(point["difference"]["new_images"] for point in shown)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_HEADER))]
    room = _WIDTH - sum(widths[1:]) - len(_GAP) * (len(widths) - 1)
    # Where the column of differences ends.
    end = min(widths[0], room) + sum(len(_GAP) + width for width in widths[1:-1])
    lines = []
    for (name, *cells), like in zip(rows, below, strict=True):
        padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        fits = len(name) <= room
        # A long name has a line of its own.
        lines += [] if fits else [name]
        first = (name if fits else "").ljust(min(widths[0], room))
        lines.append(_GAP.join([first, *padded]).rstrip())
        if like is not None:
            lines.append(f"{_LIKE} {_bounds(like, quantity)}".rjust(end))
    unit = f" in {quantity.change_unit}" if quantity.change_unit else ""
    caption = [
        f"{quantity.in_unit}, {comparison['model']} on {comparison['n_images']} images of "
        f"{comparison['data']}, {comparison['chips']} chips",
        f"digital: {quantity.text(comparison['digital_accuracy'])}; "
        f"compensation: {comparison['compensation']}",
        "matched: Gaussian noise with the device's weight error, layer by layer",
        f"difference: device - matched{unit}, paired over chips, with its 95 %",
        "  interval on these images, and below it for new images",
        f"equivalent eta: Gaussian noise of eta std(W) has the device's {quantity.name}",
        f"intervals: each by itself: of {len(shown)} differences {chance_count(len(shown)):.2g} "
        "would leave out 0 by chance",
    ]
    said = [textwrap.fill(text, _WIDTH, subsequent_indent="  ") for text in comparison["sentences"]]
    opening = [*coverage_lines(comparison["coverage"]), *caption]
    return "\n".join([*opening, "", *lines, "", *said])


def eta_text(found: EquivalentEta) -> str:
    """The equivalent eta and its interval, short: `0.061 (0.045, 0.074)`."""
    if found["eta"] is None:
        middle = "none" if found["reached"] == "below" else "above"
    else:
        middle = short(found["eta"])
    if found["low"] is None:
        return middle
    high = "-" if found["high"] is None else short(found["high"])
    return f"{middle} ({short(found['low'])}, {high})"


def short(eta: float) -> str:
    """Three digits; what rounding has left of a zero is 0."""
    return f"{eta:.3g}" if abs(eta) >= 1e-9 else "0"


def _cells(point: Point, quantity: Quantity) -> tuple[str, ...]:
    return (
        point["preset"],
        format_duration(point["t_s"]),
        quantity.text(point["accuracy"]["mean"]),
        quantity.text(point["accuracy_control"]["mean"]),
        _difference(point["difference"], quantity),
        eta_text(point["equivalent"]),
    )


def _difference(found: Estimate, quantity: Quantity) -> str:
    mean = quantity.change(found["mean"])
    if found["ci95"] is None:
        return mean
    return f"{mean} {_bounds(found['ci95'], quantity)}"


def _bounds(bounds: Sequence[float], quantity: Quantity) -> str:
    low, high = map(quantity.change, bounds)
    return f"({low}, {high})"

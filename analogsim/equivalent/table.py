"""The comparison for a screen: plain aligned text of 80 columns."""

import textwrap

from analogsim.equivalent.comparison import Comparison, Estimate, Point
from analogsim.equivalent.words import eta_text
from analogsim.report.labels import format_duration, percent, points
from analogsim.report.table import coverage_lines

_HEADER = ("preset", "time", "device", "matched", "difference", "equivalent eta")
_WIDTH, _GAP = 80, "  "


def format_comparison(comparison: Comparison) -> str:
    """Caption, a line for each device and time, and the sentences; no trailing line end."""
    rows = [_HEADER, *(_cells(point) for point in comparison["points"])]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_HEADER))]
    room = _WIDTH - sum(widths[1:]) - len(_GAP) * (len(widths) - 1)
    lines = []
    for name, *cells in rows:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        fits = len(name) <= room
        # A long name has a line of its own.
        lines += [] if fits else [name]
        first = (name if fits else "").ljust(min(widths[0], room))
        lines.append(_GAP.join([first, *padded]).rstrip())
    caption = [
        f"Accuracy in %, {comparison['model']} on {comparison['n_images']} images of "
        f"{comparison['data']}, {comparison['chips']} chips",
        f"digital: {percent(comparison['digital_accuracy'])}; "
        f"compensation: {comparison['compensation']}",
        "matched: Gaussian noise with the device's weight error, layer by layer",
        "difference: device - matched in points, paired over chips, with 95 % interval",
        "equivalent eta: Gaussian noise of eta std(W) has the device's accuracy",
        "intervals: each by itself, not corrected for how many there are",
    ]
    said = [textwrap.fill(text, _WIDTH, subsequent_indent="  ") for text in comparison["sentences"]]
    opening = [*coverage_lines(comparison["coverage"]), *caption]
    return "\n".join([*opening, "", *lines, "", *said])


def _cells(point: Point) -> tuple[str, ...]:
    return (
        point["preset"],
        format_duration(point["t_s"]),
        percent(point["accuracy"]["mean"]),
        percent(point["accuracy_control"]["mean"]),
        _difference(point["difference"]),
        eta_text(point["equivalent"]),
    )


def _difference(found: Estimate) -> str:
    mean = points(found["mean"])
    if found["ci95"] is None:
        return mean
    low, high = map(points, found["ci95"])
    return f"{mean} ({low}, {high})"

"""The result table for a screen or a pipe: plain aligned text, 80 columns, ASCII."""

import re
import textwrap
from collections.abc import Sequence

from analogsim.experiment.header import CoverageEntry
from analogsim.report.labels import percent, points, time_labels
from analogsim.report.summary import UNSEEDED, RowDict, Summary

_WIDTH = 80
_GAP = "  "


def format_table(summary: Summary) -> str:
    """Who computes, caption, digital baseline and one line a row; no trailing line end.

    Columns that would say the same in every row (BN, NaN) are left out. A long preset is
    folded over several lines where it begins.
    """
    rows = summary["rows"]
    with_bn = len({row["bn"] for row in rows}) > 1
    with_nan = any(row["n_nan"] for row in rows) or summary["digital"]["n_nan"] > 0
    labels = time_labels(dict.fromkeys(row["t_s"] for row in rows))
    header = ["preset", "time", "BN", "compensation", "accuracy", "points", "chips", "NaN"]
    digital = [
        *("digital", "", "", ""),
        accuracy_cell(summary["digital_accuracy"], None),
        *("", "", str(summary["digital"]["n_nan"])),
    ]
    body = [header, digital] + [_cells(row, labels, summary["digital_accuracy"]) for row in rows]
    shown = [
        index
        for index, name in enumerate(header)
        if not (name == "BN" and not with_bn) and not (name == "NaN" and not with_nan)
    ]
    lines = _align([[cells[index] for index in shown] for cells in body], left=with_bn + 3)
    opening = [*coverage_lines(summary["coverage"]), *_caption(summary, with_bn=with_bn)]
    said = [""] * bool(summary["warnings"]) + warning_lines(summary["warnings"])
    return "\n".join([*opening, "", *lines, *_yields(rows, labels), *said])


def warning_lines(warnings: Sequence[str]) -> list[str]:
    """Each warning, in lines of 80 columns."""
    return [
        line
        for text in warnings
        for line in textwrap.wrap(
            f"warning: {text}", _WIDTH, subsequent_indent="  ", break_on_hyphens=False
        )
    ]


def coverage_lines(coverage: CoverageEntry | None) -> list[str]:
    """Who computes the multiply-adds, in lines of 80 columns; none where nobody counted."""
    text = "" if coverage is None else coverage["text"]
    return textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _yields(rows: Sequence[RowDict], labels: dict[float, str]) -> list[str]:
    """A line for each row and accuracy of which the yield was asked."""
    lines = [
        f"{percent(y['share'])} % ({percent(y['low'])} to {percent(y['high'])}) of chips reach "
        f"{percent(y['above'])} %: {row['preset']}, {labels[row['t_s']]}, {row['compensation']}"
        for row in rows
        for y in row["yields"]
    ]
    return ["", *lines] if lines else []


def accuracy_cell(mean: float, ci95: Sequence[float] | None) -> str:
    """Per cent, with the half-width of its interval if it has one."""
    if ci95 is None:
        return percent(mean) + " " * 9
    return f"{percent(mean)} +- {percent((ci95[1] - ci95[0]) / 2):>5}"


def _cells(row: RowDict, labels: dict[float, str], digital: float) -> list[str]:
    return [
        row["preset"],
        labels[row["t_s"]],
        row["bn"],
        row["compensation"],
        accuracy_cell(row["mean"], row["ci95"]),
        points(row["mean"] - digital),
        str(row["n_chips"]),
        str(row["n_nan"]),
    ]


def _caption(summary: Summary, *, with_bn: bool) -> list[str]:
    rows = summary["rows"]
    images = sorted({summary["digital"]["n_images"], *(row["n_images"] for row in rows)})
    # Dealt out, a chip has a few images, but every image counts.
    shown = images if rows[0]["design"] == "full" else [summary["digital"]["n_images"]]
    counts = " or ".join(f"{n}" for n in shown)
    caption = [f"Accuracy in %, {summary['model']} on {counts} images of {summary['data']}"]
    if not with_bn:
        caption[0] += f", BN {rows[0]['bn']}"
    if "cpp" in summary["tiles"]:
        caption.append(UNSEEDED)
    if any(row["design"] == "dealt" for row in rows):
        caption.append(
            "Images were dealt out over the chips until the intervals were narrow enough"
        )
    caption.append("+- : 95 % interval of the mean over chips; points: against digital")
    return caption


def _align(cells: list[list[str]], *, left: int) -> list[str]:
    """Pad the columns: the first `left` of them to the left, except the time, the rest right."""
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    rest = sum(widths[1:]) + len(_GAP) * (len(widths) - 1)
    widths[0] = min(widths[0], max(_WIDTH - rest, 10))
    lines = []
    above = ""
    for row in cells:
        first, *more = _fold(row[0], widths[0])
        if row[0] == above:
            more = []
        above = row[0]
        padded = [first.ljust(widths[0])]
        for index, cell in enumerate(row[1:], start=1):
            is_left = index < left and index != 1
            padded.append(cell.ljust(widths[index]) if is_left else cell.rjust(widths[index]))
        lines.append(_GAP.join(padded).rstrip())
        lines.extend(f"  {part}".rstrip() for part in more)
    return lines


def _fold(text: str, width: int) -> list[str]:
    """Break a preset such as `gaussian?eta=0.05&reference=max` before `?` and `&`, if too long."""
    if len(text) <= width:
        return [text]
    lines = [""]
    for part in re.split(r"(?=[?&])", text):
        room = width - (2 if len(lines) > 1 else 0)
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
            room = width - 2
        chunks = [part[start : start + room] for start in range(0, len(part), room)] or [""]
        lines[-1] += chunks[0]
        lines.extend(chunks[1:])
    return lines

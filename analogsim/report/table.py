"""The result table for a screen or a pipe: plain aligned text, 80 columns, ASCII."""

import re
import textwrap
from collections.abc import Collection, Sequence

from analogsim.experiment.axes import shown_text
from analogsim.experiment.header import CoverageEntry
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.labels import compensation_label, percent, time_labels
from analogsim.report.summary import UNSEEDED, RowDict, Summary, digital_bounds, quantity_of

_WIDTH = 80
_GAP = "  "
_PLACES = ("time", "BN", "compensation")
_NEW, _POINTS = "new images", "points"
_INTERVALS = ("these images", _NEW)
_NOTHING: frozenset[str] = frozenset()
_FORMS = (
    (2, _NOTHING, 22),
    (1, _NOTHING, 22),
    (1, frozenset({_POINTS}), 22),
    (2, _NOTHING, 10),
    (1, _NOTHING, 10),
    (1, frozenset({_POINTS}), 10),
)
"""Decimals of bounds, columns left out, letters of a preset in a line: the first that fits."""


def format_table(summary: Summary) -> str:
    """Who computes, caption, digital baseline and one line a row; no trailing line end.

    Columns that would say the same in every row stand in the caption. A long preset is folded over
    several lines where it begins; bounds lose a decimal, and then the points go, where 80 columns
    are too few.
    """
    rows = summary["rows"]
    labels = time_labels(dict.fromkeys(row["t_s"] for row in rows))
    axes = list(summary["sweep"]["axes"]) if "sweep" in summary else []
    places = ["preset", *axes, *_PLACES]
    quantity = quantity_of(summary)
    header = [*places, quantity.name, *_INTERVALS, _POINTS, "chips", "NaN"]
    left_out = {name for name, values in _constant(summary).items() if len(values) == 1}
    if all(row["ci95_new_images"] is None for row in rows):
        left_out.add(_NEW)
    for decimals, also, room in _FORMS:
        digital = [""] * len(places) + _digital_cells(summary, decimals)
        shown = [at for at, name in enumerate(header) if name not in left_out | also]
        digital[shown[0]] = "digital"
        names = [_change(quantity) if name == _POINTS else name for name in header]
        cells = [names, digital, *(_cells(row, axes, labels, summary, decimals) for row in rows)]
        kept = [[line[at] for at in shown] for line in cells]
        if _width(kept, room) <= _WIDTH:
            break
    left = {"preset", "BN", "compensation"}
    lines = _align(kept, left={n for n, at in enumerate(shown) if header[at] in left})
    opening = [*coverage_lines(summary["coverage"]), *_caption(summary, left_out)]
    said = [""] * bool(summary["warnings"]) + warning_lines(summary["warnings"])
    return "\n".join(
        [*opening, "", *lines, *_yields(rows, labels, quantity), *_choices(summary), *said]
    )


def _choices(summary: Summary) -> list[str]:
    """What a sweep answers, in lines of 80 columns."""
    sentences = summary["sweep"]["sentences"] if "sweep" in summary else []
    lines = [
        line
        for text in sentences
        for line in textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    ]
    return ["", *lines] if lines else []


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


def _yields(rows: Sequence[RowDict], labels: dict[float, str], quantity: Quantity) -> list[str]:
    """A line for each row and accuracy of which the yield was asked."""
    reach = "reach" if quantity.sign > 0 else "stay below"
    lines = [
        f"{percent(y['share'])} % ({percent(y['low'])} to {percent(y['high'])}) of chips {reach} "
        f"{percent(y['above'])} %: {row['preset']}, {labels[row['t_s']]}, {row['compensation']}"
        for row in rows
        for y in row["yields"]
    ]
    return ["", *lines] if lines else []


def _change(quantity: Quantity) -> str:
    """The heading of differences to the digital network."""
    return quantity.change_unit if quantity.is_share else "change"


def bounds_cell(
    ci95: Sequence[float] | None, decimals: int = 2, quantity: Quantity = ACCURACY
) -> str:
    """An interval, short: `95.3-98.8` in per cent, else `0.12 to 0.15`; nothing where none is."""
    if ci95 is None:
        return ""
    if not quantity.is_share:
        return " to ".join(f"{bound:.{decimals + 2}g}" for bound in ci95)
    low, high = (f"{100 * bound:.{decimals}f}" for bound in ci95)
    return f"{low}-{high}"


def _digital_cells(summary: Summary, decimals: int) -> list[str]:
    quantity, new = quantity_of(summary), digital_bounds(summary)
    return [
        *(quantity.text(summary["digital_accuracy"]), "", bounds_cell(new, decimals, quantity)),
        *("", "", str(summary["digital"]["n_nan"])),
    ]


def _cells(
    row: RowDict, axes: Sequence[str], labels: dict[float, str], summary: Summary, decimals: int
) -> list[str]:
    point = row.get("point") or {}
    quantity = quantity_of(summary)
    return [
        row["preset"],
        *(shown_text(point[axis]) if axis in point else "" for axis in axes),
        labels[row["t_s"]],
        row["bn"],
        row["compensation"],
        quantity.text(row["mean"]),
        bounds_cell(row["ci95"], decimals, quantity) or "one chip",
        bounds_cell(row["ci95_new_images"], decimals, quantity),
        quantity.change(row["mean"] - summary["digital_accuracy"]),
        str(row["n_chips"]),
        str(row["n_nan"]),
    ]


def _constant(summary: Summary) -> dict[str, set[str]]:
    """The values of each column that may stand in the caption instead."""
    rows = summary["rows"]
    # A table of a sweep needs the room.
    swept = {"preset": {row["preset"] for row in rows}} if "sweep" in summary else {}
    return {
        **swept,
        "BN": {row["bn"] for row in rows},
        "compensation": {row["compensation"] for row in rows},
        "chips": {str(row["n_chips"]) for row in rows},
        "NaN": {str(n) for n in (summary["digital"]["n_nan"], *(row["n_nan"] for row in rows))}
        | {"0"},
    }


def _chips(summary: Summary) -> str:
    """How many, and which where they are not the first ones."""
    n = summary["rows"][0]["n_chips"]
    if "chip_numbers" not in summary:
        return f"{n} chip{'s' if n > 1 else ''}"
    first, last = summary["chip_numbers"]
    which = f"chips {first} to {last}" if last > first else f"chip {first}"
    return which if n > last - first else f"{n} of {which}"


def _caption(summary: Summary, left_out: Collection[str]) -> list[str]:
    rows = summary["rows"]
    images = sorted({summary["digital"]["n_images"], *(row["n_images"] for row in rows)})
    # Dealt out, a chip has a few images, but every image counts.
    shown = images if rows[0]["design"] == "full" else [summary["digital"]["n_images"]]
    counts = " or ".join(f"{n}" for n in shown)
    quantity = quantity_of(summary)
    opening = f"{quantity.in_unit}, {summary['model']} on {counts} images of {summary['data']}"
    if "preset" in left_out:
        opening += f", {rows[0]['preset']}"
    if "BN" in left_out:
        opening += f", BN {rows[0]['bn']}"
    if "compensation" in left_out:
        opening += f", {compensation_label(rows[0]['compensation'])}"
    if "chips" in left_out:
        opening += f", {_chips(summary)}"
    caption = textwrap.wrap(opening, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    if "cpp" in summary["tiles"]:
        caption.append(UNSEEDED)
    if any(row["design"] == "dealt" for row in rows):
        caption.append(
            "Images were dealt out over the chips until the intervals were narrow enough"
        )
    if _NEW in left_out:
        caption.append(
            "these images: 95 % interval of the mean over chips; "
            f"{_change(quantity)}: against digital"
        )
    else:
        caption.append("these images, new images: 95 % intervals of the mean over chips, on the")
        caption.append(
            f"  images measured and on others like them; {_change(quantity)}: against digital"
        )
    return caption


def _width(cells: list[list[str]], room: int) -> int:
    """Of the lines, with the first column folded to `room` letters."""
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    return min(widths[0], room) + sum(widths[1:]) + len(_GAP) * (len(widths) - 1)


def _align(cells: list[list[str]], *, left: Collection[int]) -> list[str]:
    """Pad the columns: the first one and those of `left` to the left, the rest to the right."""
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    rest = sum(widths[1:]) + len(_GAP) * (len(widths) - 1)
    widths[0] = min(widths[0], max(_WIDTH - rest, 6))
    lines = []
    above = ""
    for row in cells:
        first, *more = _fold(row[0], widths[0])
        if row[0] == above:
            more = []
        above = row[0]
        padded = [first.ljust(widths[0])]
        for index, cell in enumerate(row[1:], start=1):
            padded.append(cell.ljust(widths[index]) if index in left else cell.rjust(widths[index]))
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

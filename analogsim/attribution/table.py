"""The attribution for a screen: plain aligned text of 80 columns."""

import textwrap
from collections.abc import Sequence

from analogsim.attribution.result import Attribution, Estimate, Row
from analogsim.attribution.words import chips
from analogsim.report.labels import format_duration, percent, points
from analogsim.report.table import coverage_lines

_WIDTH, _GAP = 80, "  "


def format_attribution(result: Attribution) -> str:
    """Caption, one table of sources and one of layers for each time, notes and sentences."""
    blocks = [_caption(result)]
    notes: list[str] = []
    for whole in result["whole"]:
        rows = [row for row in result["rows"] if row["t_s"] == whole["t_s"]]
        blocks.append(
            f"after {format_duration(whole['t_s'])}: chips {percent(whole['accuracy']['mean'])} %, "
            f"loss {_cell(whole['loss'])}; every source off: "
            f"{percent(whole['accuracy_all_off'])} %"
        )
        for kind, total, rest in (
            ("source", whole["sum_of_sources"], whole["interaction_of_sources"]),
            ("layer", whole["sum_of_layers"], whole["interaction_of_layers"]),
        ):
            some = [row for row in rows if row["kind"] == kind]
            if some:
                blocks.append(_table(some, kind, total, rest, notes))
    if notes:
        blocks.append("\n".join(_fill(f"[{n}] {note}") for n, note in enumerate(notes, start=1)))
    blocks.append("\n".join(_fill(text) for text in result["sentences"]))
    return "\n\n".join(blocks)


def _caption(result: Attribution) -> str:
    return "\n".join(
        [
            *coverage_lines(result["coverage"]),
            _fill(
                f"Loss of accuracy in points, {result['model']} on {result['n_images']} images of "
                f"{result['data']}, {result['preset']}, {chips(result['chips'])}"
            ),
            f"digital: {percent(result['digital_accuracy'])}; "
            f"compensation: {result['compensation']}",
            "alone: everything else off; without: what switching it off gains",
            "intervals: each 95 % over chips, on these images, by itself, not corrected for",
            "how many there are",
        ]
    )


def _table(
    rows: Sequence[Row],
    kind: str,
    total: Estimate | None,
    rest: Estimate | None,
    notes: list[str],
) -> str:
    names = list(dict.fromkeys(row["name"] for row in rows))
    by_key = {(row["name"], row["mode"]): row for row in rows}
    cells = [(kind, "alone", "without")]
    for name in names:
        alone, without = by_key[name, "alone"], by_key[name, "without"]
        few = alone["n_images"] < max(row["n_images"] for row in rows) and not alone["why"]
        mark = f" ({alone['n_images']} images)" if few else ""
        cells.append((name + mark, _loss(alone, notes), _loss(without, notes)))
    if total is not None and rest is not None:
        cells.append(("sum of these", _cell(total), ""))
        cells.append(("the whole beyond", _cell(rest), ""))
    widths = [max(len(row[index]) for row in cells) for index in range(3)]
    lines = []
    for name, alone_text, without_text in cells:
        padded = (name.ljust(widths[0]), alone_text.rjust(widths[1]), without_text.rjust(widths[2]))
        lines.append(_GAP.join(padded).rstrip())
    return "\n".join(lines)


def _loss(row: Row, notes: list[str]) -> str:
    if row["why"]:
        if row["why"] not in notes:
            notes.append(row["why"])
        return f"[{notes.index(row['why']) + 1}]"
    assert row["loss"] is not None
    if row["same_for_every_chip"]:
        return f"{points(row['loss'])} (every chip)"
    return _cell(
        Estimate(mean=row["loss"], low=row["low"], high=row["high"], n_chips=row["n_chips"])
    )


def _cell(found: Estimate) -> str:
    if found["low"] is None or found["high"] is None:
        return points(found["mean"])
    return f"{points(found['mean'])} ({points(found['low'])}, {points(found['high'])})"


def _fill(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )

"""The attribution for a screen: plain aligned text of 80 columns."""

import textwrap
from collections.abc import Sequence

from analogsim.experiment.statistics import chance_count
from analogsim.quantity import Quantity
from analogsim.report.attribution import Attribution, Estimate, Row
from analogsim.report.labels import format_duration
from analogsim.report.table import coverage_lines, warning_lines

SUMS = "The losses of the "
"""How a sentence on all sources or layers together begins."""
_WIDTH, _GAP = 80, "  "
_LIKE = "  new images"


def format_attribution(result: Attribution) -> str:
    """Caption, one table of sources and one of layers for each time, notes and sentences."""
    blocks, quantity = [_caption(result)], quantity_of(result)
    notes: list[str] = []
    for whole in result["whole"]:
        rows = [row for row in result["rows"] if row["t_s"] == whole["t_s"]]
        blocks.append(
            f"after {format_duration(whole['t_s'])}: chips "
            f"{quantity.with_unit(whole['accuracy']['mean'])}, "
            f"loss {_cell(whole['loss'], quantity)}; every source off: "
            f"{quantity.with_unit(whole['accuracy_all_off'])}"
            f"{_like_these(whole['loss'], quantity)}"
        )
        for kind, total, rest in (
            ("source", whole["sum_of_sources"], whole["interaction_of_sources"]),
            ("layer", whole["sum_of_layers"], whole["interaction_of_layers"]),
        ):
            some = [row for row in rows if row["kind"] == kind]
            if some:
                blocks.append(_table(some, kind, total, rest, notes, quantity))
    if notes:
        blocks.append("\n".join(_fill(f"[{n}] {note}") for n, note in enumerate(notes, start=1)))
    blocks.append("\n".join(_fill(text) for text in result["sentences"]))
    return "\n\n".join(blocks)


def attribution_page(result: Attribution, warnings: Sequence[str]) -> str:
    """The table and what drift compensation misleads about, below the question, as Markdown."""
    text = "\n".join([format_attribution(result), *warning_lines(warnings)])
    return f"# {result['question']}\n\n```\n{text}\n```\n"


def last_sentences(result: Attribution) -> list[str]:
    """What is said of the last time and of the suggestion.

    Sums over sources and layers, and the caveat at the end, are left out.
    """
    said = result["sentences"]
    if not result["whole"]:
        return said
    opening = f"After {format_duration(result['whole'][-1]['t_s'])},"
    first = max((at for at, one in enumerate(said) if one.startswith(opening)), default=0)
    return [one for one in said[first:-1] if not one.startswith(SUMS)] or said


def quantity_of(result: Attribution) -> Quantity:
    """What its losses are of. Raises InputError where a file says it wrongly."""
    return Quantity.of(result["spec"].get(Quantity.KEY))


def chips(count: int) -> str:
    """`1 chip`, `10 chips`."""
    return f"{count} chip{'' if count == 1 else 's'}"


def label(row: Row, rows: Sequence[Row]) -> str:
    """The name, with its images where they are fewer than those of other rows."""
    few = row["n_images"] < max(one["n_images"] for one in rows) and not row["why"]
    return f"{row['name']} ({row['n_images']} images)" if few else row["name"]


def _caption(result: Attribution) -> str:
    quantity = quantity_of(result)
    unit = f" in {quantity.change_unit}" if quantity.change_unit else ""
    loss = f"{quantity.loss[0].upper()}{quantity.loss[1:]}{unit}"
    return "\n".join(
        [
            *coverage_lines(result["coverage"]),
            _fill(
                f"{loss}, {result['model']} on {result['n_images']} images of "
                f"{result['data']}, {result['preset']}, {chips(result['chips'])}"
            ),
            f"digital: {quantity.text(result['digital_accuracy'])}; "
            f"compensation: {result['compensation']}",
            "alone: everything else off; without: what switching it off gains",
            _fill(_intervals(result["rows"])),
        ]
    )


def _intervals(rows: Sequence[Row]) -> str:
    count = sum(row["p"] is not None for row in rows)
    return (
        "in brackets: 95 % over chips, on these images, and below it for new images; each "
        f"by itself: of {count} on these images about {chance_count(count):.2g} leave out 0 by "
        "chance"
    )


def _like_these(found: Estimate, quantity: Quantity) -> str:
    bounds = _bounds(found["new_images"], quantity)
    return f"\n{_LIKE}: loss {bounds}" if bounds else ""


def _table(
    rows: Sequence[Row],
    kind: str,
    total: Estimate | None,
    rest: Estimate | None,
    notes: list[str],
    quantity: Quantity,
) -> str:
    names = list(dict.fromkeys(row["name"] for row in rows))
    by_key = {(row["name"], row["mode"]): row for row in rows}
    cells = [(kind, "alone", "without")]
    for name in names:
        alone, without = by_key[name, "alone"], by_key[name, "without"]
        lost, gained = (_loss(one, notes, quantity) for one in (alone, without))
        cells.append((label(alone, rows), lost, gained))
        lost, gained = (_bounds(one["new_images"], quantity) for one in (alone, without))
        cells.append((_LIKE, lost, gained))
    for name, found in (("sum of these", total), ("the whole beyond", rest)):
        if found is not None:
            cells.append((name, _cell(found, quantity), ""))
            cells.append((_LIKE, _bounds(found["new_images"], quantity), ""))
    cells = [row for row in cells if any(row[1:])]
    widths = [max(len(row[index]) for row in cells) for index in range(3)]
    lines = []
    for name, alone_text, without_text in cells:
        padded = (name.ljust(widths[0]), alone_text.rjust(widths[1]), without_text.rjust(widths[2]))
        lines.append(_GAP.join(padded).rstrip())
    return "\n".join(lines)


def _loss(row: Row, notes: list[str], quantity: Quantity) -> str:
    if row["why"]:
        if row["why"] not in notes:
            notes.append(row["why"])
        return f"[{notes.index(row['why']) + 1}]"
    assert row["loss"] is not None
    if row["same_for_every_chip"]:
        return f"{quantity.change(row['loss'])} (every chip)"
    return _with_bounds(row["loss"], row["low"], row["high"], quantity)


def _cell(found: Estimate, quantity: Quantity) -> str:
    return _with_bounds(found["mean"], found["low"], found["high"], quantity)


def _with_bounds(mean: float, low: float | None, high: float | None, quantity: Quantity) -> str:
    bounds = "" if low is None or high is None else f" {_bounds([low, high], quantity)}"
    return f"{quantity.change(mean)}{bounds}"


def _bounds(bounds: Sequence[float] | None, quantity: Quantity) -> str:
    return "" if bounds is None else f"({', '.join(map(quantity.change, bounds))})"


def _fill(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )

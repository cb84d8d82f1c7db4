"""An attribution in plain words, made from its numbers alone."""

from collections.abc import Sequence

from analogsim.attribution.effects import apart
from analogsim.attribution.result import Attribution, Estimate, Row, Suggestion, Whole
from analogsim.report.labels import format_duration, percent, points

CAVEAT = (
    "Each interval holds its own value with 95 %, over chips and on these images; with so many of "
    "them some miss it, and the largest of several looks larger than it is. The verification on "
    "fresh chips is the honest number."
)


def sentences(result: Attribution) -> list[str]:
    """What `attribution.json` says, time by time, then the suggestion and a caveat."""
    found = []
    for whole in result["whole"]:
        rows = [row for row in result["rows"] if row["t_s"] == whole["t_s"]]
        found.append(_whole(whole, result))
        for kind in ("source", "layer"):
            some = [row for row in rows if row["kind"] == kind]
            found += _rows(some, kind) if some else []
        found += _sum("sources", whole["sum_of_sources"], whole["interaction_of_sources"])
        found += _sum("layers", whole["sum_of_layers"], whole["interaction_of_layers"])
    suggestion = result["suggestion"]
    if suggestion is None:
        found.append(f"No layers are suggested: {result['no_suggestion']}.")
    else:
        found += suggested(suggestion)
    return [*found, CAVEAT]


def suggested(suggestion: Suggestion) -> list[str]:
    """What the suggestion says: what was predicted, and what fresh chips gave."""
    check = suggestion["verification"]
    names = ", ".join(suggestion["keep_digital"])
    text = (
        f"Asked for {suggestion['asked']}: keep {names} digital ({suggestion['option']}); "
        f"{100 * suggestion['weights_share']:.1f} % of the analog weights and "
        f"{100 * suggestion['macs_share']:.1f} % of their products are then digital."
    )
    if not suggestion["reached"]:
        text += " No more layers gain accuracy one by one, and these fall short of what was asked."
    lost, gained = check["loss"]["mean"], check["gain"]["mean"]
    measured = (
        f"Predicted gain: {spread(suggestion['predicted'])} points. Measured on fresh chips "
        f"({check['first_chip']} to {check['last_chip']}): {spread(check['gain'])} points"
    )
    if gained <= 0:
        measured += ": there the suggestion recovers nothing"
    elif lost > 0:
        measured += f", {100 * gained / lost:.0f} % of their loss of {percent(lost)}"
    return [text, f"{measured}."]


def spread(found: Estimate) -> str:
    """A difference in points with its interval: `+0.42 (+0.10 to +0.74)`."""
    if found["low"] is None or found["high"] is None:
        return f"{points(found['mean'])} (one chip, so no interval)"
    return f"{points(found['mean'])} ({points(found['low'])} to {points(found['high'])})"


def chips(count: int) -> str:
    """`1 chip`, `10 chips`."""
    return f"{count} chip{'' if count == 1 else 's'}"


def told_apart(row: Row) -> bool:
    """Whether the loss is distinguishable from 0."""
    fixed = row["same_for_every_chip"]
    return row["loss"] is not None and apart(row["loss"], row["low"], row["high"], fixed=fixed)


def _whole(whole: Whole, result: Attribution) -> str:
    loss = whole["loss"]
    fixed = whole["same_for_every_chip"]
    sure = loss["low"] is None or apart(loss["mean"], loss["low"], loss["high"], fixed=fixed)
    doubt = "" if sure else ", which is not distinguishable from 0"
    return (
        f"After {format_duration(whole['t_s'])}, {result['preset']} costs {result['model']} "
        f"{spread(loss)} points of accuracy{doubt}: {percent(whole['accuracy']['mean'])} % on "
        f"{chips(result['chips'])}, {percent(result['digital_accuracy'])} % in digital."
    )


def _rows(rows: Sequence[Row], kind: str) -> list[str]:
    found = []
    for mode, lead, verb in (
        ("alone", f"With one {kind} on alone", "cost"),
        ("without", f"With one {kind} {'off' if kind == 'source' else 'kept digital'}", "gain"),
    ):
        some = [row for row in rows if row["mode"] == mode and row["loss"] is not None]
        some.sort(key=lambda row: -(row["loss"] or 0.0))
        sure = [f"{row['name']} {_range(row)}" for row in some if told_apart(row)]
        others = [row["name"] for row in some if not told_apart(row)]
        text = f"{lead}, the {verb} in points is: {', '.join(sure)}" if sure else ""
        if others and sure:
            text += f"; not distinguishable from 0: {', '.join(others)}"
        elif others:
            text = f"{lead}, no {verb} is distinguishable from 0 ({', '.join(others)})"
        found += [f"{text}."] if text else []
    return found


def _sum(kind: str, total: Estimate | None, rest: Estimate | None) -> list[str]:
    if total is None or rest is None:
        return []
    return [
        f"The losses of the {kind} alone add up to {spread(total)} points; all together cost "
        f"{spread(rest)} points beyond that sum."
    ]


def _range(row: Row) -> str:
    assert row["loss"] is not None
    if row["same_for_every_chip"] or row["low"] is None or row["high"] is None:
        return f"{points(row['loss'])} (the same for every chip)"
    return f"{points(row['loss'])} ({points(row['low'])} to {points(row['high'])})"

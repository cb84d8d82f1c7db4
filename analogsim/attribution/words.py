"""An attribution in plain words, made from its numbers alone."""

from collections.abc import Sequence

from analogsim.attribution.effects import sure
from analogsim.experiment.statistics import chance_count, told_apart
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.attribution import Attribution, Estimate, Row, Suggestion, Whole
from analogsim.report.attribution_table import SUMS, chips, label, quantity_of
from analogsim.report.labels import format_duration

CAVEAT = (
    "Each interval holds its own value with 95 %, over chips: on these images, or for images like "
    "these, of which these are then a sample. What is called a cost or a gain is told apart from 0 "
    "by Holm's rule over its list; the largest of several still looks larger than it is. The "
    "verification on fresh chips is the honest number."
)


def sentences(result: Attribution) -> list[str]:
    """What `attribution.json` says, time by time, then the suggestion and a caveat."""
    found, quantity = [], quantity_of(result)
    for whole in result["whole"]:
        rows = [row for row in result["rows"] if row["t_s"] == whole["t_s"]]
        found.append(_whole(whole, result))
        for kind in ("source", "layer"):
            some = [row for row in rows if row["kind"] == kind]
            found += _rows(some, kind, quantity) if some else []
        sources, layers = whole["interaction_of_sources"], whole["interaction_of_layers"]
        found += _sum("sources", whole["sum_of_sources"], sources, quantity)
        found += _sum("layers", whole["sum_of_layers"], layers, quantity)
    suggestion = result["suggestion"]
    if suggestion is None:
        found.append(f"No layers are suggested: {result['no_suggestion']}.")
    else:
        found += suggested(suggestion, result["rows"], quantity)
    return [*found, CAVEAT]


def suggested(
    suggestion: Suggestion, rows: Sequence[Row], quantity: Quantity = ACCURACY
) -> list[str]:
    """What the suggestion says: what was predicted, and what fresh chips gave."""
    check = suggestion["verification"]
    names = ", ".join(suggestion["keep_digital"])
    text = (
        f"Asked for {suggestion['asked']}: keep {names} digital ({suggestion['option']}); "
        f"{100 * suggestion['weights_share']:.1f} % of the analog weights and "
        f"{100 * suggestion['macs_share']:.1f} % of their products are then digital."
    )
    if not suggestion["reached"]:
        text += f" No more layers {quantity.gains(several=True)} one by one, and these fall short "
        text += "of what was asked."
    lost, gain = check["loss"]["mean"], check["gain"]
    predicted = (
        f"Predicted gain: {spread(suggestion['predicted'], quantity)}. Measured on fresh chips "
        f"({check['first_chip']} to {check['last_chip']}): {spread(gain, quantity)}"
    )
    if gain["mean"] <= 0:
        predicted += ": there the suggestion recovers nothing"
    elif lost > 0:
        predicted += f", {100 * gain['mean'] / lost:.0f} % of their {_loss(lost, quantity)}"
        predicted += _doubt(gain)
    return [text, _one_by_one(suggestion, rows, quantity), f"{predicted}."]


def _loss(lost: float, quantity: Quantity) -> str:
    """How much the whole chip loses; points go without saying."""
    word = "loss" if quantity.sign > 0 else "rise"
    return f"{word} of {quantity.text(lost) if quantity.is_share else quantity.with_unit(lost)}"


def _one_by_one(suggestion: Suggestion, rows: Sequence[Row], quantity: Quantity) -> str:
    """Which of the suggested layers gain by themselves."""
    at = [row for row in rows if row["kind"] == "layer" and row["t_s"] == suggestion["t_s"]]
    some = _measured(at, "without")
    told = {row["name"] for row, kept in zip(some, sure(some), strict=True) if kept}
    known = [name for name in suggestion["keep_digital"] if name in told]
    rest = [name for name in suggestion["keep_digital"] if name not in told]
    text = f"Kept digital alone, {', '.join(known) or 'none of them'} {quantity.gains()} for sure"
    if rest:
        return f"{text}{_rule(some)}; {', '.join(rest)} may be chance: the fresh chips decide."
    return f"{text}{_rule(some)}."


def spread(found: Estimate, quantity: Quantity = ACCURACY) -> str:
    """A difference: `+0.42 (+0.10 to +0.74; new images -0.20 to +1.04) points`."""
    return f"{_spread(found, quantity)} {quantity.change_unit}".rstrip()


def _spread(found: Estimate, quantity: Quantity) -> str:
    points = quantity.change
    mean, new = points(found["mean"]), found["new_images"]
    if found["low"] is None or found["high"] is None:
        return f"{mean} (one chip, so no interval)"
    like = "" if new is None else f"; new images {points(new[0])} to {points(new[1])}"
    if found["low"] == found["high"]:
        return f"{mean} (the same for every chip{like})"
    return f"{mean} ({points(found['low'])} to {points(found['high'])}{like})"


def _doubt(found: Estimate) -> str:
    """What an estimate that is one of a kind does not show."""
    if found["low"] is None:
        return ""
    # Without a probability, nothing is random in it.
    if not told_apart(found["low"], found["high"], fixed=found["p"] is None):
        return ", which is not distinguishable from 0"
    new = found["new_images"]
    return "" if new is None or told_apart(*new) else ", which for new images may be 0"


def _whole(whole: Whole, result: Attribution) -> str:
    loss, quantity = whole["loss"], quantity_of(result)
    has = [
        quantity.with_unit(one) for one in (whole["accuracy"]["mean"], result["digital_accuracy"])
    ]
    return (
        f"After {format_duration(whole['t_s'])}, {result['preset']} costs {result['model']} "
        f"{spread(loss, quantity)} of {quantity.name} on these {result['n_images']} images"
        f"{_doubt(loss)}: {has[0]} on {chips(result['chips'])}, {has[1]} in digital."
    )


def _rows(rows: Sequence[Row], kind: str, quantity: Quantity) -> list[str]:
    found = []
    unit = f" in {quantity.change_unit}" if quantity.change_unit else ""
    for mode, lead, verb in (
        ("alone", f"With one {kind} on alone", "cost"),
        ("without", f"With one {kind} {'off' if kind == 'source' else 'kept digital'}", "gain"),
    ):
        some = _measured(rows, mode)
        if not some:
            continue
        lead += f", on these {max(row['n_images'] for row in some)} images"
        told = [row for row, kept in zip(some, sure(some), strict=True) if kept]
        rest = [label(row, some) for row in some if row not in told and row["low"] is not None]
        single = [label(row, some) for row in some if row["low"] is None]
        texts = [f"{label(row, some)} {_range(row, quantity)}" for row in told]
        parts = [f"{lead}, the {verb}{unit} is: {', '.join(texts)}"] if texts else []
        if rest:
            start = "" if texts else f"{lead}, no {verb} is distinguishable from 0: "
            parts.append(f"{start or 'not distinguishable from 0: '}{', '.join(rest)}")
        if single:
            start = "" if texts or rest else f"{lead}, "
            parts.append(f"{start}one chip gives no interval, 5 give one: {', '.join(single)}")
        found.append(f"{'; '.join(parts)}{_rule(some)}.")
    return found


def _measured(rows: Sequence[Row], mode: str) -> list[Row]:
    """Those of a mode that have a number, the largest first."""
    some = [row for row in rows if row["mode"] == mode and row["loss"] is not None]
    return sorted(some, key=lambda row: -(row["loss"] or 0.0))


def _rule(rows: Sequence[Row]) -> str:
    """How a list's verdicts allow for its length."""
    count = sum(row["p"] is not None for row in rows)
    if count == 0:
        return ""
    return (
        f" (Holm's rule over {count}; one by one, {chance_count(count):.2g} would leave out 0 by "
        "chance)"
    )


def _sum(kind: str, total: Estimate | None, rest: Estimate | None, quantity: Quantity) -> list[str]:
    if total is None or rest is None:
        return []
    return [
        f"{SUMS}{kind} alone add up to {spread(total, quantity)}; all together cost "
        f"{spread(rest, quantity)} beyond that sum{_doubt(rest)}."
    ]


def _range(row: Row, quantity: Quantity) -> str:
    points = quantity.change
    assert row["loss"] is not None
    if row["same_for_every_chip"] or row["low"] is None or row["high"] is None:
        return f"{points(row['loss'])} (the same for every chip)"
    return f"{points(row['loss'])} ({points(row['low'])} to {points(row['high'])})"

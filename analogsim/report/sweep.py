"""What a sweep says: its axes, how far a setting can go, and the sentences of that."""

from collections.abc import Sequence
from typing import TypedDict

from analogsim.experiment import axes as sweeps
from analogsim.experiment.axes import Value, axes_of, shown_text
from analogsim.experiment.digest import POINTS, WITHIN
from analogsim.experiment.header import RunHeader
from analogsim.experiment.statistics import Row
from analogsim.experiment.trial import Trial, name_of
from analogsim.report.labels import points, series_label, time_labels
from analogsim.report.sweep_choice import Candidate, Choice, ascending, best_end, choices

_BITS = {"adc_bits": "ADC bits", "dac_bits": "DAC bits"}
_MOST_SAID = 8
"""Choices in words; all of them stand in summary.json."""


class Sweep(TypedDict):
    """The axes of a sweep, in order, with the values that were measured; and its choices.

    `within` is the tolerance of the choices, a fraction.
    """

    axes: dict[str, list[Value]]
    within: float
    choices: list[Choice]
    sentences: list[str]


def sweep_of(rows: Sequence[Row], trials: Sequence[Trial], header: RunHeader) -> Sweep | None:
    """What the rows of a run say of its sweep; None if it is none."""
    there = [row.point for row in rows if row.point]
    if not there:
        return None
    asked = axes_of([*header.spec.get(POINTS, ()), *there])
    measured = axes_of(there)
    axes = {axis: ascending(axis, measured[axis]) for axis in asked if axis in measured}
    within = header.spec.get(WITHIN, sweeps.WITHIN)
    quantity = header.quantity
    # A tolerance in points is one of shares, and what is lost is what falls.
    chosen = quantity.is_share and quantity.sign > 0
    found = choices(rows, trials, axes, within, header.digital_correct) if chosen else []
    n_images = header.digital["n_images"]
    labels = time_labels(dict.fromkeys(row.t_s for row in rows))
    with_bn = len({row.bn for row in rows}) > 1
    said = [_sentence(one, within, n_images, labels, with_bn=with_bn) for one in found[:_MOST_SAID]]
    if len(found) > _MOST_SAID:
        said.append(f"{len(found) - _MOST_SAID} more stand in summary.json.")
    return Sweep(
        axes={axis: list(values) for axis, values in axes.items()},
        within=within,
        choices=found,
        sentences=said,
    )


def _sentence(
    choice: Choice, within: float, n_images: int, labels: dict[float, str], *, with_bn: bool
) -> str:
    name = name_of(choice["preset"], choice["others"])
    curve = series_label(name, choice["bn"], choice["compensation"], with_bn=with_bn)
    opening = f"{curve}, {labels[choice['t_s']]}:"
    axis, reference = choice["axis"], shown_text(choice["reference"])
    allowed = f"{100 * within:g}"
    tolerance = f"{allowed} point{'' if allowed == '1' else 's'} of"
    candidates = choice["candidates"]
    if not candidates:
        return f"{opening} no two points share chips yet."
    if candidates[0]["ci95"] is None:
        told = ", ".join(f"{shown_text(c['value'])}: {points(c['mean'])}" for c in candidates)
        return (
            f"{opening} with one chip there is no interval, so no value of {axis} is told from "
            f"{reference} (points: {told})."
        )
    chosen = choice["chosen"]
    if chosen is None:
        text = f"no {axis} is shown to be within {tolerance} {reference}"
        return f"{opening} {text}; {_other(candidates[0], n_images)}."
    place = [candidate["value"] for candidate in candidates].index(chosen)
    best, after = candidates[place], candidates[place + 1 :]
    value = shown_text(best["value"])
    if axis in _BITS:
        text = f"{value} {_BITS[axis]} are the fewest within {tolerance} {reference}"
    else:
        most = "largest" if best_end(axis) == "first" else "smallest"
        text = f"{axis} {value} is the {most} within {tolerance} {reference}"
    text = f"{opening} {text}: {_difference(best, n_images)}"
    if best["verdict_new_images"] not in {"within", None}:
        text += "; for new images that is not shown"
    return f"{text}; {_other(after[0], n_images)}." if after else f"{text}."


def _other(candidate: Candidate, n_images: int) -> str:
    """The next candidate, which was not chosen."""
    verdict = "loses more" if candidate["verdict"] == "beyond" else "may lose more"
    return f"{shown_text(candidate['value'])} {verdict}: {_difference(candidate, n_images)}"


def _difference(candidate: Candidate, n_images: int) -> str:
    text = f"{points(candidate['mean'])} points"
    bounds, new = candidate["ci95"], candidate["ci95_new_images"]
    if bounds is None:
        return f"{text} (one chip)"
    text += f" (95 % interval {points(bounds[0])} to {points(bounds[1])}, these {n_images} images, "
    text += f"{candidate['n_chips']} chips"
    return f"{text}; new images {points(new[0])} to {points(new[1])})" if new else f"{text})"

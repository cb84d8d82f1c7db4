"""One comparison in plain words, made from its numbers alone."""

from collections.abc import Sequence

from analogsim.experiment.statistics import chance_count, holm, told_apart
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.comparison import Estimate, Point
from analogsim.report.labels import format_duration
from analogsim.report.matched_words import because, level


def sentences(
    found: Sequence[Point], model: str, n_images: int, quantity: Quantity = ACCURACY
) -> list[str]:
    """What `matched.json` says of each device at each time.

    A difference is called one if Holm's rule over all of them keeps it, and a property or effect
    is named as a cause if the same rule over those of its difference keeps its share.
    """
    kept = holm([point["difference"]["p"] for point in found])
    return [
        _sentence(point, f"{model} on these {n_images} images", told, len(found), quantity)
        for point, told in zip(found, kept, strict=True)
    ]


def _sentence(point: Point, where: str, told: bool, count: int, quantity: Quantity) -> str:
    after, found = f"After {format_duration(point['t_s'])}", point["difference"]
    text = f"{after} {_difference(point, where, told, quantity)} {_range(found, quantity)}"
    if told:
        like = found["new_images"]
        text += "" if like is None or told_apart(*like) else "; for new images it may be 0"
        text += because(point, quantity)
    elif told_apart(*(found["ci95"] or (None, None))):
        text += (
            f"; that leaves out 0, as {chance_count(count):.2g} of {count} such intervals do by "
            "chance (Holm's rule)"
        )
    return f"{text}. {level(point['equivalent'], quantity)}"


def _difference(point: Point, where: str, told: bool, quantity: Quantity) -> str:
    found = point["difference"]
    of = "" if quantity == ACCURACY else f" of {quantity.name}"
    if told:
        word = "more" if quantity.sign * found["mean"] < 0 else "less"
        cost = f"{quantity.text(abs(found['mean']))} {quantity.change_unit}".rstrip()
        return (
            f"{point['preset']} costs {where} {cost}{of} {word} than "
            "Gaussian noise of the same weight error"
        )
    return (
        f"{point['preset']} is not distinguishable from Gaussian noise of the same weight error on "
        f"{where}: it differs by {quantity.with_change(found['mean'])}{of}"
    )


def _range(found: Estimate, quantity: Quantity) -> str:
    if found["ci95"] is None:
        return "(one chip, so no interval)"
    low, high = map(quantity.change, found["ci95"])
    text = f"95 % interval of the difference {low} to {high}, paired over {found['n_chips']} chips"
    if found["new_images"] is not None:
        low, high = map(quantity.change, found["new_images"])
        text += f"; for new images {low} to {high}"
    return f"({text})"

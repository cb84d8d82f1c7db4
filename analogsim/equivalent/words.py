"""One comparison in plain words, made from its numbers alone."""

from collections.abc import Sequence

from analogsim.experiment.statistics import chance_count, holm, told_apart
from analogsim.report.comparison import Estimate, Point
from analogsim.report.labels import format_duration, percent, points
from analogsim.report.matched_words import because, level


def sentences(found: Sequence[Point], model: str, n_images: int) -> list[str]:
    """What `matched.json` says of each device at each time.

    A difference is called one if Holm's rule over all of them keeps it, and a property or effect
    is named as a cause if the same rule over those of its difference keeps its share.
    """
    kept = holm([point["difference"]["p"] for point in found])
    return [
        _sentence(point, f"{model} on these {n_images} images", told, len(found))
        for point, told in zip(found, kept, strict=True)
    ]


def _sentence(point: Point, where: str, told: bool, count: int) -> str:
    after, found = f"After {format_duration(point['t_s'])}", point["difference"]
    text = f"{after} {_difference(point, where, told)} {_range(found)}"
    if told:
        like = found["new_images"]
        text += "" if like is None or told_apart(*like) else "; for new images it may be 0"
        text += because(point)
    elif told_apart(*(found["ci95"] or (None, None))):
        text += (
            f"; that leaves out 0, as {chance_count(count):.2g} of {count} such intervals do by "
            "chance (Holm's rule)"
        )
    return f"{text}. {level(point['equivalent'])}"


def _difference(point: Point, where: str, told: bool) -> str:
    found = point["difference"]
    if told:
        word = "more" if found["mean"] < 0 else "less"
        return (
            f"{point['preset']} costs {where} {percent(abs(found['mean']))} points {word} than "
            "Gaussian noise of the same weight error"
        )
    return (
        f"{point['preset']} is not distinguishable from Gaussian noise of the same weight error on "
        f"{where}: it differs by {points(found['mean'])} points"
    )


def _range(found: Estimate) -> str:
    if found["ci95"] is None:
        return "(one chip, so no interval)"
    low, high = map(points, found["ci95"])
    text = f"95 % interval of the difference {low} to {high}, paired over {found['n_chips']} chips"
    if found["new_images"] is not None:
        low, high = map(points, found["new_images"])
        text += f"; for new images {low} to {high}"
    return f"({text})"

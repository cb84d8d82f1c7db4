"""What a comparison with matched Gaussian noise says of one device beside the difference itself."""

from analogsim.experiment.statistics import holm
from analogsim.report.comparison import Comparison, EquivalentEta, Estimate, Point
from analogsim.report.labels import points
from analogsim.report.matched_table import short


def remarks(comparison: Comparison) -> dict[tuple[str, float], str]:
    """The equivalent eta of each device and time in seconds, and what causes a difference."""
    found = comparison["points"]
    kept = holm([point["difference"]["p"] for point in found])
    return {
        (point["preset"], point["t_s"]): level(point["equivalent"]) + _causes(point) * told
        for point, told in zip(found, kept, strict=True)
    }


def _causes(point: Point) -> str:
    return f" On these images{because(point).removeprefix(';')}."


def level(found: EquivalentEta) -> str:
    """Which plain Gaussian noise has the accuracy of the device, in a sentence."""
    if found["reached"] == "below":
        text = "Its accuracy is above that of chips without weight noise, so no level equals it"
    elif found["reached"] == "above":
        text = "Its accuracy is below that of every Gaussian level of the bracket"
    else:
        assert found["eta"] is not None, "reached says that there is one"
        text = f"Its accuracy is that of Gaussian noise of {short(found['eta'])} std(W)"
    if found["low"] is None:
        return f"{text}."
    if found["high"] is None:
        return f"{text} (95 % interval on these images from {short(found['low'])} on)."
    bounds = f"{short(found['low'])} to {short(found['high'])}"
    return f"{text} (95 % interval on these images {bounds})."


def because(point: Point) -> str:
    """Which properties and effects make the difference, as the end of a sentence."""
    shares = [
        *((part["meaning"], part["share"]) for part in point["parts"]),
        *((cause["effect"], cause["share"]) for cause in point["causes"]),
    ]
    kept = holm([share["p"] for _, share in shares])
    named = [_share(*one) for one, told in zip(shares, kept, strict=True) if told]
    if not named:
        return "; switching its properties off one by one shows no single cause"
    return (
        f"; measured by switching off one at a time (Holm's rule over {len(shares)}): "
        f"{', '.join(named)}"
    )


def _share(what: str, found: Estimate) -> str:
    assert found["ci95"] is not None, "one chip tells nothing apart"
    low, high = map(points, found["ci95"])
    return f"{what} makes {points(found['mean'])} points of it ({low} to {high})"

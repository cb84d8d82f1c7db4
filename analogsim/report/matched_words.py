"""What a comparison with matched Gaussian noise says of one device beside the difference itself."""

from analogsim.experiment.statistics import holm
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.comparison import Comparison, EquivalentEta, Estimate, Point, quantity_of
from analogsim.report.matched_table import short


def remarks(comparison: Comparison) -> dict[tuple[str, float], str]:
    """The equivalent eta of each device and time in seconds, and what causes a difference."""
    found, quantity = comparison["points"], quantity_of(comparison)
    kept = holm([point["difference"]["p"] for point in found])
    return {
        (point["preset"], point["t_s"]): level(point["equivalent"], quantity)
        + _causes(point, quantity) * told
        for point, told in zip(found, kept, strict=True)
    }


def _causes(point: Point, quantity: Quantity) -> str:
    return f" On these images{because(point, quantity).removeprefix(';')}."


def level(found: EquivalentEta, quantity: Quantity = ACCURACY) -> str:
    """Which plain Gaussian noise has the accuracy of the device, in a sentence."""
    its, sides = f"Its {quantity.name} is", ("above", "below")[:: quantity.sign]
    if found["reached"] == "below":
        text = f"{its} {sides[0]} that of chips without weight noise, so no level equals it"
    elif found["reached"] == "above":
        text = f"{its} {sides[1]} that of every Gaussian level of the bracket"
    else:
        assert found["eta"] is not None, "reached says that there is one"
        text = f"{its} that of Gaussian noise of {short(found['eta'])} std(W)"
    if found["low"] is None:
        return f"{text}."
    if found["high"] is None:
        return f"{text} (95 % interval on these images from {short(found['low'])} on)."
    bounds = f"{short(found['low'])} to {short(found['high'])}"
    return f"{text} (95 % interval on these images {bounds})."


def because(point: Point, quantity: Quantity = ACCURACY) -> str:
    """Which properties and effects make the difference, as the end of a sentence."""
    shares = [
        *((part["meaning"], part["share"]) for part in point["parts"]),
        *((cause["effect"], cause["share"]) for cause in point["causes"]),
    ]
    kept = holm([share["p"] for _, share in shares])
    named = [_share(*one, quantity) for one, told in zip(shares, kept, strict=True) if told]
    if not named:
        return "; switching its properties off one by one shows no single cause"
    return (
        f"; measured by switching off one at a time (Holm's rule over {len(shares)}): "
        f"{', '.join(named)}"
    )


def _share(what: str, found: Estimate, quantity: Quantity) -> str:
    assert found["ci95"] is not None, "one chip tells nothing apart"
    low, high = map(quantity.change, found["ci95"])
    return f"{what} makes {quantity.with_change(found['mean'])} of it ({low} to {high})"

"""One comparison in plain words, made from its numbers alone."""

from analogsim.equivalent.comparison import EquivalentEta, Estimate, Point
from analogsim.report.labels import format_duration, percent, points


def sentence(point: Point, model: str) -> str:
    """What `matched.json` says of one device at one time.

    A difference whose interval holds 0 is called not distinguishable; a property or effect is
    named as a cause only if its share's interval does not hold 0.
    """
    after = f"After {format_duration(point['t_s'])}"
    found = point["difference"]
    text = f"{after} {_difference(point, model)} {_range(found)}{_because(point)}."
    return f"{text} {_level(point['equivalent'])}"


def eta_text(found: EquivalentEta) -> str:
    """The equivalent eta and its interval, short: `0.061 (0.045, 0.074)`."""
    if found["eta"] is None:
        middle = "none" if found["reached"] == "below" else "above"
    else:
        middle = _short(found["eta"])
    if found["low"] is None:
        return middle
    high = "-" if found["high"] is None else _short(found["high"])
    return f"{middle} ({_short(found['low'])}, {high})"


def _short(eta: float) -> str:
    """Three digits; what rounding has left of a zero is 0."""
    return f"{eta:.3g}" if abs(eta) >= 1e-9 else "0"


def told_apart(found: Estimate) -> bool:
    """Whether the interval leaves 0 out; one chip tells nothing apart.

    An interval without width does not count: a few chips whose accuracies differ by the same
    whole image look certain, and are not.
    """
    bounds = found["ci95"]
    return bounds is not None and bounds[0] < bounds[1] and not bounds[0] <= 0 <= bounds[1]


def _level(found: EquivalentEta) -> str:
    if found["reached"] == "below":
        text = "Its accuracy is above that of chips without weight noise, so no level equals it"
    elif found["reached"] == "above":
        text = "Its accuracy is below that of every Gaussian level of the bracket"
    else:
        assert found["eta"] is not None, "reached says that there is one"
        text = f"Its accuracy is that of Gaussian noise of {_short(found['eta'])} std(W)"
    if found["low"] is None:
        return f"{text}."
    if found["high"] is None:
        return f"{text} (95 % interval from {_short(found['low'])} on)."
    return f"{text} (95 % interval {_short(found['low'])} to {_short(found['high'])})."


def _difference(point: Point, model: str) -> str:
    found = point["difference"]
    size = percent(abs(found["mean"]))
    if told_apart(found):
        word = "more" if found["mean"] < 0 else "less"
        return (
            f"{point['preset']} costs {model} {size} points {word} than Gaussian noise of the same "
            "weight error"
        )
    return (
        f"{point['preset']} is not distinguishable from Gaussian noise of the same weight error on "
        f"{model}: it differs by {points(found['mean'])} points"
    )


def _range(found: Estimate) -> str:
    if found["ci95"] is None:
        return "(one chip, so no interval)"
    low, high = (points(bound) for bound in found["ci95"])
    return (
        f"(95 % interval of the difference {low} to {high}, paired over {found['n_chips']} chips)"
    )


def _because(point: Point) -> str:
    if not told_apart(point["difference"]):
        return ""
    named = [
        *(_share(part["meaning"], part["share"]) for part in point["parts"]),
        *(_share(cause["effect"], cause["share"]) for cause in point["causes"]),
    ]
    named = [text for text in named if text]
    if not named:
        return "; switching its properties off one by one shows no single cause"
    return "; measured by switching off one at a time: " + ", ".join(named)


def _share(what: str, found: Estimate) -> str:
    bounds = found["ci95"]
    if bounds is None or not told_apart(found):
        return ""
    low, high = map(points, bounds)
    return f"{what} makes {points(found['mean'])} points of it ({low} to {high})"

"""A few plain sentences that answer the run's question, made from its records alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analogsim.experiment.axes import point_text
from analogsim.experiment.header import Digital
from analogsim.experiment.trial import Trial
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.costs import Cost, Costs, Curve, curves_of
from analogsim.report.labels import compensation_label, time_labels, with_bounds
from analogsim.report.verdicts import Beside, Line, Pair, Place, Verdicts, verdicts

Remarks = Mapping[tuple[str, float], str]


def answer(
    trials: Sequence[Trial],
    digital: Digital,
    digital_correct: str | None = None,
    quantity: Quantity = ACCURACY,
    remarks: Remarks | None = None,
) -> list[str]:
    """The digital network, a line a preset with what it costs, and what is told apart.

    Of one preset each curve's first and last time and the change between them; of several the
    last time that all have, or each one's own. A preset stands beside the Gaussian noise that was
    measured with it. The last sentence says whose the intervals are and how many verdicts allow
    for each other; one on NaN outputs follows if there were any.

    Args:
        trials: of the run.
        digital, digital_correct: the digital network's counts, and its answers image by image.
        quantity: what was measured.
        remarks: sentences more on a preset at a time in seconds.
    """
    return [
        digital_sentence(digital, quantity),
        *cost_sentences(trials, digital, digital_correct, quantity, remarks),
        *nan_sentences(trials, quantity),
    ]


def digital_sentence(digital: Digital, quantity: Quantity = ACCURACY) -> str:
    """What all costs are held against."""
    mean, n_images = quantity.with_unit(digital["accuracy"]), digital["n_images"]
    if quantity == ACCURACY:
        return f"The digital network is right on {mean} of {n_images} images."
    return f"The digital network has {quantity.name} {mean} on {n_images} images."


def nan_sentences(trials: Sequence[Trial], quantity: Quantity = ACCURACY) -> list[str]:
    """How many outputs were NaN; nothing if none was."""
    n_nan = sum(trial.n_nan for trial in trials)
    n_outputs = sum(trial.n_images for trial in trials)
    as_what = "class 0" if quantity == ACCURACY else "zeros"
    return [f"{n_nan} of {n_outputs} outputs were NaN; they count as {as_what}."] * (n_nan > 0)


def cost_sentences(
    trials: Sequence[Trial],
    digital: Digital,
    digital_correct: str | None = None,
    quantity: Quantity = ACCURACY,
    remarks: Remarks | None = None,
    *,
    pairs: bool = True,
) -> list[str]:
    """A line for each preset of these trials, and how sure they are, as in `answer`.

    With `pairs` presets are compared with each other, too.
    """
    curves = curves_of(trials)
    costs = Costs.of(trials, digital["accuracy"], digital_correct, quantity)
    found = verdicts(curves, costs, pairs=pairs)
    said = [place.curve for line in found.lines for place in line.places]
    words = _Words(
        quantity=quantity,
        labels=time_labels(dict.fromkeys(trial.t_s for trial in trials)),
        with_bn=len({curve.bn for curve in said}) > 1,
        with_compensation=len({curve.compensation for curve in said}) > 1,
        remarks=remarks or {},
    )
    return [
        *(words.line(line) for line in found.lines),
        *words.pairs(found.pairs),
        words.rule(found, new_images=costs.new_images),
    ]


@dataclass(frozen=True, kw_only=True)
class _Words:
    """Sentences on the curves of one run.

    `with_bn` and `with_compensation` if they are treated in more than one way.
    """

    quantity: Quantity
    labels: Mapping[float, str]
    with_bn: bool
    with_compensation: bool
    remarks: Remarks

    def line(self, line: Line) -> str:
        first, last = line.places[0], line.places[-1]
        preset = first.curve.preset
        if first.curve is last.curve:
            name = self._called(first.curve)
            text = f"After {self.labels[first.t_s]} {name} costs {self._cost(first)}"
            if first.t_s != last.t_s:
                text += f", after {self.labels[last.t_s]} {self._cost(last)}"
                text += self._change(line.change)
            text += "".join(f"; {self._beside(one)}" for one in last.beside)
        else:
            text = f"After {self.labels[first.t_s]} {preset} costs "
            if line.n_curves > len(line.places):
                text += f"least and most of {line.n_curves} curves: "
            text += ", ".join(self._under(place) for place in line.places)
        remark = self.remarks.get((preset, last.t_s))
        return f"{text}. {remark}" if remark else f"{text}."

    def pairs(self, pairs: Sequence[Pair]) -> list[str]:
        """Which curves are told apart: two with their difference, of more the names."""
        if not pairs or pairs[0].more.bounds is None:
            return []
        if len(pairs) == 1:
            (pair,) = pairs
            text = f"{self._called(pair.more_costly.curve)} costs {self._number(pair.more)} more "
            text += f"than {self._called(pair.other.curve)}"
            of = f", the extremes of {pair.n_curves} curves" if pair.n_curves > 2 else ""
            return [f"{text}{of}, {_verdict(pair.more)}."]
        told = [pair for pair in pairs if pair.more.told_apart]
        if len(told) in {0, len(pairs)}:
            return [f"{'All' if told else 'None'} of these {len(pairs)} pairs are told apart."]
        rest = [pair for pair in pairs if not pair.more.told_apart]
        some, but = (told, "") if len(told) <= len(rest) else (rest, "all but ")
        names = ", ".join(
            f"{self._called(one.more_costly.curve)} from {self._called(one.other.curve)}"
            for one in some
        )
        return [f"Of these {len(pairs)} pairs {but}{len(some)} are told apart: {names}."]

    def rule(self, found: Verdicts, *, new_images: bool) -> str:
        """Whose the intervals are, and what the verdicts allow for."""
        places = [place for line in found.lines for place in line.places]
        what = "points" if self.quantity == ACCURACY else self.quantity.long_change
        if self.quantity != ACCURACY:
            what += f" of {self.quantity.name}"
        text = f"Costs are {what} against the digital network"
        if not self.with_compensation:
            text += f", with {compensation_label(places[0].curve.compensation)}"
        counts = sorted({place.cost.n_chips for place in places})
        if counts == [1]:
            return f"{text}; one chip each, so no intervals and no verdicts."
        chips = " to ".join(map(str, dict.fromkeys([counts[0], counts[-1]])))
        images = "new images like these" if new_images else "these images alone"
        text += f"; in brackets 95 % intervals over {chips} chips, for {images}"
        return f"{text}; verdicts by Holm's rule over {found.n_compared} comparisons."

    def _change(self, change: Cost | None) -> str:
        if change is None or change.bounds is None:
            return ""
        return f": {self._more(change)}, {_verdict(change)}"

    def _under(self, place: Place) -> str:
        """What a curve costs under its treatment, beside the noise."""
        text = f"{self._cost(place)} with {self._treatment(place.curve)}"
        beside = "; ".join(self._beside(one) for one in place.beside)
        return f"{text} ({beside})" if beside else text

    def _beside(self, one: Beside) -> str:
        noise = f"plain Gaussian noise ({one.name})"
        if one.matched:
            noise = "Gaussian noise of the same weight error"
        text = f"{noise} costs {self._more(one.more)}"
        return text if one.more.bounds is None else f"{text}, {_verdict(one.more)}"

    def _called(self, curve: Curve) -> str:
        treatment = self._treatment(curve)
        return f"{curve.preset} ({treatment})" if treatment else curve.preset

    def _treatment(self, curve: Curve) -> str:
        """What tells a curve from the others of its preset."""
        parts = [point_text(next(iter(curve.trials.values()))[0].point)]
        parts += [compensation_label(curve.compensation)] * self.with_compensation
        parts += [f"BN {curve.bn}"] * self.with_bn
        return ", ".join(filter(None, parts))

    def _more(self, found: Cost) -> str:
        """A difference: `0.80 points (0.20 to 1.40) less`."""
        if found.mean >= 0:
            return f"{self._number(found)} more"
        return f"{self._number(found, sign=-1)} less"

    def _cost(self, place: Place) -> str:
        """A cost, and a word where it may be none."""
        text, found = self._number(place.cost), place.cost
        if found.bounds is None or found.told_apart:
            return text
        return f"{text.removesuffix(')')}: may be 0)"

    def _number(self, found: Cost, sign: int = 1) -> str:
        """A cost with its interval: `1.10 points (0.40 to 1.80)`."""
        unit = self.quantity.change_unit
        text = f"{self._text(sign * found.mean)} {unit}".rstrip()
        return with_bounds(text, sorted(sign * one for one in found.bounds or ()), self._text)

    def _text(self, value: float) -> str:
        return self.quantity.change(value).removeprefix("+")


def _verdict(found: Cost) -> str:
    return "told apart" if found.told_apart else "not told apart"

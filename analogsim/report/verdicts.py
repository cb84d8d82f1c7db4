"""What an answer compares: each preset with the digital network, with Gaussian noise, with others.

All of it is measured before the first word is made: how sure one is depends on how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from analogsim.report.comparison import control_name
from analogsim.report.costs import Cost, Costs, Curve

MOST = 4
"""Curves whose costs are all said; of more those that cost least and most are."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Gaussian noise that was measured beside a curve; `more` is what it costs more than that."""

    name: str
    matched: bool
    more: Cost


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a curve costs at a time in seconds, and the noise beside it."""

    curve: Curve
    t_s: float
    cost: Cost
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Line:
    """A preset: its curves at one time, the extremes of `n_curves` where there are too many.

    Or one curve at its first and last time, with the change from one to the other.
    """

    places: tuple[Place, ...]
    n_curves: int = 1
    change: Cost | None = None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two curves at one time; `more` is what the first costs more, never less than 0.

    The extremes of `n_curves` where there are too many for all pairs.
    """

    more_costly: Place
    other: Place
    more: Cost
    n_curves: int


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """All that an answer rests on; `n_compared` is how many verdicts allow for each other."""

    lines: tuple[Line, ...]
    pairs: tuple[Pair, ...]
    n_compared: int


def verdicts(curves: Sequence[Curve], costs: Costs, *, pairs: bool = True) -> Verdicts:
    """What the curves of a run cost: of one preset over time, of several at their last time.

    That is the last time that all have, if there is one. With `pairs` devices are compared with
    each other, too.
    """
    controls = {control_name(curve.name) for curve in curves}
    measured = [curve for curve in curves if curve.name not in controls] or list(curves)
    noise = [curve for curve in curves if curve.name in controls or is_gaussian(curve)]
    of = _Measure(costs, measured, noise)
    presets = list(dict.fromkeys(curve.preset for curve in measured))
    if len(presets) == 1 and len(measured) <= MOST and any(len(c.trials) > 1 for c in measured):
        lines = [of.over_time(curve) for curve in measured]
    else:
        lines = [of.line([c for c in measured if c.preset == name]) for name in presets]
    last = [place for line in lines for place in line.places if place.t_s == of.time(place.curve)]
    devices = [place for place in last if not is_gaussian(place.curve)]
    n_curves = sum(not is_gaussian(curve) for curve in measured)
    between = of.pairs(devices, n_curves) if pairs else []
    return Verdicts(lines=tuple(lines), pairs=tuple(between), n_compared=costs.claims.count)


def is_gaussian(curve: Curve) -> bool:
    """Whether it is plain Gaussian noise, whatever its options."""
    return curve.preset.partition("?")[0] == "gaussian"


class _Measure:
    """Measures costs of the curves of one run."""

    def __init__(self, costs: Costs, curves: Sequence[Curve], noise: Sequence[Curve]) -> None:
        common = set.intersection(*(set(curve.trials) for curve in curves))
        self.costs, self.noise = costs, noise
        self.common = max(common) if common else None

    def time(self, curve: Curve) -> float:
        """At which a curve is compared, in seconds."""
        return max(curve.trials) if self.common is None else self.common

    def over_time(self, curve: Curve) -> Line:
        first, last = min(curve.trials), max(curve.trials)
        if first == last:
            return Line(places=(self._place(curve, last),))
        places = (
            Place(curve=curve, t_s=first, cost=self.costs.cost(curve.trials[first])),
            self._place(curve, last),
        )
        change = self.costs.more(curve.trials[last], curve.trials[first])
        return Line(places=places, change=change)

    def line(self, curves: Sequence[Curve]) -> Line:
        some = list(curves)
        if len(some) > MOST:
            mean = {id(c): self.costs.mean(c.trials[self.time(c)]) for c in some}
            some.sort(key=lambda curve: mean[id(curve)])
            some = [some[0], some[-1]]
        n = len(curves) if len(curves) > MOST else 1
        places = tuple(self._place(curve, self.time(curve), of=n) for curve in some)
        return Line(places=places, n_curves=len(curves))

    def pairs(self, places: Sequence[Place], n_curves: int) -> list[Pair]:
        """Each two at one time; the extremes alone of too many."""
        ranked = sorted(places, key=lambda place: -place.cost.mean)
        all_pairs, chosen = n_curves * (n_curves - 1) // 2, 1
        some = list(combinations(ranked, 2))
        if n_curves > MOST and some:
            some, chosen = [(ranked[0], ranked[-1])], all_pairs
        found = [(a, b, self._more(a, b, chosen)) for a, b in some if a.t_s == b.t_s]
        return [
            Pair(more_costly=a, other=b, more=more, n_curves=n_curves)
            for a, b, more in found
            if more is not None
        ]

    def _more(self, a: Place, b: Place, chosen: int) -> Cost | None:
        return self.costs.more(a.curve.trials[a.t_s], b.curve.trials[b.t_s], of=chosen)

    def _place(self, curve: Curve, t_s: float, *, of: int = 1) -> Place:
        cost = self.costs.cost(curve.trials[t_s], of=of)
        beside = [] if is_gaussian(curve) else [*self._beside(curve, t_s, of)]
        return Place(curve=curve, t_s=t_s, cost=cost, beside=tuple(beside))

    def _beside(self, curve: Curve, t_s: float, of: int) -> list[Beside]:
        """The levels of plain noise under the same treatment, and the noise matched to it."""
        found = {}
        for noise in self.noise:
            matched = noise.name == control_name(curve.name)
            # Noise that does not drift is measured without compensation, too.
            if t_s in noise.trials and (matched or is_gaussian(noise)):
                same = noise.treatment == curve.treatment
                if same or noise.name not in found:
                    found[noise.name] = noise
        return [
            Beside(name=name, matched=not is_gaussian(noise), more=more)
            for name, noise in found.items()
            if (more := self.costs.more(noise.trials[t_s], curve.trials[t_s], of=of)) is not None
        ]

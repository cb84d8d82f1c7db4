"""With against without BatchNorm: the paper's comparison, for every scope, reference and grid.

The unit of an interval is the draw while each arm has one training, and the training seed where
it has several: draws say nothing about how another training would come out.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from analogsim.experiment.statistics import Interval, interval
from analogsim.scopes.levels import Reference, Scope
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sheet import Sheet, cell
from analogsim.suites.entry import Arm, Entry
from analogsim.suites.published import PUBLISHED, Published

Unit = Literal["draws", "training seeds"]
Arms = Mapping[Arm, Mapping[int, NoiseResult]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One scope, reference and grid of a pair; averages of normalised accuracy."""

    scope: Scope
    reference: Reference
    grid: str
    with_bn: Interval
    without_bn: Interval
    difference: Interval

    @property
    def name(self) -> str:
        """How sentences name it."""
        return f"{self.scope}/{self.reference}/{self.grid}"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A pair of networks, and every case that both arms have."""

    name: str
    published: Published | None
    unit: Unit
    n: int
    chance: float
    """What guessing gives, normalised: the mean over trainings, as each case's `with_bn` is."""
    chance_error: float
    """1.96 standard errors of a guess on as many images, normalised; the mean over trainings."""
    cases: tuple[Case, ...]


def pairs_of(networks: Sequence[tuple[Entry, NoiseResult]]) -> list[Pair]:
    """The pairs that have both arms, in the order of the suite."""
    names = dict.fromkeys(entry.pair for entry, _ in networks if entry.pair)
    found = []
    for name in names:
        mine = [(e, r) for e, r in networks if e.pair == name]
        arms: dict[Arm, dict[int, NoiseResult]] = {"with": {}, "without": {}}
        for entry, result in mine:
            assert entry.arm is not None
            arms[entry.arm][entry.training_seed or 0] = result
        if arms["with"].keys() & arms["without"].keys():
            published = next((e.published for e, _ in mine if e.published), None)
            found.append(_pair(str(name), arms, PUBLISHED.get(published or "")))
    return found


def _pair(name: str, arms: Arms, published: Published | None) -> Pair:
    seeds = sorted(arms["with"].keys() & arms["without"].keys())
    trained = [arms["with"][seed] for seed in seeds]
    first = trained[0]
    cases = []
    for reference in first.references:
        for scope in first.scopes:
            for grid, etas in first.grids().items():
                case = _case(arms, seeds, scope, reference, grid, etas)
                if case is not None:
                    cases.append(case)
    several = len(seeds) > 1
    return Pair(
        name=name,
        published=published,
        unit="training seeds" if several else "draws",
        n=len(seeds) if several else max((case.difference.n for case in cases), default=0),
        chance=fmean(one.chance for one in trained),
        chance_error=fmean(map(_guess_error, trained)),
        cases=tuple(cases),
    )


def _guess_error(result: NoiseResult) -> float:
    guess = 1 / result.n_classes
    return 1.96 * math.sqrt(guess * (1 - guess) / result.n_images) / result.clean


def _case(
    arms: Arms,
    seeds: Sequence[int],
    scope: Scope,
    reference: Reference,
    grid: str,
    etas: Sequence[float],
) -> Case | None:
    a, b = (
        [arms[arm][seed].by_draw(scope, reference, etas) for seed in seeds]
        for arm in ("with", "without")
    )
    draws = set(a[0]).intersection(*a, *b)
    if not draws:
        return None
    if len(seeds) == 1:
        left, right = [a[0][d] for d in sorted(draws)], [b[0][d] for d in sorted(draws)]
    else:
        left, right = ([sum(one[d] for d in draws) / len(draws) for one in side] for side in (a, b))
    return Case(
        scope=scope,
        reference=reference,
        grid=grid,
        with_bn=interval(left),
        without_bn=interval(right),
        difference=interval([x - y for x, y in zip(left, right, strict=True)]),
    )


def pair_sheet(pair: Pair) -> Sheet:
    """The paper's table for one pair: every scope, reference and grid."""
    published = pair.published
    rows = []
    if published is not None:
        rows.append(
            [
                f"published {published.name}",
                *("?", "?"),
                f"{100 * published.with_bn:.2f}",
                f"{100 * published.without_bn:.2f}",
                f"{100 * (published.with_bn - published.without_bn):+.2f}",
            ]
        )
    rows += [
        [
            case.scope,
            case.reference,
            case.grid,
            cell(case.with_bn),
            cell(case.without_bn),
            cell(case.difference, signed=True),
        ]
        for case in pair.cases
    ]
    return Sheet(
        caption=f"{pair.name}: average normalised accuracy in % with and without BatchNorm, "
        f"+- : 95 % interval over {pair.n} {pair.unit}",
        head=["scope", "sigma of", "grid", "with", "without", "with - without"],
        rows=rows,
        words=3,
        notes=(f"Floor of chance with BatchNorm: {100 * pair.chance:.2f} %",),
    )


def sentences(pair: Pair) -> list[str]:
    """What the table says in words, by rule; generated, never chosen."""
    below = [c for c in pair.cases if c.difference.high is not None and c.difference.high < 0]
    above = [c for c in pair.cases if c.difference.low is not None and c.difference.low > 0]
    rest = [c for c in pair.cases if c not in below and c not in above]
    said = [
        f"{pair.name}: the network with BatchNorm keeps less of its accuracy than the one without "
        f"in {_list(below)}; more in {_list(above)}; not told apart in {_list(rest)}. (Rule: the "
        f"95 % interval of the difference over {pair.n} {pair.unit} excludes 0.)"
    ]
    if pair.published is not None:
        said += [_against(pair, pair.published), _both(pair, pair.published)]
        if pair.published.clean_if_chance is not None:
            said.append(_at_chance(pair, pair.published, pair.published.clean_if_chance))
    return said


def _against(pair: Pair, published: Published) -> str:
    value = published.with_bn
    intervals = [(case, case.with_bn.low, case.with_bn.high) for case in pair.cases]
    stays = [c for c, low, _ in intervals if low is not None and low > value]
    falls = [c for c, _, high in intervals if high is not None and high < value]
    holds = [c for c in pair.cases if c not in stays and c not in falls]
    return (
        f"{pair.name} against the published {100 * value:.2f} % of {published.name} with "
        f"BatchNorm: stays above it, so that the published collapse is ruled out, in "
        f"{_list(stays)}; is as low or lower in {_list(falls)}; the interval holds it in "
        f"{_list(holds)}. (Rule: where the 95 % interval lies. An average depends on its grid, "
        "and the published grid is not known.)"
    )


def _both(pair: Pair, published: Published) -> str:
    """A collapse alone is easily had: the published pair also has an arm that does not collapse."""
    both = [
        case
        for case in pair.cases
        if _holds(case.with_bn, published.with_bn) and _holds(case.without_bn, published.without_bn)
    ]
    return (
        f"{pair.name} against both published values of {published.name} "
        f"({100 * published.with_bn:.2f} % with, {100 * published.without_bn:.2f} % without "
        f"BatchNorm): the intervals hold both in {_list(both)}."
    )


def _at_chance(pair: Pair, published: Published, clean: float) -> str:
    """A published value that is chance is compared as such: chance moves with clean accuracy."""
    low, high = pair.chance - pair.chance_error, pair.chance + pair.chance_error
    guessing = [case for case in pair.cases if _meets(case.with_bn, low, high)]
    both = [case for case in guessing if _holds(case.without_bn, published.without_bn)]
    return (
        f"{pair.name} and chance: {100 * published.with_bn:.2f} % is what chance is at a clean "
        f"accuracy of {100 * clean:.1f} %, here it is {100 * pair.chance:.2f} %. The network with "
        f"BatchNorm is not told apart from chance in {_list(guessing)}; of these the interval of "
        f"the one without holds {100 * published.without_bn:.2f} % in {_list(both)}. (Rule: its "
        f"95 % interval meets {100 * low:.2f} to {100 * high:.2f} %, what guessing gives on these "
        "images.)"
    )


def _meets(found: Interval, low: float, high: float) -> bool:
    return (
        found.low is not None and found.high is not None and found.low <= high and low <= found.high
    )


def _holds(found: Interval, value: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= value <= found.high


def _list(cases: Iterable[Case]) -> str:
    """Cases in words, grids of one scope and reference together."""
    found: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        found.setdefault((case.scope, case.reference), []).append(case.grid)
    return ", ".join(f"{s}/{r} ({' '.join(grids)})" for (s, r), grids in found.items()) or "no case"

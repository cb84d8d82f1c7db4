"""With against without BatchNorm: the paper's comparison, for every scope, reference and grid.

The unit of an interval is the draw while each arm has one training, and the training (the mean
over its draws, image by image) where it has several: draws say nothing about how another training
would come out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from analogsim.experiment.statistics import Interval
from analogsim.report.cells import Table, plain_table
from analogsim.scopes.levels import Reference, Scope
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sheet import brackets, cell
from analogsim.scopes.table import ANY_LAW
from analogsim.scopes.units import Units, trainings
from analogsim.suites.entry import Arm, Entry
from analogsim.suites.held import Region, is_narrow, region
from analogsim.suites.published import PUBLISHED, Published

Arms = Mapping[Arm, Mapping[int, NoiseResult]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One scope, reference and grid of a pair; averages of normalised accuracy.

    `by_training` holds the means with and without BatchNorm of each training, over its draws.
    `any_law` says that draws were NaN.
    """

    scope: Scope
    reference: Reference
    grid: str
    with_bn: Interval
    without_bn: Interval
    difference: Interval
    by_training: tuple[tuple[Interval, Interval], ...]
    any_law: bool

    @property
    def region(self) -> Region | None:
        """The pairs of values that the intervals hold: over trainings, and of each over draws."""
        arms = [(self.with_bn, self.without_bn), *self.by_training]
        return region([(a.best_bounds, b.best_bounds) for a, b in arms])

    @property
    def narrow(self) -> bool:
        """Whether both intervals are narrow enough to say something of a value."""
        return is_narrow(self.with_bn.best_bounds) and is_narrow(self.without_bn.best_bounds)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A pair of networks, and every case that both arms have."""

    name: str
    published: Published | None
    n_trainings: int
    n_draws: int
    n_images: int
    chance: float
    """What guessing gives, normalised: the mean over trainings, as each case's `with_bn` is."""
    chance_error: float
    """1.96 standard errors of a guess on as many images, normalised; the mean over trainings."""
    cases: tuple[Case, ...]

    @property
    def over(self) -> str:
        """What the intervals are over."""
        if self.n_trainings == 1:
            return f"{self.n_draws} draws of one training"
        return f"{self.n_trainings} trainings, each the mean of {self.n_draws} draws"


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
    cases, draws = [], 0
    for reference in first.references:
        for scope in first.scopes:
            for grid, etas in first.grids().items():
                a, b = (
                    [arms[arm][seed].units(scope, reference, etas) for seed in seeds]
                    for arm in ("with", "without")
                )
                common = sorted(set(a[0].values).intersection(*(one.values for one in (*a, *b))))
                if common:
                    draws = max(draws, len(common))
                    a, b = ([one.only(common) for one in side] for side in (a, b))
                    cases.append(_case(scope, reference, grid, a, b))
    return Pair(
        name=name,
        published=published,
        n_trainings=len(seeds),
        n_draws=draws,
        n_images=first.n_images,
        chance=fmean(one.chance for one in trained),
        chance_error=fmean(map(_guess_error, trained)),
        cases=tuple(cases),
    )


def _guess_error(result: NoiseResult) -> float:
    guess = 1 / result.n_classes
    return 1.96 * math.sqrt(guess * (1 - guess) / result.n_images) / result.clean


def _case(
    scope: Scope, reference: Reference, grid: str, a: Sequence[Units], b: Sequence[Units]
) -> Case:
    """Of the draws that all trainings have in both arms."""
    differences = [left.less(right) for left, right in zip(a, b, strict=True)]
    several = len(a) > 1
    left, right, less = (trainings(one) if several else one[0] for one in (a, b, differences))
    return Case(
        scope=scope,
        reference=reference,
        grid=grid,
        with_bn=_known(left),
        without_bn=_known(right),
        difference=_known(less),
        by_training=tuple((_known(x), _known(y)) for x, y in zip(a, b, strict=True))
        if several
        else (),
        any_law=any(one.any_law for one in (*a, *b)),
    )


def _known(units: Units) -> Interval:
    found = units.mean()
    assert found is not None
    return found


def pair_sheet(pair: Pair) -> Table:
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
    said = brackets(pair.over, (case.difference for case in pair.cases))
    notes = [f"Floor of chance with BatchNorm: {100 * pair.chance:.2f} %"]
    if any(case.any_law for case in pair.cases) and pair.n_trainings == 1:
        notes.append(ANY_LAW)
    return plain_table(
        caption=f"{pair.name}: average normalised accuracy in % with and without BatchNorm {said}",
        head=["scope", "sigma of", "grid", "with", "without", "with - without"],
        rows=rows,
        words=3,
        notes=tuple(notes),
    )

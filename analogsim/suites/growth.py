"""Does the loss grow with the number of BatchNorm layers? A straight line, and its slope."""

from collections.abc import Sequence
from dataclasses import dataclass

from analogsim.experiment.statistics import (
    Interval,
    bounded_interval,
    chance_count,
    holm,
    interval,
    told_apart,
)
from analogsim.experiment.statistics.interval import t_quantile
from analogsim.scopes.levels import Reference, Scope
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sheet import Sheet, brackets, cell
from analogsim.scopes.units import Units
from analogsim.suites.entry import Entry


@dataclass(frozen=True, kw_only=True)
class Slope:
    """Change of average normalised accuracy a BatchNorm layer.

    Attributes:
        over_draws: each draw has its own line through these networks.
        over_networks: (low, high) of the line through the means, from the networks' scatter
            around it; None with fewer than three different ones.
    """

    group: str
    scope: Scope
    reference: Reference
    grid: str
    layers: tuple[int, ...]
    over_draws: Interval
    over_networks: tuple[float, float] | None


def slopes_of(networks: Sequence[tuple[Entry, NoiseResult]]) -> list[Slope]:
    """A slope for every growth group, scope, reference and grid with two counts of layers."""
    found = []
    for group in dict.fromkeys(entry.growth for entry, _ in networks if entry.growth):
        mine = [result for entry, result in networks if entry.growth == group]
        layers = tuple(result.n_bn for result in mine)
        if len(set(layers)) < 2:
            continue
        first = mine[0]
        for reference in first.references:
            for scope in first.scopes:
                for grid, etas in first.grids().items():
                    units = [result.units(scope, reference, etas) for result in mine]
                    columns = [one.values for one in units]
                    draws = sorted(set(columns[0]).intersection(*columns))
                    if not draws:
                        continue
                    means = [sum(c[d] for d in draws) / len(draws) for c in columns]
                    steep = [slope(layers, [c[d] for c in columns]) for d in draws]
                    found.append(
                        Slope(
                            group=str(group),
                            scope=scope,
                            reference=reference,
                            grid=grid,
                            layers=layers,
                            over_draws=_over_draws(layers, steep, units),
                            over_networks=_scatter(layers, means),
                        )
                    )
    return found


def _over_draws(layers: Sequence[int], steep: Sequence[float], units: Sequence[Units]) -> Interval:
    """Slopes are no shares of images and have no lattice; with NaN draws any law is allowed for."""
    if not any(one.any_law for one in units):
        return interval(steep, step=None)
    tops = [one.span[1] for one in units]
    # Least squares is a weighted sum of accuracies, each from 0 to its own top.
    weights = [
        slope(layers, [float(at == i) for at in range(len(units))]) for i in range(len(units))
    ]
    ends = [weight * top for weight, top in zip(weights, tops, strict=True)]
    least, most = sum(min(end, 0.0) for end in ends), sum(max(end, 0.0) for end in ends)
    return bounded_interval([min(max(one, least), most) for one in steep], least, most)


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Least squares."""
    at, mean = sum(x) / len(x), sum(y) / len(y)
    wide = sum((one - at) ** 2 for one in x)
    return sum((one - at) * (two - mean) for one, two in zip(x, y, strict=True)) / wide


def _scatter(x: Sequence[float], y: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the slope that the residuals give, with n - 2 degrees of freedom."""
    if len(set(x)) < 3:
        return None
    n, steep = len(x), slope(x, y)
    at, mean = sum(x) / n, sum(y) / n
    left = sum((b - mean - steep * (a - at)) ** 2 for a, b in zip(x, y, strict=True))
    half = t_quantile(0.975, n - 2) * (left / (n - 2) / sum((a - at) ** 2 for a in x)) ** 0.5
    return steep - half, steep + half


def growth_sheet(slopes: Sequence[Slope]) -> Sheet:
    """All slopes of one group."""
    layers = ", ".join(map(str, slopes[0].layers))
    over = [one.over_draws for one in slopes]
    known = sum(one.low is not None for one in over)
    apart = sum(told_apart(one.low, one.high) for one in over)
    return Sheet(
        caption=f"{slopes[0].group}: points of average normalised accuracy a BatchNorm layer "
        f"(networks with {layers} of them) {brackets('draws', over)}",
        head=["scope", "sigma of", "grid", "slope", "interval over networks"],
        rows=[
            [
                one.scope,
                one.reference,
                one.grid,
                cell(one.over_draws, signed=True),
                "-"
                if one.over_networks is None
                else f"{100 * one.over_networks[0]:+.2f} to {100 * one.over_networks[1]:+.2f}",
            ]
            for one in slopes
        ],
        words=3,
        notes=(
            "Over draws: for these networks alone. Over networks: how they scatter around the "
            "line, with n - 2 degrees of freedom.",
            f"Over draws {apart} of {known} slopes are told apart from 0; by chance "
            f"{chance_count(known):.1f} would be, and with Holm's correction "
            f"{sum(holm([one.p for one in over]))} remain.",
        ),
    )

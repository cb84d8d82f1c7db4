"""Does the loss grow with the number of BatchNorm layers? A straight line, and its slope."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from analogsim.experiment.statistics import Interval
from analogsim.experiment.statistics.interval import t_quantile
from analogsim.report.cells import Table, plain_table
from analogsim.scopes.levels import Reference, Scope
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sheet import brackets, cell
from analogsim.scopes.units import combined
from analogsim.suites.bounds import by_chance, images_said, remaining, sign
from analogsim.suites.entry import Entry


@dataclass(frozen=True, kw_only=True)
class Slope:
    """Change of average normalised accuracy a BatchNorm layer.

    Attributes:
        over_draws: each draw has its own line through these networks; for these images and, where
            answers were kept, for new ones.
        over_networks: (low, high) of the line through the means, from the networks' scatter
            around it; None with fewer than three different ones.
    """

    group: str
    scope: Scope
    reference: Reference
    grid: str
    layers: tuple[int, ...]
    n_images: int
    over_draws: Interval
    over_networks: tuple[float, float] | None


def slopes_of(networks: Sequence[tuple[Entry, NoiseResult]]) -> list[Slope]:
    """A slope for every growth group, scope, reference and grid with two counts of layers."""
    from scipy.stats import linregress  # here for the start-up time

    found = []
    for group in dict.fromkeys(entry.growth for entry, _ in networks if entry.growth):
        mine = [result for entry, result in networks if entry.growth == group]
        layers = tuple(result.n_bn for result in mine)
        if len(set(layers)) < 2:
            continue
        first = mine[0]
        unit = range(len(mine))
        weights = [linregress(layers, [float(at == one) for at in unit]).slope for one in unit]
        for reference in first.references:
            for scope in first.scopes:
                for grid, etas in first.grids().items():
                    units = [result.units(scope, reference, etas) for result in mine]
                    # Least squares is a weighted sum: each draw has its own line.
                    steep = combined(units, weights)
                    over_draws = steep.mean()
                    if over_draws is None:
                        continue
                    means = [fmean(one.only(list(steep.values)).values.values()) for one in units]
                    found.append(
                        Slope(
                            group=str(group),
                            scope=scope,
                            reference=reference,
                            grid=grid,
                            layers=layers,
                            n_images=first.n_images,
                            over_draws=over_draws,
                            over_networks=_scatter(layers, means),
                        )
                    )
    return found


def _scatter(x: Sequence[float], y: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the slope that the residuals give, with n - 2 degrees of freedom."""
    if len(set(x)) < 3:
        return None
    from scipy.stats import linregress

    found = linregress(x, y)
    half = t_quantile(0.975, len(x) - 2) * found.stderr
    return float(found.slope - half), float(found.slope + half)


def growth_sheet(slopes: Sequence[Slope]) -> Table:
    """All slopes of one group."""
    layers = ", ".join(map(str, slopes[0].layers))
    over = [one.over_draws for one in slopes]
    apart = sum(sign(one) != 0 for one in over)
    return plain_table(
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
            f"Over draws, {images_said(over, slopes[0].n_images)}: {apart} of {len(over)} slopes "
            f"are told apart from 0; {by_chance(over)}, and with Holm's correction "
            f"{sum(remaining(over))} remain.",
        ),
    )

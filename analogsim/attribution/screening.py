"""A first look at all layers, with few images, on chips that measure nothing else."""

from collections.abc import Sequence

from analogsim.attribution.ask import Screening
from analogsim.attribution.effects import row_of
from analogsim.attribution.treated_chips import TreatedChips
from analogsim.attribution.treatment import Contrast, Treatment, distinct
from analogsim.experiment.statistics import ByChip, Numbers
from analogsim.quantity import Quantity
from analogsim.report.attribution import Row


def screen(
    contrasts: Sequence[Contrast],
    layers: Sequence[str],
    screening: Screening,
    treated: TreatedChips,
    *,
    first_chip: int,
    digital: Numbers,
    quantity: Quantity,
) -> tuple[tuple[str, ...], list[Row]]:
    """The layers to measure in full, in their order, and the rows of the others.

    Args:
        contrasts: those of the layers to look at.
        layers: their names.
        screening: how many images, chips, and layers to pick.
        treated: measures the screening's images.
        first_chip: number of the first chip of the screening.
        digital: the digital network's answers to the same images.
        quantity: what is lost.

    Raises Missing, and has asked for what is missing.
    """
    chips = range(first_chip, first_chip + screening.chips)
    treated.ask(distinct(contrasts), chips)
    rows = []
    for t_s in treated.times_s:

        def by_chip(treatment: Treatment | None, t_s: float = t_s) -> ByChip:
            if treatment is None:
                return ByChip.same(digital, chips, treated.n_images)
            return treated.answers(treatment, t_s, chips)

        rows += [row_of(one, by_chip, t_s, quantity) for one in contrasts]
    picked = pick(rows, layers, screening.refined)
    return picked, [row for row in rows if row["name"] not in picked]


def pick(rows: Sequence[Row], layers: Sequence[str], count: int) -> tuple[str, ...]:
    """The costliest layers, in the order of `layers`.

    Both ways of looking at a layer count, at all times together.
    """
    cost = dict.fromkeys(layers, 0.0)
    for row in rows:
        cost[row["name"]] += row["loss"] or 0.0
    best = sorted(layers, key=lambda name: -cost[name])[:count]
    return tuple(name for name in layers if name in best)

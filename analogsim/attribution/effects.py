"""From answers chip by chip to losses with intervals, and which of many are told apart from 0."""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add

from analogsim.attribution.treatment import Contrast, Treatment
from analogsim.experiment.statistics import ByChip, holm, told_apart
from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.attribution import Row, estimate

Answers = Callable[[Treatment | None], ByChip]
"""The answers of each chip of a treatment; of None, the digital network's for each."""


def lost_from(better: ByChip, worse: ByChip, quantity: Quantity) -> ByChip:
    """What is lost from one to the other, chip by chip: above 0 where the other is worse."""
    return better - worse if quantity.sign > 0 else worse - better


def losses(contrast: Contrast, answers: Answers, quantity: Quantity = ACCURACY) -> ByChip:
    """What a source or layer costs on each chip. The contrast must be one that is measured."""
    assert not contrast.why, contrast.why
    return lost_from(answers(contrast.better), answers(contrast.worse), quantity)


def row_of(contrast: Contrast, answers: Answers, t_s: float, quantity: Quantity = ACCURACY) -> Row:
    """A contrast's line of the result; see `Row`."""
    lost = None if contrast.why else losses(contrast, answers, quantity)
    found = None if lost is None else estimate(lost.mean(quantity.differences))
    return Row(
        kind=contrast.kind,
        name=contrast.name,
        title=contrast.title,
        mode=contrast.mode,
        t_s=t_s,
        loss=None if found is None else found["mean"],
        low=None if found is None else found["low"],
        high=None if found is None else found["high"],
        n_chips=0 if found is None else found["n_chips"],
        n_images=0 if lost is None else lost.n_images,
        same_for_every_chip=lost is not None and lost.fixed,
        why=contrast.why,
        p=None if found is None else found["p"],
        new_images=None if found is None else found["new_images"],
    )


def summed(parts: Sequence[ByChip]) -> ByChip:
    """The sum over one or more parts, chip by chip; all must have the same chips."""
    return reduce(add, parts)


def sure(rows: Sequence[Row]) -> list[bool]:
    """Which losses of a list are told apart from 0 on their images, if none is to be by chance.

    Holm's rule over the list. A loss in which nothing is random is no comparison: it is what it
    is.
    """
    kept = holm([row["p"] for row in rows])
    return [
        told_apart(row["low"], row["high"], fixed=True) if row["same_for_every_chip"] else survives
        for row, survives in zip(rows, kept, strict=True)
    ]

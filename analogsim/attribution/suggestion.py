"""Which layers to keep digital: the fewest whose gains together reach what is asked.

A layer's gain is that of the chip with it alone digital. Gains are added up, which leaves out how
layers act together; and the largest of several noisy gains is too large on average. So the choice
is measured again on other chips (see `attribute.py`), and that number is the honest one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from analogsim.attribution.effects import summed
from analogsim.errors import InputError
from analogsim.experiment.statistics import ANY, ByChip, Interval, told_apart
from analogsim.quantity import ACCURACY, Quantity


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What is asked: a share of the loss to recover, or so many layers. One of them is None."""

    recover: float | None = 0.5
    top: int | None = None

    def __post_init__(self) -> None:
        if (self.recover is None) == (self.top is None):
            raise InputError(
                "suggestion must have one goal, a share to recover or a number of layers, got "
                f"recover {self.recover} and top {self.top}; leave one out"
            )
        if self.recover is not None and not 0 < self.recover <= 1:
            raise InputError(
                f"share to recover must be above 0 and at most 1, got {self.recover:g}; "
                "give for example 50%"
            )
        if self.top is not None and self.top < 1:
            raise InputError(
                f"number of layers to keep must be at least 1, got {self.top}; give more"
            )

    def __str__(self) -> str:
        if self.recover is None:
            return f"the {self.top} costliest layer{'s' if self.top != 1 else ''}"
        return f"the fewest layers that recover {100 * self.recover:g} % of the loss"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Layers, what they are predicted to gain, and whether that reaches the goal."""

    names: tuple[str, ...]
    predicted: Interval
    reached: bool


def choose(
    goal: Goal, whole: ByChip, gains: Mapping[str, ByChip], quantity: Quantity = ACCURACY
) -> Choice | str:
    """The layers to keep digital, costliest first, or why there are none.

    Args:
        goal: what is asked.
        whole: the loss of the chip with every layer analog, by chip.
        gains: by layer, in the order of the network, what keeping it digital gains, by chip.
        quantity: what is lost and gained.
    """
    span = quantity.differences
    loss = whole.mean(span)
    if loss.mean <= 0:
        return f"the analog chips have no {quantity.loss} on average: there is nothing to recover"
    if loss.n > 1 and not told_apart(loss.low, loss.high, fixed=whole.fixed):
        return (
            f"the loss of the analog chips is not distinguishable from 0 with {loss.n} chips on "
            f"these {whole.n_images} images: there is nothing to recover for sure"
        )
    means = {name: gain.mean(span).mean for name, gain in gains.items()}
    # Python sorts stably: layers of equal gain keep the order of the network.
    ranked = [name for name in sorted(means, key=lambda name: -means[name]) if means[name] > 0]
    if not ranked:
        return f"no single layer {quantity.gains()} when it is kept digital"
    if goal.top is not None:
        names, reached = ranked[: goal.top], len(ranked) >= goal.top
    else:
        assert goal.recover is not None
        names, reached = _fewest(ranked, means, goal.recover * loss.mean)
    predicted = summed([gains[name] for name in names]).mean(ANY)
    return Choice(names=tuple(names), predicted=predicted, reached=reached)


def _fewest(ranked: list[str], means: Mapping[str, float], wanted: float) -> tuple[list[str], bool]:
    total, names = 0.0, []
    for name in ranked:
        names.append(name)
        total += means[name]
        # Sums of fractions of whole images: a last bit must not cost a layer.
        if total >= wanted * (1 - 1e-9):
            return names, True
    return names, False

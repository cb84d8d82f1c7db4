"""From accuracies chip by chip to losses with intervals, and how far they add up."""

from collections.abc import Callable, Mapping, Sequence

from analogsim.attribution.result import Row
from analogsim.attribution.treatment import Contrast, Treatment
from analogsim.experiment.statistics import Interval, interval, paired_difference

ByChip = Mapping[int, float]
Accuracies = Callable[[Treatment | None], ByChip]
"""The accuracy of each chip of a treatment; of None, the digital network's for each."""


def losses(contrast: Contrast, accuracies: Accuracies) -> dict[int, float]:
    """What a source or layer costs on each chip. The contrast must be one that is measured."""
    assert not contrast.why, contrast.why
    better, worse = accuracies(contrast.better), accuracies(contrast.worse)
    paired_difference(better, worse)  # refuses different chips
    return {chip: better[chip] - worse[chip] for chip in better}


def row_of(contrast: Contrast, accuracies: Accuracies, t_s: float, n_images: int) -> Row:
    """A contrast's line of the result; see `Row`."""
    fixed = all(treatment.same_for_every_chip for treatment in contrast.treatments)
    found: Interval | None = None
    if not contrast.why:
        found = interval(list(losses(contrast, accuracies).values()))
    return Row(
        kind=contrast.kind,
        name=contrast.name,
        title=contrast.title,
        mode=contrast.mode,
        t_s=t_s,
        loss=None if found is None else found.mean,
        # Nothing random: one chip is all of them, and its loss has no spread over chips.
        low=None if found is None else found.mean if fixed else found.low,
        high=None if found is None else found.mean if fixed else found.high,
        n_chips=0 if found is None else found.n,
        n_images=0 if found is None else n_images,
        same_for_every_chip=found is not None and fixed,
        why=contrast.why,
    )


def interaction(whole: ByChip, parts: Sequence[ByChip]) -> tuple[Interval, Interval]:
    """The sum of the parts' losses, and (whole - sum); losses by chip, paired."""
    total = summed(parts)
    return interval(list(total.values())), paired_difference(whole, total)


def summed(parts: Sequence[ByChip]) -> dict[int, float]:
    """The sum over parts, chip by chip; all must have the chips of the first one."""
    chips = parts[0].keys()
    assert all(part.keys() == chips for part in parts), "parts are of the same chips"
    return {chip: sum(part[chip] for part in parts) for chip in chips}


def apart(mean: float, low: float | None, high: float | None, *, fixed: bool) -> bool:
    """Whether an interval leaves 0 out; one chip tells nothing apart, unless nothing is random.

    An interval without width counts only there (`fixed`): a few chips that differ by the same
    whole image look certain, and are not.
    """
    if fixed:
        return mean != 0
    return low is not None and high is not None and low < high and not low <= 0 <= high

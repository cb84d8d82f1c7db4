"""Chips x images: what part of the spread of answers belongs to chips, images and both together.

A chip's answer to an image is `mean + chip + image + interaction`, each of the three a random
effect with its own variance (a two-way random-effects model without replication; the noise of the
products is part of the interaction). Chips need not see the same images: the estimators are
moments, unbiased for any pattern of who saw what.

Where the digital network's answers are known, they explain most of the image effect for nothing:
an image that it gets wrong, most chips get wrong. The image effect is then what remains after a
regression on them, and a chip's accuracy is adjusted to the whole test set (Cochran, Sampling
Techniques, 3rd ed. 1977, chapter 7). A chip that saw the whole set keeps its accuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """One chip's answers.

    `images` are positions in the test set, each at most once; `values` are 1 for a right answer
    and 0 for a wrong one, the difference of two such answers, or values of another measure. `flip`
    is what one answer may change that was not seen to: 0 where values lie on no lattice.
    """

    images: NDArray[np.int64]
    values: Numbers
    flip: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Components:
    """Variances of the three effects, of accuracies as fractions.

    `image` is the effect that the digital network's answers leave unexplained, and
    `image_explained` the one that they explain (0 where they are not known).
    """

    chip: float
    image: float
    interaction: float
    image_explained: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """The answers of several chips, summed up.

    Attributes:
        adjusted: (chips,) accuracy of each chip, adjusted to the whole test set.
        slope: accuracy on images that the digital network gets right less that on the others; of
            values that are not right or wrong, of their line over the digital network's.
        within: pooled variance of the adjusted answers within a chip.
        between: sample variance of `adjusted`; 0 for one chip.
        overlap: mean over pairs of chips of (images that both saw) / (product of their numbers).
        per_image: mean over chips of 1 / (images that it saw).
        shared: estimate of the image component from images that several chips saw.
        shared_weight: on how many images that rests; 0 if no image was seen twice.
    """

    adjusted: Numbers
    slope: float
    within: float
    between: float
    overlap: float
    per_image: float
    shared: float
    shared_weight: float


def tabulate(
    chips: Sequence[Answers], total: int, digital: Numbers | None = None, slope: float | None = None
) -> Table:
    """Sum up the answers of one or more chips.

    Args:
        chips: each chip's answers to at least one image.
        total: how many images the test set has.
        digital: (total,) answers or values of the digital network; None leaves images unadjusted.
        slope: slope to use in place of the one that these answers have.

    Raises:
        InputError: no chip, or a chip that saw no image.
    """
    if not chips or any(len(chip.images) == 0 for chip in chips):
        got = "none" if not chips else "a chip that saw no image"
        raise InputError(f"answers must be of one or more chips and images, got {got}; give some")
    images = np.concatenate([chip.images for chip in chips])
    values = np.concatenate([chip.values for chip in chips]).astype(np.float64)
    counts = np.array([len(chip.images) for chip in chips])
    owner = np.repeat(np.arange(len(chips)), counts)
    if digital is None:
        slope = 0.0
    else:
        if slope is None:
            slope = _slope(values, digital[images])
        # Summed only where it matters: a chip that saw every image keeps its exact accuracy.
        values = values - slope * (digital[images] - digital.mean()) if slope else values
    adjusted = np.bincount(owner, weights=values) / counts
    if digital is not None and slope:
        for i in np.flatnonzero(counts == total).tolist():
            adjusted[i] = np.mean(chips[i].values)
    rest = values - adjusted[owner]
    freedom = int((counts - 1).sum())
    within = float((rest**2).sum() / freedom) if freedom else 0.0
    usage = np.bincount(images, weights=1 / counts[owner], minlength=total)
    n = len(chips)
    per_image = float(np.mean(1 / counts))
    overlap = (
        max(0.0, float((usage**2).sum() - (1 / counts).sum()) / (n * (n - 1))) if n > 1 else 0.0
    )
    shared, weight = _shared(images, rest, total, per_image, overlap)
    return Table(
        adjusted=adjusted,
        slope=float(slope),
        within=within,
        between=float(adjusted.var(ddof=1)) if n > 1 else 0.0,
        overlap=overlap,
        per_image=per_image,
        shared=shared,
        shared_weight=weight,
    )


def _slope(values: Numbers, digital: Numbers) -> float:
    if not _is_binary(digital):
        away = digital - digital.mean()
        squares = float((away**2).sum())
        return float((values * away).sum()) / squares if squares > 0 else 0.0
    right = digital > 0.5
    if right.all() or not right.any():
        return 0.0
    return float(values[right].mean() - values[~right].mean())


def _is_binary(digital: Numbers) -> bool:
    return bool(((digital == 0) | (digital == 1)).all())


def _shared(
    images: NDArray[np.int64], rest: Numbers, total: int, per_image: float, overlap: float
) -> tuple[float, float]:
    """The image component: mean product of two chips' answers to one image.

    The answers are centred chip by chip, so that the chips' own effects do not enter; the
    centring takes `1 - 2 / images + overlap` of the component, which is put back.
    """
    uses = np.bincount(images, minlength=total)
    sums = np.bincount(images, weights=rest, minlength=total)
    squares = np.bincount(images, weights=rest**2, minlength=total)
    several = uses >= 2
    if not several.any():
        return 0.0, 0.0
    n = uses[several]
    products = (sums[several] ** 2 - squares[several]) / (n * (n - 1))
    weights = (n - 1) / n
    kept = 1 - 2 * per_image + max(overlap, per_image**2)
    if kept <= 0:
        return 0.0, 0.0
    return float((weights * products).sum() / weights.sum() / kept), float(weights.sum())


def components(tables: Sequence[Table], total: int, digital: Numbers | None = None) -> Components:
    """The components of variance, from the first table's chips.

    The image component is pooled over all tables: a pilot whose chips share their images says
    what chips that share none cannot say. Estimates below 0 are 0.
    """
    first = tables[0]
    weight = sum(table.shared_weight for table in tables)
    image = sum(t.shared * t.shared_weight for t in tables) / weight if weight else 0.0
    image = min(max(image, 0.0), first.within)
    interaction = first.within - image
    noise = interaction * first.per_image + image * (first.per_image - first.overlap)
    explained = 0.0
    if digital is not None:
        if _is_binary(digital):
            accuracy = float(digital.mean())
            explained = first.slope**2 * accuracy * (1 - accuracy)
        else:
            explained = first.slope**2 * float(digital.var())
    return Components(
        chip=max(first.between - noise, 0.0),
        image=image,
        interaction=interaction,
        image_explained=explained,
    )

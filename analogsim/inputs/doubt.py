"""Is a digital network's accuracy that of a network which is used as it was trained?"""

import torch
from torch import Tensor

LEAST_IMAGES = 50
"""Of fewer images nothing is said."""
_TAIL = 0.0005
"""Above either end of a 99.9 % interval."""
# A renumbering that is chosen among all of them fits a few images of each class by chance.
_IMAGES_A_CLASS = 10
_EXPLAINED = 0.5
_REASONS = (
    "the weights may not be the trained ones, the normalisation (--mean, --std) not that of the "
    "training, or the classes in another order"
)
_SIGMOID = " (where it ends in a sigmoid, return the value before)"


def doubt(predicted: Tensor, labels: Tensor, n_classes: int, *, one_output: bool) -> str | None:
    """A sentence on an accuracy that is no better than guessing, or None.

    Doubtful are an accuracy whose 99.9 % interval over the images reaches down to 1 / n_classes,
    and a network that says one class for every image.

    Args:
        predicted: (n,) the classes that the network says.
        labels: (n,) the right ones.
        n_classes: how many classes it tells apart, 2 or more.
        one_output: it has one output, which decides at 0.
    """
    n = len(labels)
    if n < LEAST_IMAGES:
        return None
    right = int((predicted == labels).sum())
    share = f"{100 * right / n:.4g} % of {n} images"
    if len(set(predicted.tolist())) == 1 and len(set(labels.tolist())) > 1:
        return (
            f"the digital network says class {int(predicted[0])} for every image ({share} are "
            f"right): {_REASONS}{_SIGMOID * one_output}"
        )
    if _chance_of(right, n, 1 / n_classes) < _TAIL:
        return None
    renumbered = _renumbered(predicted, labels, n_classes)
    why = _REASONS
    if renumbered > max(_EXPLAINED * n, right):
        why = (
            f"with its classes in another order {100 * renumbered / n:.4g} % would be right: "
            "number them as in its training"
        )
    return (
        f"the digital network's accuracy, {share}, is no better than guessing among {n_classes} "
        f"classes: {why}"
    )


def _chance_of(right: int, n: int, share: float) -> float:
    """How often guessing with this share gets so many right, or more."""
    from scipy.special import bdtrc  # here for the start-up time

    return 1.0 if right == 0 else float(bdtrc(right - 1, n, share))


def _renumbered(predicted: Tensor, labels: Tensor, n_classes: int) -> int:
    """How many would be right under the best renumbering of the classes; 0 with few images."""
    if len(labels) < _IMAGES_A_CLASS * n_classes:
        return 0
    from scipy.optimize import linear_sum_assignment  # here for the start-up time

    counts = torch.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    table = counts.reshape(n_classes, n_classes).numpy()
    rows, columns = linear_sum_assignment(table, maximize=True)
    return int(table[rows, columns].sum())

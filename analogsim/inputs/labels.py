"""Labels as class numbers, in whichever form they are brought."""

import numpy as np
import torch
from torch import Tensor

from analogsim.errors import InputError

_MEND = "number the classes from 0"


def class_numbers(
    labels: object,
    *,
    count: int | None = None,
    n_classes: int | None = None,
    where: str = "labels",
    start: int = 0,
) -> Tensor:
    """Labels as class numbers (n,) int64.

    Understood are (n,), a column (n, 1), and one-hot rows (n, C): exactly one 1 and the rest 0.
    A single number is that of one image. Floats that are whole numbers are class numbers, too.

    Args:
        labels: a tensor, an array, a list or a number.
        count: how many images they are for; None takes what there is.
        n_classes: how many classes there are, where known; one-hot rows must be as long.
        where: how an error names them.
        start: number of their first image, for an error.

    Raises:
        InputError: another shape or number of labels, or one that is no class number: fractions,
            NaN, soft labels, below 0, or beyond the classes.
    """
    values = as_tensor(labels, where=where)
    shape = tuple(values.shape)
    if values.dim() == 0:
        values = values.reshape(1)
    elif values.dim() == 2 and shape[1] == 1:
        values = values[:, 0]
    elif values.dim() == 2 and shape[1] > 1 and n_classes in (None, shape[1]):
        values = _from_one_hot(values, where, start)
    if values.dim() != 1 or count not in (None, len(values)):
        n = "n" if count is None else str(count)
        wide = "classes" if n_classes is None else str(n_classes)
        raise InputError(
            f"{where} must be one class number an image, with the shape ({n},), ({n}, 1) or "
            f"one-hot ({n}, {wide}), got {shape}{_example(values)}; give class numbers"
        )
    if values.is_floating_point():
        # torch rounds no float8.
        values = values.double()
        wrong = ~(values == values.round()) | values.isinf()
        if bool(wrong.any()):
            at = int(wrong.int().argmax())
            raise InputError(
                f"{where} must be whole numbers, got {float(values[at]):g} (image {start + at}); "
                f"{_MEND}"
            )
    numbers = values.long()
    refuse_labels(numbers, n_classes, where=where)
    return numbers


def class_number(label: object, *, n_classes: int | None = None, where: str = "label") -> int:
    """The class number of one image's label: a number, one in a list, or a one-hot row.

    Raises:
        InputError: as `class_numbers`.
    """
    row = as_tensor(label, where=where).reshape(1, -1)
    return int(class_numbers(row, count=1, n_classes=n_classes, where=where))


def one_hot_width(labels: Tensor) -> int | None:
    """How many classes the rows (n, C) have; None for labels of another shape."""
    return labels.shape[1] if labels.dim() == 2 and labels.shape[1] > 1 else None


def refuse_labels(labels: Tensor, n_classes: int | None, *, where: str) -> None:
    """Raise InputError where a class number is outside 0..n_classes-1."""
    if not len(labels):
        return
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (n_classes is not None and high >= n_classes):
        rule = "0 or more" if n_classes is None else f"from 0 to {n_classes - 1}"
        raise InputError(f"{where} must be {rule}, got {low if low < 0 else high}; {_MEND}")


def as_tensor(labels: object, *, where: str) -> Tensor:
    """Labels as a tensor of real numbers on their device. Raises InputError for anything else."""
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iuf":
        # torch knows only the processor's own order of bytes.
        labels = labels.astype(labels.dtype.newbyteorder("="))
    try:
        values = labels if isinstance(labels, Tensor) else torch.tensor(labels)
    # Text, None, ragged lists, types that torch has not; objects of the user's raise anything.
    except Exception:
        values = None
    fault = None if values is None else without_values(values)
    if fault is not None:
        raise InputError(f"{where} must be numbers in memory, got {fault}; {_MEND}")
    if values is None or values.is_complex():
        text = repr(labels)
        raise InputError(
            f"{where} must be whole numbers, got {text[:60]}{'...' * (len(text) > 60)}; {_MEND}"
        )
    return values.detach()


def without_values(tensor: Tensor) -> str | None:
    """What keeps a tensor from being one value in each place, in words; None where nothing does."""
    if tensor.is_nested or tensor.layout != torch.strided:
        return "a sparse or nested tensor"
    if tensor.is_meta:
        return "a tensor without values (on the device meta)"
    return "a quantised tensor" if tensor.is_quantized else None


def _from_one_hot(rows: Tensor, where: str, start: int) -> Tensor:
    rows = rows.double()
    right = ((rows == 0) | (rows == 1)).all(1) & ((rows == 1).sum(1) == 1)
    if not bool(right.all()):
        at = int((~right).int().argmax())
        shown = ", ".join(f"{float(value):g}" for value in rows[at][:6])
        more = ", ..." if rows.shape[1] > 6 else ""
        raise InputError(
            f"{where} of the shape {tuple(rows.shape)} must be one-hot rows, with one 1 and the "
            f"rest 0, got [{shown}{more}] (image {start + at}); give class numbers"
        )
    return rows.argmax(1)


def _example(values: Tensor) -> str:
    return f" such as {float(values.flatten()[0]):g}" if values.numel() else ""

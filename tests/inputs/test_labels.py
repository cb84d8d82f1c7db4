"""Labels in whichever form they are brought."""

import math

import numpy as np
import pytest
import torch

from analogsim.errors import InputError
from analogsim.inputs.labels import class_number, class_numbers

NUMBERS = [2, 0, 1]
ONE_HOT = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    "labels",
    [
        NUMBERS, torch.tensor(NUMBERS), torch.tensor(NUMBERS, dtype=torch.uint8),
        torch.tensor(NUMBERS, dtype=torch.float16), torch.tensor(NUMBERS)[:, None],
        torch.tensor(NUMBERS, dtype=torch.float64)[:, None], torch.tensor(ONE_HOT),
        torch.tensor(ONE_HOT, dtype=torch.float32), torch.tensor(ONE_HOT, dtype=torch.bool),
        torch.tensor(NUMBERS, dtype=torch.float32, requires_grad=True),
        np.array(NUMBERS, dtype=">i2"), np.array(NUMBERS, dtype=np.uint64),
        [torch.tensor(n) for n in NUMBERS],
    ],
    ids=[
        *("list", "tensor", "bytes", "half", "column", "float column", "one-hot", "float one-hot"),
        *("bool one-hot", "with gradient", "big-endian", "uint64", "list of tensors"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("n_classes", [3, None])
def test_every_form_gives_the_same_numbers(labels: object, n_classes: int | None) -> None:
    got = class_numbers(labels, count=3, n_classes=n_classes)
    assert (got.tolist(), got.dtype, got.requires_grad) == (NUMBERS, torch.int64, False)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (1, 1), (np.int64(1), 1), (True, 1), (torch.tensor(1), 1), (torch.tensor([1]), 1),
        (torch.tensor([[1.0]]), 1), ([0, 1, 0], 1), (np.array([0.0, 0.0, 1.0]), 2),
    ],
    ids=str,
)  # fmt: skip
def test_one_label_comes_in_every_form(labels: object, expected: int) -> None:
    assert class_number(labels, n_classes=3) == expected


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3, 1], r"y must be from 0 to 2, got 3; number the classes from 0"),
        ([-1, 2, 0], r"y must be from 0 to 2, got -1; number the classes from 0"),
        ([1.0, 0.25, 2.0], r"y must be whole numbers, got 0\.25 \(image 41\); number the classes"),
        ([1.0, 2.0, math.nan], r"y must be whole numbers, got nan \(image 42\); number"),
        ([math.inf, 2.0, 0.0], r"y must be whole numbers, got inf \(image 40\); number"),
        ([0, 1], r"shape \(3,\), \(3, 1\) or one-hot \(3, 3\), got \(2,\) such as 0; give class"),
        ([[0, 1]] * 3, r"or one-hot \(3, 3\), got \(3, 2\) such as 0; give class numbers"),
        ([[[1]]] * 3, r"got \(3, 1, 1\) such as 1; give class numbers"),
        ([[0.2, 0.7, 0.1]] * 3, r"of the shape \(3, 3\) must be one-hot .* got \[0\.2, 0\.7, 0\.1"),
        ([[1, 1, 0]] * 3, r"must be one-hot rows, .* got \[1, 1, 0\] \(image 40\); give class"),
        ([[0, 0, 1], [0, 0, 0], [0, 1, 0]], r"got \[0, 0, 0\] \(image 41\); give class numbers"),
        (["a", "b", "c"], r"y must be whole numbers, got \['a', 'b', 'c'\]; number the classes"),
        (None, r"y must be whole numbers, got None; number the classes"),
        ([1j, 0, 0], r"y must be whole numbers, got \[1j, 0, 0\]; number the classes"),
        ([[0, 1, 0], [1]], r"y must be whole numbers, got \[\[0, 1, 0\], \[1\]\]; number"),
    ],
    ids=[
        *("beyond", "below", "fraction", "nan", "infinite", "too few", "narrow rows", "3-d"),
        *("soft", "two ones", "no one", "text", "none", "complex", "ragged"),
    ],
)
def test_what_is_no_class_number_is_refused(labels: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        class_numbers(labels, count=3, n_classes=3, where="y", start=40)


def test_a_column_is_class_numbers_even_where_it_could_be_one_hot() -> None:
    assert class_numbers([[1], [1], [1]]).tolist() == [1, 1, 1]
    message = r"labels must be from 0 to 0, got 1; number"
    with pytest.raises(InputError, match=message):
        class_numbers([[1], [1]], n_classes=1)


def test_negative_labels_are_refused_where_the_classes_are_not_known() -> None:
    with pytest.raises(InputError, match=r"labels must be 0 or more, got -100; number"):
        class_numbers([0, -100])

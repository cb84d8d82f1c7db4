"""Batches: order, limits, speed of form, random state."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from analogsim.errors import InputError
from analogsim.inputs import Data, batches, load_data, n_images
from analogsim.inputs.batching import refuse_random


class Items(Dataset[Any]):
    """Item n is an image full of n, with label n modulo 3."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.full((1, 2, 2), float(index)), index % 3


def data_of(n_classes: int | None) -> Data:
    return Data(
        name="items",
        dataset=Items(),
        n_classes=n_classes,
        input_shape=(1, 2, 2),
        normalisation="none",
        note="",
    )


@pytest.mark.parametrize("name", ["digits", "items"])
@pytest.mark.parametrize(
    ("limit", "sizes"),
    [(None, [4, 4, 2]), (6, [4, 2]), (3, [3]), (1000, [4, 4, 2])],
    ids=["all", "some", "less than a batch", "more than there are"],
)
def test_the_first_images_come_in_order(name: str, limit: int | None, sizes: list[int]) -> None:
    data = data_of(3) if name == "items" else load_data("digits")
    if name == "digits":
        # All digits would be many batches: take ten as the whole.
        limit = min(limit or 10, 10)
    got = list(batches(data, 4, limit))
    assert [len(labels) for _, labels in got] == sizes
    images = torch.cat([image for image, _ in got])
    labels = torch.cat([label for _, label in got])
    assert torch.equal(images, torch.stack([data.dataset[n][0] for n in range(sum(sizes))]))
    assert labels.tolist() == [data.dataset[n][1] for n in range(sum(sizes))]
    assert labels.dtype == torch.int64
    assert n_images(data, limit) == sum(sizes)


@pytest.mark.parametrize("name", ["digits", "items"])
def test_torchs_random_state_is_left_alone(name: str) -> None:
    data = data_of(3) if name == "items" else load_data("digits")
    torch.manual_seed(1)
    before = torch.get_rng_state()
    list(batches(data, 4, 8))
    assert torch.equal(torch.get_rng_state(), before)


def test_labels_outside_the_classes_are_refused() -> None:
    message = r"data 'items' labels must be from 0 to 1, got 2; number the classes from 0"
    with pytest.raises(InputError, match=message):
        list(batches(data_of(2), 4))


def test_counts_below_1_are_refused() -> None:
    with pytest.raises(InputError, match=r"batch size must be 1 or more images, got 0; change it"):
        next(batches(data_of(3), 0))
    with pytest.raises(InputError, match=r"limit must be 1 or more images, got -2; leave it out"):
        next(batches(data_of(3), 4, -2))


def test_images_of_several_shapes_are_refused_in_words() -> None:
    class Growing(Items):
        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            return torch.zeros(1, 1 + index, 2), 0

    data = replace(data_of(3), dataset=Growing())
    message = r"data 'items' images must load and have one shape, got RuntimeError: stack expects"
    with pytest.raises(InputError, match=message):
        next(batches(data, 4))


def test_double_precision_images_come_as_float32() -> None:
    dataset = TensorDataset(torch.zeros(2, 1, 2, 2, dtype=torch.float64), torch.tensor([0, 1]))
    images, _ = next(batches(replace(data_of(3), dataset=dataset), 2))
    assert images.dtype == torch.float32


class Labelled(Items):
    """Labels in some form; `bad` gives what item 6 is instead."""

    def __init__(self, form: Any = int, bad: tuple[Tensor, Any] | None = None) -> None:
        self.form, self.bad = form, bad

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        if index == 6 and self.bad is not None:
            return self.bad
        return torch.full((1, 2, 2), float(index)), self.form(index % 3)


@pytest.mark.parametrize(
    "form",
    [
        int, np.int64, np.uint8, float, torch.tensor, lambda n: torch.tensor([n]),
        lambda n: torch.eye(3)[n], lambda n: [int(n == m) for m in range(3)],
        lambda n: np.eye(3, dtype=np.uint8)[n],
    ],
    ids=[
        *("int", "numpy", "byte", "float", "tensor", "one element", "one-hot", "list", "array"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("n_classes", [3, None])
def test_labels_come_in_every_form(form: Any, n_classes: int | None) -> None:
    data = replace(data_of(n_classes), dataset=Labelled(form))
    labels = torch.cat([labels for _, labels in batches(data, 4)])
    assert labels.tolist() == [n % 3 for n in range(10)]


IMAGE = torch.zeros(1, 2, 2)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ((IMAGE, 0.5), r"'items' labels must be whole numbers, got 0\.5 \(image 6\); number"),
        ((IMAGE, float("nan")), r"labels must be whole numbers, got nan \(image 6\); number"),
        ((IMAGE, -1), r"labels must be from 0 to 2, got -1; number the classes from 0"),
        ((IMAGE, 3), r"labels must be from 0 to 2, got 3; number the classes from 0"),
        ((IMAGE, "cat"), r"'items' labels must be whole numbers, got 'cat'; number the classes"),
        ((IMAGE, None), r"'items' labels must be whole numbers, got None; number the classes"),
        ((IMAGE, [0, 1, 0]), r"labels must be of one form, got rows of 1, 3 numbers in images 4"),
        ((IMAGE / 0, 1), r"'items' images must be finite, got NaN or infinity in image 6; mend"),
        ((IMAGE + torch.inf, 1), r"images must be finite, got NaN or infinity in image 6; mend"),
        ((IMAGE.byte(), 1), r"one type, got torch\.float32 and torch\.uint8 in images 4 to 7; co"),
        ((torch.zeros(3, 2, 2), 1), r"must load and have one shape, got RuntimeError: stack expec"),
        (([[0.0]], 1), r"must load and have one shape, got AttributeError: 'list' object"),
        ((IMAGE,), r"must load and have one shape, got ValueError: not enough values to unpack"),
    ],
    ids=[
        *("fraction", "nan label", "negative", "beyond", "text", "none", "another form"),
        *("nan", "infinity", "bytes", "shape", "list", "alone"),
    ],
)
def test_every_item_is_looked_at(bad: tuple[Any, ...], message: str) -> None:
    data = replace(data_of(3), dataset=Labelled(bad=bad))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        list(batches(data, 4))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0.0, 1.0, 0.5]), r"'items' labels must be whole .*, got 0\.5 \(image 2\)"),
        (torch.full((3, 3), 1 / 3), r"'items' labels of the shape \(1, 3\) must be one-hot rows"),
        (torch.tensor([0, 1, 7]), r"'items' labels must be from 0 to 2, got 7; number"),
    ],
    ids=["fraction", "soft", "beyond"],
)
def test_a_tensor_dataset_is_looked_at_whole(labels: Tensor, message: str) -> None:
    data = replace(data_of(3), dataset=TensorDataset(torch.zeros(3, 1, 2, 2), labels))
    with pytest.raises(InputError, match=message):
        list(batches(data, 1))


def test_what_is_done_to_a_batch_leaves_a_tensor_dataset_alone() -> None:
    kept = torch.ones(4, 1, 2, 2)
    data = replace(data_of(3), dataset=TensorDataset(kept, torch.zeros(4, 1)))
    for images, labels in batches(data, 2):
        images.zero_()
        labels.add_(1)
    assert torch.equal(kept, torch.ones(4, 1, 2, 2))
    assert next(batches(data, 4))[1].tolist() == [0] * 4


class Random(Items):
    """Draws anew, where it is told to, each time an item is read."""

    def __init__(self, what: str) -> None:
        self.what, self.kept, self.sizes = what, torch.ones(1, 2, 2), 2

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.full((1, 2, 2), float(index))
        if self.what == "noise":
            image += torch.rand(1, 2, 2)
        if self.what == "worn" and index == 5:
            image = self.kept.mul_(2)
        if self.what == "crop":
            self.sizes += index == 0
            image = torch.zeros(1, self.sizes, 2)
        return image, int(torch.rand(()) * 1e6) if self.what == "label" else 0


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("noise", r"'items' image 0 must be the same each time it is read, got another at the sec"),
        ("worn", r"'items' image 5 must be the same each time it is read, got another"),
        ("crop", r"'items' image 0 must be the same each time it is read, got another"),
        ("label", r"'items' label 0 must be the same each time it is read, got another"),
    ],
)
def test_data_that_differ_each_time_are_refused(what: str, message: str) -> None:
    data = replace(data_of(None), dataset=Random(what))
    before = torch.get_rng_state()
    with pytest.raises(InputError, match=message):
        refuse_random(data)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dataset", [Random("nothing"), TensorDataset(torch.eye(3), torch.eye(3))])
def test_data_that_are_the_same_each_time_are_read_eight_at_most(dataset: Dataset[Any]) -> None:
    seen: list[Any] = []

    class Counted(Items):
        def __len__(self) -> int:
            return len(dataset)  # type: ignore[arg-type]

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            seen.append(index)
            return dataset[index]  # type: ignore[no-any-return]

    refuse_random(replace(data_of(None), dataset=Counted()))
    assert seen == ([0, 1, 2, 3, 5, 6, 7, 9] if len(Counted()) == 10 else [0, 1, 2]) * 2

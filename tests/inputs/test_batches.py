"""Batches: order, limits, speed of form, random state."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from analogsim.errors import InputError
from analogsim.inputs import Data, batches, load_data, n_images


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

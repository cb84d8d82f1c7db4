"""load_data: specs and a user's own data set."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from analogsim.errors import InputError
from analogsim.inputs import batches, load_data
from analogsim.inputs.user_data import class_count

USERS = """
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

class Mine(Dataset):
    classes = ["a", "b", "c"]

    def __init__(self, image=torch.zeros(1, 4, 4), label=2, count=5):
        self.image, self.label, self.count = image, label, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index >= self.count:
            raise IndexError(index)
        return self.image + index, self.label

class Stream(IterableDataset):
    def __iter__(self):
        yield torch.zeros(1, 4, 4), 0

tensors = lambda: TensorDataset(torch.arange(3.0).view(3, 1, 1, 1), torch.tensor([2, 0, 1]))
number = lambda: 3
empty = lambda: Mine(count=0)
alone = lambda: [torch.zeros(1, 4, 4)]
bytes_ = lambda: Mine(image=torch.zeros(1, 4, 4, dtype=torch.uint8))
flat = lambda: Mine(image=torch.zeros(16))
text = lambda: Mine(label="cat")
half = lambda: Mine(label=0.5)
array = lambda: [([0.0], 1)]
failing = lambda: {"a": 1}
"""


@pytest.fixture
def users(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(USERS)
    return str(tmp_path / "mine.py")


def test_a_users_data_set_is_taken_as_it_is(users: str) -> None:
    data = load_data(f"{users}:Mine")
    assert (data.n_classes, data.input_shape) == (3, (1, 4, 4))
    assert data.normalisation == "as the factory made it"
    assert data.note == "5 images; the split is the factory's"
    images, labels = next(batches(data, 10))
    assert images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert labels.tolist() == [2] * 5


def test_a_tensor_dataset_is_taken(users: str) -> None:
    data = load_data(f"{users}:tensors")
    assert (data.n_classes, data.input_shape) == (None, (1, 1, 1))
    got = list(batches(data, 2))
    assert [labels.tolist() for _, labels in got] == [[2, 0], [1]]
    assert torch.equal(torch.cat([images for images, _ in got]).flatten(), torch.arange(3.0))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("number", r"mine\.py:number must return a torch Dataset with a length, got int"),
        ("Stream", r"mine\.py:Stream must return a torch Dataset with a length, got Stream"),
        ("empty", r"mine\.py:empty data set must hold images, got 0; check the factory"),
        ("failing", r"failing data set must give its length and first item, got KeyError: 0"),
        ("alone", r"mine\.py:alone items must be \(image, label\), got Tensor; return a pair"),
        ("array", r"mine\.py:array images must be tensors, got list; convert"),
        ("bytes_", r"must be floating point .*, got torch\.uint8 \(1, 4, 4\); convert"),
        ("flat", r"must be floating point .*, got torch\.float32 \(16,\); convert"),
        ("text", r"mine\.py:text labels must be whole numbers, got 'cat'; number the classes"),
        ("half", r"mine\.py:half labels must be whole numbers, got 0\.5 \(image 0\); number"),
        ("none", r"data file .*mine\.py must define a callable 'none', got no such name"),
    ],
)
def test_what_is_no_data_set_is_refused(users: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_data(f"{users}:{name}")


@pytest.mark.parametrize(
    ("said", "expected"),
    [({"n_classes": 4}, 4), ({"classes": ["a", "b"]}, 2), ({"classes": 5}, None), ({}, None)],
)
def test_a_data_set_may_say_its_class_count(said: dict[str, object], expected: int | None) -> None:
    assert class_count(SimpleNamespace(**said)) == expected


def test_a_users_data_set_is_not_normalised_again(users: str) -> None:
    message = r"Mine normalisation must be done by the factory, got mean \(0\.5,\) and std \(2\.0,"
    with pytest.raises(InputError, match=message):
        load_data(f"{users}:Mine", normalise=((0.5,), (2.0,)))


def test_a_normalisation_can_be_asked_for() -> None:
    data = load_data("digits", normalise=((0.0,), (2.0,)))
    assert data.normalisation == "(x/16 - (0)) / (2) (as asked)"
    assert float(next(batches(data, 360))[0].max()) == 0.5


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "cifar11",
            r"data must be one of digits, cifar10, cifar100, folder:PATH, .*, got 'cifar11'"
            r"; check the name; did you mean 'cifar10'\?",
        ),
        ("set.npz", r"got 'set\.npz'; write npz:set\.npz"),
    ],
)
def test_unknown_data_are_refused(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_data(spec)


def test_a_bare_folder_gets_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"got '{tmp_path}'; write folder:{tmp_path}"):
        load_data(str(tmp_path))

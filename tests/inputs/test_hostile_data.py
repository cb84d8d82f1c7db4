"""Data sets of a user's that lie, exit, draw anew, or give what no network can compute on.

Each fault stands in an item far from the first: every batch is looked at.
"""

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import Dataset, TensorDataset

from analogsim.errors import InputError
from analogsim.inputs import Data, batches, load_data
from analogsim.inputs.batching import n_images, refuse_random
from analogsim.inputs.labels import class_numbers
from tests.damage import outcome

IMAGE = torch.arange(4.0).reshape(1, 2, 2)
BAD = 93


class Items(Dataset[Any]):
    """100 images of 3 classes; item BAD is what a function makes."""

    def __init__(self, bad: Callable[[], Any] | None = None, count: Any = 100) -> None:
        self.bad, self.count = bad, count

    def __len__(self) -> int:
        return self.count() if callable(self.count) else self.count  # type: ignore[no-any-return]

    def __getitem__(self, index: int) -> Any:
        return (IMAGE + index, index % 3) if self.bad is None or index != BAD else self.bad()


def data_of(dataset: Any, n_classes: int | None = 3) -> Data:
    return Data(
        name="items",
        dataset=dataset,
        n_classes=n_classes,
        input_shape=(1, 2, 2),
        normalisation="none",
        note="",
    )


NAN, INF = float("nan"), float("inf")
LABELS: dict[str, tuple[Any, str]] = {
    "fraction": (0.5, r"must be whole numbers, got 0\.5 \(image 93\)"),
    "nearly": (1.0000001, r"must be whole numbers, got 1 \(image 93\)"),
    "nan": (NAN, r"must be whole numbers, got nan \(image 93\)"),
    "infinite": (INF, r"must be whole numbers, got inf \(image 93\)"),
    "negative": (-1, "must be from 0 to 2, got -1"),
    "negative float": (-1.0, "must be from 0 to 2, got -1"),
    "beyond": (3, "must be from 0 to 2, got 3"),
    "huge": (2**62, "must be from 0 to 2, got 4611686018427387904"),
    "beyond 64 bits": (2**70, "must be whole numbers, got 1180591620717411303424"),
    "beyond a whole float": (1e30, "must be from 0 to 2, got "),
    "none": (None, "must be whole numbers, got None"),
    "text": ("1", "must be whole numbers, got '1'"),
    "bytes": (b"1", "must be whole numbers, got b'1'"),
    "complex": (1j, "must be whole numbers, got 1j"),
    "object": (np.array([None]), "must be whole numbers, got array"),
    "dates": (np.array(["2020-01-01"], "datetime64[s]"), "must be whole numbers, got array"),
    "ragged": ([[0], [0, 1]], r"must be whole numbers, got \[\[0\], \[0, 1\]\]"),
    "empty": ([], "must be of one form, got rows of 0, 1 numbers in images "),
    "soft": ([0.2, 0.3, 0.5], "must be of one form, got rows of 1, 3 numbers"),
    "two": ([1, 1], "must be of one form, got rows of 1, 2 numbers"),
    "meta": (torch.zeros(1, device="meta"), "must be numbers in memory, got a tensor without val"),
    "sparse": (torch.ones(1).to_sparse(), "must be numbers in memory, got a sparse or nested ten"),
    "quantised": (
        torch.quantize_per_tensor(torch.ones(1), 1.0, 0, torch.quint8),
        "must be numbers in memory, got a quantised tensor",
    ),
    "complex tensor": (torch.ones(1, dtype=torch.complex64), "must be whole numbers, got tensor"),
    "class": (int, "must be whole numbers, got <class 'int'>"),
}
IMAGES: dict[str, tuple[Any, str]] = {
    "nan": (IMAGE * NAN, "must be finite, got NaN or infinity in image 93"),
    "one nan": (
        torch.tensor([[[0.0, 1.0], [2.0, NAN]]]),
        "must be finite, got NaN or infinity in ",
    ),
    "infinite": (IMAGE + INF, "must be finite, got NaN or infinity in image 93"),
    "bytes": (IMAGE.byte(), r"must be of one type, got torch\.float32 and torch\.uint8 in images "),
    "double": (IMAGE.double(), r"must be of one type, got torch\.float32 and torch\.float64"),
    "complex": (IMAGE * 1j, r"must be of one type, got torch\.complex64 and torch\.float32"),
    "shape": (torch.zeros(1, 2, 3), "must load and have one shape, got RuntimeError: stack"),
    "sides": (torch.zeros(2, 2), "must load and have one shape, got RuntimeError: stack"),
    "meta": (IMAGE.to("meta"), "must (load|be)"),
    "sparse": (IMAGE.to_sparse(), "must (load|be)"),
    "array": (np.zeros((1, 2, 2), "f4"), "must load and have one shape, got TypeError"),
    "list": ([[0.0]], "must load and have one shape, got AttributeError"),
    "none": (None, "must load and have one shape, got AttributeError"),
    "text": ("image", "must load and have one shape, got AttributeError"),
}


def refused(data: Data, message: str) -> None:
    with pytest.raises(InputError, match=rf"^data 'items' {message}") as caught:
        list(batches(data, 7))
    assert "; " in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("label", "message"), LABELS.values(), ids=LABELS)
def test_every_label_is_looked_at(label: Any, message: str) -> None:
    refused(data_of(Items(lambda: (IMAGE, label))), f"labels {message}")


@pytest.mark.parametrize(("label", "message"), LABELS.values(), ids=LABELS)
def test_every_label_is_looked_at_when_it_is_alone(label: Any, message: str) -> None:
    with pytest.raises(InputError, match=r"^data 'items' labels .*must be "):
        list(batches(data_of(Items(lambda: (IMAGE, label))), 1))


@pytest.mark.parametrize(("image", "message"), IMAGES.values(), ids=IMAGES)
def test_every_image_is_looked_at(image: Any, message: str) -> None:
    refused(data_of(Items(lambda: (image, 0))), f"images {message}")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_values_beyond_float32_are_infinite(kind: torch.dtype) -> None:
    images = torch.zeros(100, 1, 2, 2, dtype=kind)
    images[BAD] = 1e300 if kind is torch.float64 else INF
    data = data_of(TensorDataset(images, torch.zeros(100)))
    refused(data, "images must be finite, got NaN or infinity in image 93; mend the data set")


def leave(code: object = 0) -> Any:
    sys.exit(code)  # type: ignore[arg-type]


def fail() -> Any:
    raise KeyError("no such file\nsecond line")


def recurse() -> Any:
    return recurse()


FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "exits": (leave, "SystemExit: 0"),
    "exits with 1": (lambda: leave(1), "SystemExit: 1"),
    "exits with words": (lambda: leave("done"), "SystemExit: done"),
    "fails": (fail, "KeyError: "),
    "recurses": (recurse, "RecursionError: maximum"),
    "is out of memory": (lambda: torch.empty(1 << 60), "RuntimeError: "),
    "stops": (lambda: next(iter([])), "StopIteration"),
    "asserts": (lambda: [][0], "IndexError: list index"),
    "alone": (lambda: (IMAGE,), "ValueError: not enough values"),
    "three": (lambda: (IMAGE, 0, 0), "ValueError: too many values"),
    "nothing": (lambda: None, "TypeError: "),
    "a number": (lambda: 3, "TypeError: "),
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=FAULTS)
def test_what_an_item_raises_is_said(fault: Callable[[], Any], said: str) -> None:
    refused(data_of(Items(fault)), f"images must load and have one shape, got {said}.*; mend the ")


LENGTHS: dict[str, tuple[Any, str]] = {
    "exits": (leave, "SystemExit: 0"),
    "fails": (fail, "KeyError: "),
    "negative": (-1, "ValueError: __len__"),
    "huge": (1 << 70, "OverflowError: "),
    "text": ("100", "TypeError: 'str' object"),
    "a fraction": (1.5, "TypeError: 'float' object"),
    "none": (None, "TypeError: 'NoneType' object"),
}


@pytest.mark.parametrize(("count", "said"), LENGTHS.values(), ids=LENGTHS)
def test_a_length_is_one(count: Any, said: str) -> None:
    data = data_of(Items(count=count))
    for look in (n_images, refuse_random, lambda data: list(batches(data, 10))):
        with pytest.raises(InputError, match=rf"^data 'items' must have a length, got {said}"):
            look(data)


class NoLength(Dataset[Any]):
    def __getitem__(self, index: int) -> Any:
        return IMAGE, 0


def test_without_a_length_there_is_none() -> None:
    with pytest.raises(InputError, match="must have a length, got TypeError: object of type 'NoLe"):
        list(batches(data_of(NoLength()), 10))


FILE = """
import sys, torch
from torch.utils.data import Dataset

class Items(Dataset):
    length, item = 5, (torch.zeros(1, 4, 4), 0)
    def __len__(self):
        return self.length() if callable(self.length) else self.length
    def __getitem__(self, index):
        return self.item() if callable(self.item) else self.item

def made(**kinds):
    for name in {"length", "item"} & {*kinds}:
        kinds[name] = staticmethod(kinds[name]) if callable(kinds[name]) else kinds[name]
    return type("Made", (Items,), kinds)

def leave():
    sys.exit(0)

exits = leave
length_exits = made(length=leave)
item_exits = made(item=leave)
negative = made(length=-1)
huge = made(length=1 << 70)
no_length = made(length=None)
meta = made(item=(torch.zeros(1, 4, 4, device="meta"), 0))
sparse = made(item=(torch.zeros(1, 4, 4).to_sparse(), 0))
meta_label = made(item=(torch.zeros(1, 4, 4), torch.zeros(1, device="meta")))
classes_exit = made(classes=property(lambda self: leave()))
classes_0 = made(n_classes=0)
classes_negative = made(n_classes=-3)
true_classes = made(n_classes=True)
grad = made(item=(torch.zeros(1, 4, 4, requires_grad=True), torch.ones((), requires_grad=True)))
"""
FACTORIES = {
    "exits": r"data factory .*:exits must run without an error, got SystemExit: 0",
    "length_exits": "data set must give its length and first item, got SystemExit: 0; mend",
    "item_exits": "data set must give its length and first item, got SystemExit: 0; mend",
    "negative": "data set must give its length and first item, got ValueError: ",
    "huge": "data set must give its length and first item, got OverflowError: ",
    "no_length": "data set must give its length and first item, got TypeError: ",
    "meta": "images must be numbers in memory, got a tensor without values .on the device meta.",
    "sparse": "images must be numbers in memory, got a sparse or nested tensor; load them",
    "meta_label": "labels must be numbers in memory, got a tensor without values",
    "classes_exit": "data set must give its length and first item, got SystemExit: 0; mend",
    "classes_0": "n_classes must be at least 1, got 0; mend the data set",
    "classes_negative": "n_classes must be at least 1, got -3; mend the data set",
}


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("users") / "mine.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(("name", "message"), FACTORIES.items(), ids=FACTORIES)
def test_a_factory_that_lies_is_refused(users: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_data(f"{users}:{name}")


def test_true_is_no_class_count(users: Path) -> None:
    assert load_data(f"{users}:true_classes").n_classes is None


@pytest.mark.parametrize("kind", ["items", "tensors", "factory"])
def test_gradients_are_left_behind(users: Path, kind: str) -> None:
    images = torch.zeros(5, 1, 4, 4, requires_grad=True)
    labels = torch.ones(5, requires_grad=True)
    if kind == "tensors":
        data = data_of(TensorDataset(images, labels))
    elif kind == "items":
        data = data_of([(image, 1) for image in images])
    else:
        data = load_data(f"{users}:grad")
    for image, label in batches(data, 2):
        assert not image.requires_grad
        assert not label.requires_grad
        assert label.tolist() == [1] * len(label)


class Late(Items):
    """As drawn from `draw` from item 40 on; what comes before is fixed."""

    def __init__(self, draw: Callable[[], float]) -> None:
        super().__init__()
        self.draw = draw

    def __getitem__(self, index: int) -> Any:
        return (IMAGE + (self.draw() if index >= 40 else 0.0), 0)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: float(torch.rand(())),
        random.random,
        lambda: float(np.random.standard_normal()),  # noqa: NPY002 - what users call
    ],
    ids=["torch", "python", "numpy"],
)
def test_what_is_random_behind_a_fixed_beginning_is_found(draw: Callable[[], float]) -> None:
    message = "'items' image 42 must be the same each time it is read, got another at the second"
    with pytest.raises(InputError, match=message):
        refuse_random(data_of(Late(draw)))


def test_a_late_item_that_cannot_be_read_is_left_to_the_batches() -> None:
    class Broken(Items):
        def __getitem__(self, index: int) -> Any:
            return (IMAGE, 0) if index < 50 else fail()

    data = data_of(Broken())
    refuse_random(data)
    assert sum(len(labels) for _, labels in batches(data, 20, limit=50)) == 50
    with pytest.raises(InputError, match="'items' images must load"):
        refuse_random(data_of([fail]))


def test_a_tensor_dataset_of_three_tensors_is_refused_in_words() -> None:
    data = data_of(TensorDataset(torch.zeros(5, 1, 2, 2), torch.zeros(5), torch.zeros(5)))
    with pytest.raises(InputError, match="must load and have one shape, got ValueError: too many"):
        list(batches(data, 2))


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=6,
)


@given(ANYTHING, st.sampled_from([None, 3]))
def test_labels_are_class_numbers_or_refused(labels: Any, n_classes: int | None) -> None:
    found = outcome(lambda: class_numbers(labels, n_classes=n_classes))
    if isinstance(found, str):
        assert found.startswith("labels ")
        return
    assert found.dtype == torch.int64
    assert found.dim() == 1
    assert not len(found) or (int(found.min()) >= 0 and (not n_classes or int(found.max()) < 3))


KINDS = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.uint8]
KINDS += [torch.int64, torch.bool, torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3)], ids=str)
def test_labels_of_every_type_are_read(kind: torch.dtype, shape: tuple[int, ...]) -> None:
    rows = torch.eye(3)[[0, 1, 1, 0]] if shape == (4, 3) else torch.tensor([0, 1, 1, 0])
    labels = rows.reshape(shape).to(kind)
    assert class_numbers(labels, count=4, n_classes=3).tolist() == [0, 1, 1, 0]


@given(ANYTHING, ANYTHING, st.integers(0, 9))
def test_whatever_an_item_is_it_is_refused_or_read(image: Any, label: Any, at: int) -> None:
    made = [(IMAGE, 0)] * 10
    made[at] = (image, label)
    data = replace(data_of(made), n_classes=3)
    said = outcome(lambda: list(batches(data, 4)))
    assert isinstance(said, str)
    assert said.startswith("data 'items' ")


@given(ANYTHING)
def test_whatever_a_label_is_it_is_refused_or_read(label: Any) -> None:
    said = outcome(lambda: list(batches(data_of([(IMAGE, 0)] * 5 + [(IMAGE, label)]), 4)))
    if isinstance(said, str):
        assert said.startswith("data 'items' labels ")
    else:
        assert 0 <= int(said[1][1][1]) < 3

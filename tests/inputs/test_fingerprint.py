"""Fingerprints of images: of content, not of places, and of all of it where that is said."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, Subset, TensorDataset

from analogsim.errors import InputError
from analogsim.experiment.deal import all_images
from analogsim.experiment.score import select
from analogsim.inputs import Data, fingerprint, load_data
from analogsim.inputs.fingerprint import changed, image_fingerprint

N = 20
RED = np.random.default_rng(0).integers(0, 256, (N, 4, 5, 3), dtype=np.uint8)
LABELS = np.arange(N) % 3


class Items(Dataset[Any]):
    """As torchvision's: arrays, and items that are made of them. Each counts as read once."""

    def __init__(self, data: Any, targets: Any) -> None:
        self.data, self.targets = data, targets
        self.paths, self.extra = ["a.png"] * len(targets), np.zeros(3)
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.read.append(index)
        return torch.tensor(self.data[index] / 255).float().permute(2, 0, 1), self.targets[index]


def of_dataset(dataset: Dataset[Any]) -> Data:
    return Data(
        name="mine.py:d",
        dataset=dataset,
        n_classes=None,
        input_shape=(3, 4, 5),
        normalisation="",
        note="",
    )


def npz(folder: Path, images: np.ndarray, labels: np.ndarray) -> Data:
    np.savez(folder / "d.npz", x=images, y=labels)
    return load_data(f"npz:{folder / 'd.npz'}")


def pictures(folder: Path, images: np.ndarray, labels: np.ndarray) -> Data:
    for at, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / "p" / str(label) / f"{at}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return load_data(f"folder:{folder / 'p'}")


def tensors(folder: Path, images: np.ndarray, labels: np.ndarray) -> Data:
    values = torch.tensor(images / 255).float().permute(0, 3, 1, 2)
    return of_dataset(TensorDataset(values, torch.tensor(labels)))


def items(folder: Path, images: np.ndarray, labels: np.ndarray) -> Data:
    return of_dataset(Items(images, labels.tolist()))


def chosen(folder: Path, images: np.ndarray, labels: np.ndarray) -> Data:
    """Pictures with a limit, as `--limit` asks for it; all but one."""
    return select(pictures(folder, images, labels), {**all_images(N - 1), "total": N})


Make = Callable[[Path, np.ndarray, np.ndarray], Data]
KINDS: dict[str, tuple[Make, str]] = {
    "npz": (npz, "all 20 images and labels"),
    "folder": (pictures, "all 20 image files and labels"),
    "folder with a limit": (chosen, "all 19 image files and labels"),
    "tensors": (tensors, "all 20 images and labels"),
    "items": (items, "all 20 images and labels"),
}


@pytest.mark.parametrize(("make", "covers"), KINDS.values(), ids=KINDS)
def test_every_pixel_and_label_counts_and_the_place_does_not(
    tmp_path: Path, make: Make, covers: str
) -> None:
    places = iter(range(99))

    def of(images: np.ndarray = RED, labels: np.ndarray = LABELS) -> str:
        folder = tmp_path / str(next(places))
        folder.mkdir()
        return image_fingerprint(make(folder, images, labels))

    first = of()
    digest, _, said = first.partition(" of ")
    assert (len(digest), said) == (64, covers)
    assert of() == first
    others = set()
    for at in range(N):
        pixel, label = RED.copy(), LABELS.copy()
        pixel[at, 3, 4, 2] ^= 1
        label[at] = (label[at] + 1) % 3
        others |= {of(images=pixel), of(labels=label)}
    left_out = 2 * (make is chosen)
    # The image that the limit leaves out is another one where a label moved it in the order.
    assert 2 * N - left_out <= len(others - {first}) <= 2 * N
    assert (first in others) == (make is chosen)


def test_the_layout_in_memory_does_not_count_and_the_normalisation_does(tmp_path: Path) -> None:
    last, second = (tmp_path / name for name in ("last", "second"))
    for folder in (last, second):
        folder.mkdir()
    first = npz(last, RED, LABELS)
    assert image_fingerprint(first) == image_fingerprint(
        npz(second, np.ascontiguousarray(RED.transpose(0, 3, 1, 2)), LABELS)
    )
    # Alike in the five digits that are printed.
    whole, more = (
        load_data(f"npz:{last / 'd.npz'}", normalise=((mean,), (1.0,)))
        for mean in (0.5, 0.50000001)
    )
    assert whole.normalisation == more.normalisation
    assert image_fingerprint(whole) != image_fingerprint(more)


def test_of_many_files_some_are_read_and_all_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pictures(tmp_path, RED, LABELS)
    paths = data.dataset.files.paths  # type: ignore[attr-defined]
    total = sum(path.stat().st_size for path in paths)
    monkeypatch.setattr(fingerprint, "FILE_BYTES", total // 2 + 1)
    first = image_fingerprint(data)
    assert first.endswith("of 10 of 20 image files, and the names, sizes and labels of all")
    seen = []
    for path in paths:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + b"!")
        seen.append(image_fingerprint(data) != first)
        path.write_bytes(content + b"!")
        assert image_fingerprint(data) != first
        path.write_bytes(content)
    assert sum(seen) == 10
    assert image_fingerprint(data) == first


def test_of_many_items_some_are_read_and_the_arrays_that_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fingerprint, "ITEMS", 4)
    dataset = Items(RED, LABELS.tolist())
    first = image_fingerprint(of_dataset(dataset))
    assert first.endswith("of 4 of 20 images and labels, all its data, all its targets")
    assert dataset.read == [0, 5, 10, 15]
    pixel, label = RED.copy(), LABELS.tolist()
    pixel[7, 0, 0, 0] ^= 1
    label[19] += 1
    for other in (Items(pixel, LABELS.tolist()), Items(RED, label)):
        assert image_fingerprint(of_dataset(other)) != first
    # Of a part, that part alone.
    part = [Subset(Items(data, LABELS.tolist()), [*range(6), 8]) for data in (RED, pixel)]
    assert len({image_fingerprint(of_dataset(one)) for one in part}) == 1
    pixel[8, 0, 0, 0] ^= 1
    assert image_fingerprint(of_dataset(part[0])) != image_fingerprint(of_dataset(part[1]))


@pytest.mark.parametrize(
    "data",
    [
        [str(n) for n in range(N)], np.array([None] * N), torch.zeros(N - 1),
        torch.zeros(N, device="meta"), torch.zeros(N).to_sparse(), torch.tensor(1.0), [10**30] * N,
        None,
    ],
    ids=["text", "objects", "short", "meta", "sparse", "number", "beyond-64-bits", "none"],
)  # fmt: skip
def test_what_is_no_array_of_the_images_is_left_out(
    monkeypatch: pytest.MonkeyPatch, data: object
) -> None:
    monkeypatch.setattr(fingerprint, "ITEMS", 4)
    dataset = Items(RED, LABELS.tolist())
    monkeypatch.setattr(Items, "__getitem__", lambda self, at: (torch.zeros(3, 4, 5), 0))
    dataset.data = data
    assert image_fingerprint(of_dataset(dataset)).endswith(
        "4 of 20 images and labels, all its targets"
    )


def test_nothing_is_drawn_and_a_broken_item_is_named() -> None:
    class Drawing(Items):
        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            torch.rand(3)
            if index == 17:
                raise ValueError("torn")
            return super().__getitem__(index)

    state = torch.get_rng_state()
    with pytest.raises(InputError, match=r"'mine.py:d' images must load .* got ValueError: torn"):
        image_fingerprint(of_dataset(Drawing(RED, LABELS.tolist())))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_pipe_among_the_files_is_not_waited_for(tmp_path: Path) -> None:
    data = pictures(tmp_path, RED, LABELS)
    path = data.dataset.files.paths[3]  # type: ignore[attr-defined]
    first = image_fingerprint(data)
    path.unlink()
    os.mkfifo(path)
    assert image_fingerprint(data) != first


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": "1"}, {"a": "1"}, []),
        ({"a": "1", "b": "1"}, {"a": "1", "b": "2"}, ["b"]),
        ({"a": "1", "b": "1"}, {"b": "1", "c": "1"}, ["a (no longer read)", "c (not read before)"]),
    ],
    ids=["same", "other", "gone-and-new"],
)
def test_what_changed_in_words(old: dict[str, str], new: dict[str, str], said: list[str]) -> None:
    assert changed(old, new) == said

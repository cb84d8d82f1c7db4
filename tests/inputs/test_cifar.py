"""CIFAR-10 and CIFAR-100: small copies always, the real ones where ANALOGSIM_DATA names them."""

import hashlib
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cifar_files import COUNT, pixels, small_cifar10
from torch.utils.data import Dataset

from analogsim.errors import InputError
from analogsim.inputs import batches, cifar, load_data
from analogsim.inputs.images import TensorImages

needs_cifar = pytest.mark.skipif(
    "ANALOGSIM_DATA" not in os.environ,
    reason="needs CIFAR: set ANALOGSIM_DATA to a folder with cifar-10-batches-py",
)


def stored(dataset: Dataset[object]) -> TensorImages:
    assert isinstance(dataset, TensorImages)
    return dataset


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_copy_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    small_cifar10(tmp_path, monkeypatch, protocol=protocol)
    data = load_data("cifar10", data_dir=tmp_path)
    assert (data.input_shape, data.n_classes) == ((3, 32, 32), 10)
    assert torch.equal(
        stored(data.dataset).images, torch.from_numpy(pixels()).view(COUNT, 3, 32, 32)
    )
    assert stored(data.dataset).labels.tolist() == [n % 10 for n in range(COUNT)]
    assert data.normalisation == (
        "(x/255 - (0.4914, 0.48216, 0.44653)) / (0.24703, 0.24348, 0.26159) (of the training split)"
    )
    assert data.note == (
        f"test split, {COUNT} images; 1 of 1 files differ from the original md5 sums "
        "(test_batch); shapes, counts and labels are right"
    )


def test_an_original_copy_is_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_cifar10(tmp_path, monkeypatch)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    known = cifar.CIFAR["cifar10"]
    files = {"test": (replace(known.files["test"][0], md5=md5),)}
    monkeypatch.setitem(cifar.CIFAR, "cifar10", replace(known, files=files))  # type: ignore[arg-type]
    note = load_data("cifar10", data_dir=tmp_path).note
    assert note == f"test split, {COUNT} images; files equal the original md5 sums"


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_cifar10(tmp_path, monkeypatch)
    monkeypatch.setenv("ANALOGSIM_DATA", str(tmp_path))
    assert load_data("cifar10").input_shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("labels", "data", "message"),
    [
        ([0] * 19, None, r"test_batch labels must be 20 whole numbers, got 19; fetch"),
        ([0] * 19 + [10], None, r"test_batch labels must be from 0 to 9, got 10; fetch"),
        ([0] * 19 + [-1], None, r"test_batch labels must be from 0 to 9, got -1; fetch"),
        ([2**70] * 20, None, r"test_batch labels must be from 0 to 9, got a number of 71 bits; f"),
        (["x"] * 20, None, r"test_batch labels must be 20 whole numbers, got 0; fetch"),
        (None, np.zeros((19, 3072), np.uint8), r"the shape \(20, 3072\), got \(19, 3072\); fet"),
        (None, np.zeros((20, 3072), np.int64), r"must be an array of bytes, got int64; fetch"),
        (None, "pixels", r"test_batch data must be an array of bytes, got str; fetch"),
    ],
    ids=["count", "too high", "negative", "2 ** 70", "text", "images", "type", "no array"],
)
def test_a_wrong_copy_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    labels: list[int] | None,
    data: object,
    message: str,
) -> None:
    small_cifar10(tmp_path, monkeypatch, labels=labels, data=data)
    with pytest.raises(InputError, match=message):
        load_data("cifar10", data_dir=tmp_path)


def test_a_malicious_copy_is_refused_and_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sentinel = small_cifar10(tmp_path, monkeypatch), tmp_path / "sentinel"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (sentinel,))

    path.write_bytes(pickle.dumps({b"data": Evil()}, 2))
    with pytest.raises(InputError, match=r"test_batch must hold only numbers and names, got a pi"):
        load_data("cifar10", data_dir=tmp_path)
    assert not sentinel.exists()


def test_a_missing_folder_or_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANALOGSIM_DATA", raising=False)
    message = r"data 'cifar100' folder must be given, got none; name the folder that holds cifar-1"
    with pytest.raises(InputError, match=message):
        load_data("cifar100")
    message = rf"folder {tmp_path} must hold cifar-10-batches-py, got no cifar-10-batches-py/test"
    with pytest.raises(InputError, match=message):
        load_data("cifar10", data_dir=tmp_path)
    small_cifar10(tmp_path, monkeypatch)
    message = r"got no .*/data_batch_1, .*/data_batch_2, .*/data_batch_3 and 2 more; check --data"
    with pytest.raises(InputError, match=message):
        load_data("cifar10", split="train", data_dir=tmp_path)


@needs_cifar
@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(("name", "classes"), [("cifar10", 10), ("cifar100", 100)])
def test_the_real_copies_have_their_counts_and_stated_moments(name: str, classes: int) -> None:
    test, train = load_data(name), load_data(name, split="train")
    assert stored(test.dataset).images.shape == (10_000, 3, 32, 32)
    assert stored(test.dataset).labels.bincount().tolist() == [10_000 // classes] * classes
    assert stored(train.dataset).labels.bincount().tolist() == [50_000 // classes] * classes
    # Exact: the constants are the rounded moments of these very pixels. Summed by grey level.
    for channel in range(3):
        counts = stored(train.dataset).images[:, channel].flatten().bincount(minlength=256)
        levels = torch.arange(256, dtype=torch.float64) / 255
        mean = float((counts * levels).sum() / counts.sum())
        std = float((counts * (levels - mean) ** 2).sum() / counts.sum()) ** 0.5
        stated_mean, stated_std = cifar.CIFAR[name].mean_std
        assert mean == pytest.approx(stated_mean[channel], abs=6e-6)
        assert std == pytest.approx(stated_std[channel], abs=6e-6)


@needs_cifar
@pytest.mark.data
def test_the_first_real_test_images_are_cat_ship_ship_plane() -> None:
    images, labels = next(batches(load_data("cifar10"), 4))
    assert images.shape == (4, 3, 32, 32)
    assert labels.tolist() == [3, 8, 8, 0]

"""CIFAR-10 and CIFAR-100 in the folder layout of their authors and of torchvision.

A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, University of Toronto,
2009. The md5 sums are those that torchvision's data sets state.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analogsim import bounded
from analogsim.errors import InputError
from analogsim.inputs.cifar_pickle import read_batch
from analogsim.inputs.fetch import fetch_archive
from analogsim.inputs.images import MeanStd
from analogsim.inputs.known import DATA
from analogsim.inputs.spec import few

DIVISOR = 255.0
PIXELS = 3 * 32 * 32
_LARGEST = (1 << 63) - 1
# The largest file, CIFAR-100's training batch, has 155 MB.
_MOST = 512 * bounded.MIB


@dataclass(frozen=True, kw_only=True)
class BatchFile:
    """One pickle: its name, its original md5 sum and how many images it holds."""

    name: str
    md5: str
    count: int


@dataclass(frozen=True, kw_only=True)
class CifarSet:
    """One of the two data sets.

    Attributes:
        folder: the folder that its archive unpacks to.
        url, archive_md5: the authors' archive.
        files: the batches of each split, in order.
        label_key: the entry of a batch that holds the labels.
        n_classes: how many classes it has.
        mean_std: over all training pixels, a channel at a time, divided by 255.
    """

    folder: str
    url: str
    archive_md5: str
    files: Mapping[str, tuple[BatchFile, ...]]
    label_key: str
    n_classes: int
    mean_std: MeanStd


_TRAIN_MD5 = (
    "c99cafc152244af753f735de768cd75f",
    "d4bba439e000b95fd0a9bffe97cbabec",
    "54ebc095f3ab1f0389bbae665268c751",
    "634d18415352ddfa80567beed471001a",
    "482c414d41f54cd18b22e5b47cb7c3cb",
)

CIFAR: Mapping[str, CifarSet] = {
    "cifar10": CifarSet(
        folder=DATA["cifar10"].folder,
        url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        archive_md5="c58f30108f718f92721af3b95e74349a",
        files={
            "train": tuple(
                BatchFile(name=f"data_batch_{number}", md5=md5, count=10_000)
                for number, md5 in enumerate(_TRAIN_MD5, start=1)
            ),
            "test": (
                BatchFile(name="test_batch", md5="40351d587109b95175f43aff81a1287e", count=10_000),
            ),
        },
        label_key="labels",
        n_classes=DATA["cifar10"].classes,
        mean_std=((0.49140, 0.48216, 0.44653), (0.24703, 0.24348, 0.26159)),
    ),
    "cifar100": CifarSet(
        folder=DATA["cifar100"].folder,
        url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
        files={
            "train": (
                BatchFile(name="train", md5="16019d7e3df5f24257cddd939b257f8d", count=50_000),
            ),
            "test": (BatchFile(name="test", md5="f0ef6b0ae62326f3e7ffdfab6717acfc", count=10_000),),
        },
        label_key="fine_labels",
        n_classes=DATA["cifar100"].classes,
        mean_std=((0.50708, 0.48655, 0.44092), (0.26733, 0.25644, 0.27615)),
    ),
}


def read_cifar(
    name: str, split: str, *, data_dir: Path | None, download: bool
) -> tuple[Tensor, Tensor, str]:
    """Images (n, 3, 32, 32) uint8, labels (n,), and a note on where the copy differs.

    A copy whose files differ from the original md5 sums is accepted, and the note says so,
    once its shapes, counts and labels are right. No pickle is executed.

    Args:
        name: `cifar10` or `cifar100`.
        split: `train` or `test`.
        data_dir: the folder that holds `cifar-10-batches-py` or `cifar-100-python`.
        download: fetch the authors' archive where the folder lacks the data.

    Raises:
        InputError: the folder or a file is missing, damaged or of the wrong size.
    """
    cifar = CIFAR[name]
    if data_dir is None:
        raise InputError(
            f"data {name!r} folder must be given, got none; name the folder that holds "
            f"{cifar.folder} with --data-dir or ANALOGSIM_DATA"
        )
    folder = data_dir / cifar.folder
    missing = _missing(cifar, split, folder)
    if missing and download:
        fetch_archive(cifar.url, cifar.archive_md5, data_dir)
        missing = _missing(cifar, split, folder)
    if missing:
        raise InputError(
            f"data {name!r} folder {data_dir} must hold {cifar.folder}, got no "
            f"{few(cifar.folder + '/' + file for file in missing)}"
            "; check --data-dir (or ANALOGSIM_DATA), or add --download"
        )
    images, labels, altered = [], [], []
    for file in cifar.files[split]:
        path = folder / file.name
        try:
            content = bounded.read_bytes(path, _MOST)
        except OSError as err:
            raise InputError(f"data file {path} must be readable, got {err}; check it") from err
        known = hashlib.md5(content, usedforsecurity=False).hexdigest() == file.md5
        if not known:
            altered.append(file.name)
        batch = read_batch(path, content, known=known)
        pixels, classes = _checked(batch, cifar, file, path)
        images.append(pixels)
        labels.append(classes)
    note = (
        f"{len(altered)} of {len(cifar.files[split])} files differ from the original md5 sums "
        f"({few(altered)}); shapes, counts and labels are right"
        if altered
        else "files equal the original md5 sums"
    )
    every_image = np.concatenate(images).reshape(-1, 3, 32, 32)
    return torch.from_numpy(every_image), torch.from_numpy(np.concatenate(labels)), note


def _missing(cifar: CifarSet, split: str, folder: Path) -> list[str]:
    return [file.name for file in cifar.files[split] if not (folder / file.name).is_file()]


def _checked(
    batch: dict[str, object], cifar: CifarSet, file: BatchFile, path: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pixels, listed = batch.get("data"), batch.get(cifar.label_key)
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise InputError(
            f"data file {path} data must be an array of bytes, got "
            f"{getattr(pixels, 'dtype', type(pixels).__name__)}; fetch the original file"
        )
    if pixels.shape != (file.count, PIXELS):
        raise InputError(
            f"data file {path} data must have the shape {(file.count, PIXELS)}, got "
            f"{pixels.shape}; fetch the original file"
        )
    if isinstance(listed, list):
        whole = all(type(label) is int for label in listed)
        widest = max((max(listed), min(listed)), key=abs) if whole and listed else 0
        if abs(widest) > _LARGEST:
            raise InputError(
                f"data file {path} {cifar.label_key} must be from 0 to {cifar.n_classes - 1}, got "
                f"a number of {widest.bit_length()} bits; fetch the original file"
            )
    else:
        whole = isinstance(listed, np.ndarray)
    labels = np.asarray(listed, dtype=np.int64) if whole else np.empty(0, dtype=np.int64)
    if labels.shape != (file.count,):
        raise InputError(
            f"data file {path} {cifar.label_key} must be {file.count} whole numbers, got "
            f"{len(labels)}; fetch the original file"
        )
    if labels.min() < 0 or labels.max() >= cifar.n_classes:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise InputError(
            f"data file {path} {cifar.label_key} must be from 0 to {cifar.n_classes - 1}, got "
            f"{wrong}; fetch the original file"
        )
    return pixels, labels

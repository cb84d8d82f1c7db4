"""Images and labels in a numpy `.npz` file."""

import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analogsim.errors import InputError
from analogsim.inputs.archive import check_array_size, refuse_bomb
from analogsim.inputs.labels import as_tensor, class_numbers, one_hot_width
from analogsim.inputs.parts import Part, part_and_rest

_KEYS = "x_test and y_test, x_train and y_train, or x and y"
_IMAGES = frozenset({"x", "image", "images", "img", "imgs", "data", "input", "inputs"})
_LABELS = frozenset({"y", "label", "labels", "target", "targets"})
_COLOURS = (1, 3)
# Maps are not so narrow: (n, 32, 32, 3) is no set of 32 maps of 32 x 3.
_NARROW = 4
_SECOND, _LAST = " (channels second)", " (channels last)"


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """What a file holds: images (n, c, h, w), class numbers (n,), and what they were there.

    `n_classes` is known where the labels are one-hot.
    """

    images: Tensor
    labels: Tensor
    n_classes: int | None
    note: str


def read_npz(path: Path, split: str) -> Arrays:
    """The images and labels of a split.

    The arrays are `x_SPLIT` and `y_SPLIT`, or have other usual names (`test_images` and
    `test_labels`, `X_test`, ...), or are `x` and `y` without a split. For `test` a validation part
    serves where there is no other, and for `train` that of `test`.

    uint8 images are (n, h, w), (n, h, w, c) or (n, c, h, w) with 1 or 3 channels c, and come back
    as uint8. Floating-point images are (n, c, h, w) with any c, (n, h, w), or (n, h, h, 3), and
    come back as float32. Pickled content is refused.

    Raises:
        InputError: the file is missing or damaged, an array has the wrong type or shape, it is
            not clear which array or which axis is meant, or labels are no class numbers.
    """
    where = f"data file {path}"
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise InputError(f"{where} must be an .npz file, got {got}; check the path")
    refuse_bomb(path, where=where, mend="save it again with np.savez, which does not compress")
    try:
        # np.load leaves a file open that it cannot read, so the opening is ours.
        # And numpy warns of odd headers, which say nothing to a user.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InputError(
                    f"{where} must hold named arrays, got a single array; save it with np.savez"
                )
            x_key, y_key = _keys(archive.files, split, where)
            for key in (x_key, y_key):
                _check_size(archive.zip, key)
            images, labels = archive[x_key], archive[y_key]
    except InputError:
        raise
    # What a damaged archive raises depends on where it is damaged: also zlib.error, EOFError,
    # RuntimeError ("encrypted"), and MemoryError where it is whole and too large for us.
    except Exception as err:
        raise InputError(
            f"{where} must be a whole .npz file of plain arrays, got {type(err).__name__}: "
            # After the first sentence numpy advises to run the pickle.
            f"{str(err).partition('. ')[0]}; save it again with np.savez"
        ) from err
    pixels, order = as_images(images, f"{where} {x_key}")
    rows = as_tensor(labels, where=f"{where} {y_key}")
    classes = class_numbers(rows, count=len(pixels), where=f"{where} {y_key}")
    note = f"{x_key}{order} and {y_key}, in the order of the file"
    if len(set(classes.tolist())) > 1 and bool((classes.diff() >= 0).all()):
        note += "; they are sorted by class, so a limit does not mix the classes"
    return Arrays(images=pixels, labels=classes, n_classes=one_hot_width(rows), note=note)


def _check_size(archive: zipfile.ZipFile | None, key: str) -> None:
    assert archive is not None, "an open NpzFile has its zip file"
    names = archive.namelist()
    if names.count(key) + names.count(f"{key}.npy") > 1:
        # numpy reads the one and the other, by how it is asked.
        raise ValueError(f"two arrays of the name {key}")
    name = f"{key}.npy"
    with archive.open(name) as member:
        check_array_size(cast(BinaryIO, member), archive.getinfo(name).file_size)


def _keys(present: list[str], split: str, where: str) -> tuple[str, str]:
    """The names of the images and labels of a split."""
    if {f"x_{split}", f"y_{split}"} <= set(present):
        return f"x_{split}", f"y_{split}"
    found: dict[tuple[Part | None, str], list[str]] = {}
    for key in present:
        part, rest = part_and_rest(key)
        for role, names in (("x", _IMAGES), ("y", _LABELS)):
            if len(rest) == 1 and rest <= names:
                found.setdefault((part, role), []).append(key)
    order: list[Part | None] = ["test", None, "validation"]
    order = ["train", None, "test", "validation"] if split == "train" else order
    served = [part for part in order if {(part, "x"), (part, "y")} <= found.keys()]
    if not served:
        raise InputError(
            f"{where} must hold {_KEYS}, got {', '.join(present) or 'nothing'} for the {split} "
            "split; rename the arrays"
        )
    x_keys, y_keys = (found[served[0], role] for role in ("x", "y"))
    for keys in (x_keys, y_keys):
        if len(keys) > 1:
            raise InputError(
                f"{where} must hold one array of each kind for the {split} split, got "
                f"{' and '.join(keys)}; name the ones that are meant x_{split} and y_{split}"
            )
    return x_keys[0], y_keys[0]


def as_images(images: NDArray[np.generic], where: str) -> tuple[Tensor, str]:
    """The images as (n, c, h, w), and words for an order of axes that was recognised."""
    if len(images.shape) == 0 or len(images) == 0:
        raise InputError(f"{where} must hold images, got an empty array; save it again")
    as_bytes = images.dtype == np.uint8
    if not as_bytes and not np.issubdtype(images.dtype, np.floating):
        raise InputError(
            f"{where} type must be uint8 or floating point, got {images.dtype}; convert it"
        )
    shape = images.shape
    if images.ndim == 3:
        return _checked(images[:, np.newaxis], where), ""
    if images.ndim != 4 or (as_bytes and shape[1] not in _COLOURS and shape[3] not in _COLOURS):
        kind = "byte" if as_bytes else "floating-point"
        channels = "1 or 3" if as_bytes else "channels"
        raise InputError(
            f"{where} {kind} images must have the shape (n, height, width), "
            f"(n, {channels}, height, width) or (n, height, width, {channels}), got {shape}; "
            "save them so"
        )
    if as_bytes:
        if shape[1] in _COLOURS and shape[3] in _COLOURS:
            raise InputError(
                f"{where} must have 1 or 3 channels second or last, got {shape}, where it may be "
                "either; save floating-point images (n, channels, height, width)"
            )
        last = shape[3] in _COLOURS
    else:
        last = shape[3] == 3 and shape[1] == shape[2] >= _NARROW
    if last:
        return _checked(images.transpose(0, 3, 1, 2), where), "" if as_bytes else _LAST
    return _checked(images, where), _SECOND if as_bytes else ""


def _checked(images: NDArray[np.generic], where: str) -> Tensor:
    if images.dtype == np.uint8:
        return torch.from_numpy(np.ascontiguousarray(images))
    values = np.ascontiguousarray(images, dtype=np.float32)
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).any(axis=(1, 2, 3)).argmax())
        raise InputError(
            f"{where} values must be finite, got NaN or infinity in image {bad}; save it again"
        )
    return torch.from_numpy(values)

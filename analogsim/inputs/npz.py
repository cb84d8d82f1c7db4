"""Images and labels in a numpy `.npz` file."""

import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analogsim.errors import InputError
from analogsim.inputs.archive import check_array_size, refuse_bomb

_KEYS = "x_test and y_test, x_train and y_train, or x and y"


def read_npz(path: Path, split: str) -> tuple[Tensor, Tensor, str]:
    """Images (n, c, h, w), labels (n,) and a note, from `x_SPLIT` and `y_SPLIT`, or `x` and `y`.

    uint8 images are (n, h, w, c) or (n, h, w), and come back as uint8. Floating-point images
    are (n, c, h, w), and come back as float32. Pickled content is refused.

    Raises:
        InputError: the file is missing or damaged, or an array has the wrong type or shape.
    """
    where = f"data file {path}"
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise InputError(f"{where} must be an .npz file, got {got}; check the path")
    refuse_bomb(path, where=where, mend="save it again with np.savez, which does not compress")
    try:
        # np.load leaves a file open that it cannot read, so the opening is ours.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InputError(
                    f"{where} must hold named arrays, got a single array; save it with np.savez"
                )
            x_key, y_key = _keys(archive.files, split, where)
            for key in (x_key, y_key):
                _check_size(archive.zip, f"{key}.npy")
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
    pixels = _images(images, f"{where} {x_key}")
    classes = _labels(labels, len(pixels), f"{where} {y_key}")
    note = f"{x_key} and {y_key}, in the order of the file"
    if len(classes) > 1 and len(np.unique(labels)) > 1 and bool((classes.diff() >= 0).all()):
        note += "; they are sorted by class, so a limit does not mix the classes"
    return pixels, classes, note


def _check_size(archive: zipfile.ZipFile | None, name: str) -> None:
    assert archive is not None, "an open NpzFile has its zip file"
    with archive.open(name) as member:
        check_array_size(cast(BinaryIO, member), archive.getinfo(name).file_size)


def _keys(present: list[str], split: str, where: str) -> tuple[str, str]:
    for keys in ((f"x_{split}", f"y_{split}"), ("x", "y")):
        if set(keys) <= set(present):
            return keys
    raise InputError(
        f"{where} must hold {_KEYS}, got {', '.join(present) or 'nothing'} for the {split} split"
        "; rename the arrays"
    )


def _images(images: NDArray[np.generic], where: str) -> Tensor:
    if len(images.shape) == 0 or len(images) == 0:
        raise InputError(f"{where} must hold images, got an empty array; save it again")
    if images.dtype == np.uint8:
        if images.ndim == 3:
            images = images[..., np.newaxis]
        if images.ndim != 4 or images.shape[3] not in {1, 3}:
            raise InputError(
                f"{where} byte images must have the shape (n, height, width, 1 or 3), got "
                f"{images.shape}; move the channels last"
            )
        return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    if not np.issubdtype(images.dtype, np.floating):
        raise InputError(
            f"{where} type must be uint8 or floating point, got {images.dtype}; convert it"
        )
    if images.ndim != 4:
        raise InputError(
            f"{where} floating-point images must have the shape (n, channels, height, width), "
            f"got {images.shape}; move the channels second"
        )
    values = images.astype(np.float32)
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).any(axis=(1, 2, 3)).argmax())
        raise InputError(
            f"{where} values must be finite, got NaN or infinity in image {bad}; save it again"
        )
    return torch.from_numpy(values)


def _labels(labels: NDArray[np.generic], count: int, where: str) -> Tensor:
    if labels.shape == (count, 1):
        labels = labels[:, 0]
    if labels.shape != (count,):
        raise InputError(
            f"{where} must have one label an image, shape {(count,)}, got {labels.shape}"
            "; save class numbers, not one-hot rows"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"{where} type must be whole numbers, got {labels.dtype}; save class numbers"
        )
    return torch.from_numpy(labels.astype(np.int64))

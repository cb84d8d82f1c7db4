"""What a folder is made of, as text: so that it does not go on with other images or other code.

A fingerprint is a sha256 of content, wherever that lies; for images it says what was read for it.
"""

import hashlib
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from analogsim.inputs.batching import batch, n_images
from analogsim.inputs.data import Data
from analogsim.inputs.folder import FolderImages
from analogsim.inputs.images import TensorImages
from analogsim.inputs.labels import without_values

FILE_BYTES = 1 << 28
"""Image files are read whole up to this size in all; of larger sets, so much."""
ITEMS = 1024
"""So many items of a user's data set are asked for: each takes the time of the user's code."""
# At a time, so that views are not copied whole.
_ROWS = 256
# Where torchvision's data sets keep what their items are made of.
_ARRAYS = ("data", "images", "targets", "labels")


class _Digest(Protocol):
    def update(self, content: bytes | memoryview, /) -> None: ...


def image_fingerprint(data: Data) -> str:
    """sha256 over images and labels in their order, and of what it is.

    That is all of them if they lie in memory, in files of `FILE_BYTES`, or are `ITEMS`; else it is
    many, spread evenly. Torch's global random state is not touched.

    Raises:
        InputError: as `batches`, for an item of a user's data set.
    """
    count = n_images(data)
    digest = hashlib.sha256(f"{count};".encode())
    base, at = _chosen(data.dataset, count)
    if isinstance(data.dataset, TensorImages):
        covers = _add_tensors(digest, data.dataset)
    elif isinstance(base, FolderImages):
        covers = _add_files(digest, base, at)
    elif type(data.dataset) is TensorDataset:
        covers = _add_items(digest, data, range(0, count, _ROWS), _ROWS)
    else:
        covers = _add_items(digest, data, _spread(count, ITEMS))
        if count > ITEMS:
            covers += _add_arrays(digest, base, at)
    return f"{digest.hexdigest()} of {covers}"


def tensor_digest(*tensors: Tensor) -> str:
    """sha256 (16 digits) over the tensors' shapes and values."""
    digest = hashlib.sha256()
    for values in tensors:
        _add(digest, values)
    return digest.hexdigest()[:16]


def code_fingerprints(role: str, files: Mapping[str, str]) -> dict[str, str]:
    """The files that gave a network or images, name and sha256, each under what it is."""
    return {f"{role} file {name}": digest for name, digest in files.items()}


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What is not as it was, in words."""
    gone = [f"{name} (no longer read)" for name in old if name not in new]
    more = [f"{name} (not read before)" for name in new if name not in old]
    return [*(name for name in old if name in new and old[name] != new[name]), *gone, *more]


def _chosen(dataset: Any, count: int) -> tuple[Any, Sequence[int]]:
    """The data set behind those that only choose from it, and which of its items they choose."""
    at: Sequence[int] = range(count)
    while type(dataset) is Subset:
        dataset, at = dataset.dataset, [dataset.indices[place] for place in at]
    return dataset, at


def _spread(count: int, most: int) -> list[int]:
    """Places among `count`, `most` at most, evenly."""
    taken = min(count, most)
    return [place * count // taken for place in range(taken)]


def _add(digest: _Digest, values: Tensor) -> None:
    digest.update(f"{tuple(values.shape)};".encode())
    # As bytes: numpy has no bfloat16.
    plain = values.detach().cpu().contiguous().flatten().view(torch.uint8)
    digest.update(plain.numpy().data)


def _add_tensors(digest: _Digest, dataset: TensorImages) -> str:
    how, images = dataset.normalise, dataset.images
    digest.update(f"{(how.divisor, how.mean, how.std)};{images.dtype};".encode())
    for start in range(0, len(images), _ROWS):
        _add(digest, images[start : start + _ROWS])
    _add(digest, dataset.labels.long())
    return f"all {len(images)} images and labels"


def _add_files(digest: _Digest, dataset: FolderImages, at: Sequence[int]) -> str:
    """The files as they are: to decode them takes many times longer."""
    how, count = dataset.normalise, len(at)
    setting = (how.divisor, how.mean, how.std, dataset.channels, dataset.size)
    digest.update(f"{setting};{dataset.files.labels[list(at)].tolist()};".encode())
    paths = [dataset.files.paths[place] for place in at]
    sizes = [_size(path) for path in paths]
    whole = _spread(count, count * FILE_BYTES // max(sum(sizes), FILE_BYTES) or 1)
    for place in whole:
        digest.update(_file_digest(paths[place]) if sizes[place] else b"")
    if len(whole) == count:
        return f"all {count} image files and labels"
    for path, size in zip(paths, sizes, strict=True):
        digest.update(f"{path.parent.name}/{path.name};{size};".encode(errors="surrogateescape"))
    return f"{len(whole)} of {count} image files, and the names, sizes and labels of all"


def _size(path: Path) -> int:
    """0 for what cannot be read, and for a pipe, which would be waited for: evaluating refuses."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _file_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def _add_items(digest: _Digest, data: Data, starts: Sequence[int], rows: int = 1) -> str:
    """Items as they are evaluated."""
    count, read = n_images(data), 0
    with torch.random.fork_rng(devices=[]):
        for start in starts:
            images, labels = batch(data, start, min(start + rows, count))
            _add(digest, images)
            _add(digest, labels)
            read += len(labels)
    return f"{'all' if read == count else f'{read} of'} {count} images and labels"


def _add_arrays(digest: _Digest, dataset: Any, at: Sequence[int]) -> str:
    """What the data set keeps of each image, under the names that torchvision has for it."""
    read = ""
    for name in _ARRAYS:
        # Not with getattr, which may run the user's code.
        array = _numbers(getattr(dataset, "__dict__", {}).get(name))
        if array is None or len(array) <= max(at) or len(array) > len(at) == max(at) + 1:
            continue
        digest.update(f"{name};{array.shape};{array.dtype};".encode())
        for start in range(0, len(at), _ROWS):
            rows = array[list(at[start : start + _ROWS])]
            digest.update(rows.tobytes()) if isinstance(rows, np.ndarray) else _add(digest, rows)
        read += f", all its {name}"
    return read


def _numbers(value: object) -> Tensor | NDArray[Any] | None:
    if isinstance(value, list) and all(isinstance(one, int | float | np.number) for one in value):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        good = value.dtype.kind in "biuf"
    else:
        good = isinstance(value, Tensor) and without_values(value) is None
    return value if good and value.ndim else None  # type: ignore[attr-defined,return-value]

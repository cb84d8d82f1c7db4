"""Load the images that a command was asked to evaluate on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from analogsim.errors import InputError
from analogsim.inputs import cifar, digits, folder, npz, user_data
from analogsim.inputs.images import MeanStd, Normalise, TensorImages, make_normalise
from analogsim.inputs.known import DATA
from analogsim.inputs.names import FOLDER, NPZ, check_data
from analogsim.inputs.spec import split_options, whole_number

# What a user's file stores is left as it is.
AS_STORED: Mapping[bool, tuple[float, str]] = {
    True: (255.0, "bytes to 0..1"),
    False: (1.0, "as stored"),
}


@dataclass(frozen=True, kw_only=True)
class Data:
    """Images to evaluate on.

    Attributes:
        name: the text that named them.
        dataset: items are (float32 image (channels, height, width), int label), normalised.
        n_classes: how many classes there are, where known.
        input_shape: (channels, height, width) of one image.
        normalisation: what was done to the pixels, in words.
        note: the split, the number of images and where the copy differs from the original.
        files: the user's code that made them, name and sha256.
    """

    name: str
    dataset: Dataset[Any]
    n_classes: int | None
    input_shape: tuple[int, ...]
    normalisation: str
    note: str
    files: Mapping[str, str] = field(default_factory=dict)


def load_data(
    spec: str,
    *,
    split: Literal["train", "test"] = "test",
    data_dir: Path | str | None = None,
    download: bool = False,
    normalise: MeanStd | None = None,
) -> Data:
    """Load a data set.

    Args:
        spec: `digits`; `cifar10` or `cifar100` (in the layout of torchvision, in data_dir);
            `folder:PATH` or `folder:PATH?size=N&channels=1|3` (one folder a class);
            `npz:FILE`; `FILE.py:FACTORY`, a callable without arguments that returns a torch
            Dataset of (image, label), already normalised.
        split: which part; a user's own data without a split is taken whole.
        data_dir: where CIFAR lies; without it, the folder that ANALOGSIM_DATA names.
        download: fetch CIFAR from its authors where data_dir lacks it.
        normalise: mean and std of each channel (or one for all), applied after the division of
            the pixels by 255 (digits: by 16); None takes the data set's own.

    Raises:
        InputError: the spec is unknown, or the data are missing, damaged or do not fit it.
    """
    if spec == "digits":
        return _digits(split, normalise)
    if spec in cifar.CIFAR:
        place = data_dir or os.environ.get("ANALOGSIM_DATA")
        return _cifar(spec, split, Path(place) if place else None, download, normalise)
    if spec.startswith(FOLDER):
        return _folder(spec, split, normalise)
    if spec.startswith(NPZ):
        return _npz(spec, split, normalise)
    check_data(spec)
    return _factory(spec, normalise)


def place_of(spec: str, data_dir: Path | str | None) -> str:
    """Where the images of a spec are read from, in words; of one's own the spec says it."""
    if spec not in DATA:
        return spec.removeprefix(FOLDER).removeprefix(NPZ)
    return str(DATA[spec].place(None if data_dir is None else Path(data_dir)))


def _in_memory(
    name: str, images: Tensor, labels: Tensor, n_classes: int | None, how: Normalise, note: str
) -> Data:
    return Data(
        name=name,
        dataset=TensorImages(images, labels, how),
        n_classes=n_classes,
        input_shape=tuple(images.shape[1:]),
        normalisation=str(how),
        note=note,
    )


def _digits(split: str, asked: MeanStd | None) -> Data:
    images, labels = digits.read_digits(split)
    how = make_normalise(
        asked,
        digits.MEAN_STD,
        channels=1,
        divisor=digits.DIVISOR,
        source="of the training split",
        where="data 'digits'",
    )
    note = f"{split} split, {len(labels)} images"
    return _in_memory("digits", images, labels, digits.N_CLASSES, how, note)


def _cifar(
    name: str, split: str, data_dir: Path | None, download: bool, asked: MeanStd | None
) -> Data:
    chosen = cifar.CIFAR[name]
    how = make_normalise(
        asked,
        chosen.mean_std,
        channels=3,
        divisor=cifar.DIVISOR,
        source="of the training split",
        where=f"data {name!r}",
    )
    images, labels, copy_note = cifar.read_cifar(name, split, data_dir=data_dir, download=download)
    note = f"{split} split, {len(labels)} images; {copy_note}"
    return _in_memory(name, images, labels, chosen.n_classes, how, note)


def _folder(spec: str, split: str, asked: MeanStd | None) -> Data:
    where = f"data {spec!r}"
    path = spec.removeprefix(FOLDER)
    options: dict[str, str] = {}
    if "?" in path and not Path(path).is_dir():
        path, options = split_options(path, where=where, allowed=("size", "channels"))
    size = (
        whole_number(options["size"], where=f"{where} option size", minimum=1, maximum=4096)
        if "size" in options
        else None
    )
    channels = options.get("channels", "3")
    if channels not in {"1", "3"}:
        raise InputError(
            f"{where} option channels must be 1 (grey) or 3 (colour), got {channels!r}"
            "; change the option"
        )
    colour = channels == "3"
    how = make_normalise(
        asked,
        folder.IMAGENET if colour else None,
        channels=int(channels),
        divisor=folder.DIVISOR,
        source="of ImageNet" if colour else "bytes to 0..1",
        where=where,
    )
    files = folder.list_images(Path(path), split)
    dataset = folder.FolderImages(files, how, channels=int(channels), size=size)
    taken = f" in {files.inside!r}" if files.inside else ""
    whole = f"{len(dataset)} images of {len(files.classes)} classes{taken}, in a fixed mixed order"
    return Data(
        name=spec,
        dataset=dataset,
        n_classes=len(files.classes),
        input_shape=dataset.shape,
        normalisation=str(how),
        note="; ".join((whole, *files.notes, *dataset.notes())),
    )


def _npz(spec: str, split: str, asked: MeanStd | None) -> Data:
    path = Path(spec.removeprefix(NPZ))
    found = npz.read_npz(path, split)
    divisor, source = AS_STORED[found.images.dtype == torch.uint8]
    how = make_normalise(
        asked,
        None,
        channels=found.images.shape[1],
        divisor=divisor,
        source=source,
        where=f"data {spec!r}",
    )
    # Where the file does not say how many classes there are, check_fit compares with the model.
    note = f"{len(found.labels)} images; {found.note}"
    return _in_memory(spec, found.images, found.labels, found.n_classes, how, note)


def _factory(spec: str, asked: MeanStd | None) -> Data:
    where = f"data factory {spec}"
    if asked is not None:
        raise InputError(
            f"{where} normalisation must be done by the factory, got mean {asked[0]} and std "
            f"{asked[1]}; drop the option"
        )
    found = user_data.call_data_factory(spec)
    return Data(
        name=spec,
        dataset=found.dataset,
        n_classes=found.n_classes,
        input_shape=found.shape,
        normalisation="as the factory made it",
        note=f"{found.count} images; the split is the factory's",
        files=found.files,
    )

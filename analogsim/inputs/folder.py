"""Images in folders, one folder a class (the ImageFolder layout)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from analogsim.errors import InputError
from analogsim.inputs.image_file import ENDINGS, look_at, read_image
from analogsim.inputs.images import Normalise
from analogsim.inputs.spec import few
from analogsim.inputs.split_folder import class_names, find_class_folder, images_below

DIVISOR = 255.0
# torchvision's pretrained models use these for colour images.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Decoded images are kept up to this size, so that a second pass does not decode again.
KEEP_BYTES = 1 << 30
# So many files are looked at for what their user should know.
_LOOKED_AT = 8


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """The images of a folder.

    Attributes:
        paths: the files, in a fixed mixed order.
        labels: (n,) the index of each file's class.
        classes: the class names, sorted as text.
        inside: the folder of the classes, as seen from the one that was given; may be empty.
        notes: what else its user should know, in words.
    """

    paths: tuple[Path, ...]
    labels: Tensor
    classes: tuple[str, ...]
    inside: str
    notes: tuple[str, ...]


def list_images(folder: Path, split: str) -> ImageFiles:
    """Find the images of a folder and bring them into a fixed order that mixes the classes.

    `find_class_folder` says which folder's folders are the classes. Beside a training part they
    have its numbers. The order is that of a hash of each path inside the folder, so it does not
    depend on the machine, and the first N images are of all classes.

    Raises:
        InputError: the folder is missing, or it or a class in it is empty; it is not clear what
            its folders are; or a class is none of the training part's.
    """
    if not folder.is_dir():
        raise InputError(f"data folder {folder} must exist, got no such folder; check the path")
    place = find_class_folder(folder, split)
    root = place.root
    try:
        classes = class_names(root)
        known = class_names(place.train) if place.train is not None else []
        found = {name: images_below(root / name) for name in classes}
    except OSError as err:
        raise InputError(f"data folder {root} must be readable, got {err}; check it") from err
    if not classes:
        raise InputError(
            f"data folder {root} must hold one folder a class, got none"
            "; use the layout CLASS/IMAGE.png"
        )
    empty = [name for name in classes if not found[name]]
    if empty:
        raise InputError(
            f"data folder {root} classes must hold images ({' '.join(ENDINGS)}), got none in "
            f"{empty[0]!r}; add images or remove the folder"
        )
    notes = []
    if known and known != classes:
        strange = [name for name in classes if name not in known]
        if strange:
            raise InputError(
                f"data folder {root} classes must be those of {place.train}, whose order numbers "
                f"them, got {few(map(repr, strange))}; rename or remove the folder"
            )
        notes.append(f"classes are numbered as in {str(place.train)!r}, which has {len(known)}")
        classes = known
    if sorted(classes, key=_as_counted) != classes:
        shown = ", ".join(map(repr, classes[:3])) + ", ..." * (len(classes) > 3)
        notes.append(f"classes are in the order of their names as text: {shown}")
    entries = [(path, label) for label, name in enumerate(classes) for path in found.get(name, ())]
    entries.sort(key=lambda entry: _mixing_key(entry[0].relative_to(root)))
    return ImageFiles(
        paths=tuple(path for path, _ in entries),
        labels=torch.tensor([label for _, label in entries]),
        classes=tuple(classes),
        inside=place.inside,
        notes=tuple(notes),
    )


def _as_counted(name: str) -> tuple[bool, int, str]:
    """Sorts numbers before words and by their value."""
    return (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)


def _mixing_key(path: Path) -> bytes:
    return hashlib.sha256(path.as_posix().encode("utf-8", "surrogateescape")).digest()


class FolderImages(Dataset[tuple[Tensor, int]]):
    """Images read when they are needed, and then kept as bytes up to KEEP_BYTES."""

    def __init__(
        self, files: ImageFiles, normalise: Normalise, *, channels: int, size: int | None
    ) -> None:
        self.files = files
        self.normalise = normalise
        self.channels = channels
        self.size = size
        self.shape = tuple(read_image(files.paths[0], channels=channels, size=size).shape)
        self._kept: dict[int, Tensor] = {}
        self._room = KEEP_BYTES // max(1, int(np.prod(self.shape)))

    def __len__(self) -> int:
        return len(self.files.paths)

    def notes(self) -> tuple[str, ...]:
        """What is done to the first images; raises InputError as `look_at`."""
        return look_at(self.files.paths[:_LOOKED_AT])

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One normalised image (channels, height, width) and its label.

        Raises:
            InputError: the file is damaged, or its size differs from the first image's.
        """
        pixels = self._kept.get(index)
        if pixels is None:
            path = self.files.paths[index]
            pixels = read_image(path, channels=self.channels, size=self.size)
            if tuple(pixels.shape) != self.shape:
                raise InputError(
                    f"data image {path} shape must be {self.shape}, the first image's, got "
                    f"{tuple(pixels.shape)}; bring all to one size with folder:PATH?size=N"
                )
            if len(self._kept) < self._room:
                self._kept[index] = pixels
        return self.normalise(pixels), int(self.files.labels[index])

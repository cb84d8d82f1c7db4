"""Images in folders, one folder a class (the ImageFolder layout)."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from analogsim.errors import InputError
from analogsim.inputs.images import Normalise

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
DIVISOR = 255.0
# torchvision's pretrained models use these for colour images.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Decoded images are kept up to this size, so that a second pass does not decode again.
KEEP_BYTES = 1 << 30


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """The images of a folder.

    Attributes:
        paths: the files, in a fixed mixed order.
        labels: (n,) the index of each file's class.
        classes: the class names, sorted.
    """

    paths: tuple[Path, ...]
    labels: Tensor
    classes: tuple[str, ...]


def list_images(folder: Path, split: str) -> ImageFiles:
    """Find the images of a folder and bring them into a fixed order that mixes the classes.

    Where the folder holds `train` and `test` (or `val`), the split's folder is taken.
    Otherwise its folders are the classes. The order is that of a hash of each path inside the
    folder, so it does not depend on the machine, and the first N images are of all classes.

    Raises:
        InputError: the folder is missing, or it or a class in it is empty.
    """
    if not folder.is_dir():
        raise InputError(f"data folder {folder} must exist, got no such folder; check the path")
    root = _split_root(folder, split)
    try:
        classes = sorted(f.name for f in root.iterdir() if f.is_dir() and f.name[0] != ".")
        found = {name: _images_below(root / name) for name in classes}
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
    entries = [(path, label) for label, name in enumerate(classes) for path in found[name]]
    entries.sort(key=lambda entry: _mixing_key(entry[0].relative_to(root)))
    return ImageFiles(
        paths=tuple(path for path, _ in entries),
        labels=torch.tensor([label for _, label in entries]),
        classes=tuple(classes),
    )


def _split_root(folder: Path, split: str) -> Path:
    test = next((folder / n for n in ("test", "val") if (folder / n).is_dir()), None)
    train = folder / "train"
    if test is None or not train.is_dir():
        return folder
    return train if split == "train" else test


def _images_below(folder: Path) -> list[Path]:
    return [
        Path(parent) / name
        for parent, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(ENDINGS) and name[0] != "."
    ]


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


def read_image(path: Path, *, channels: int, size: int | None) -> Tensor:
    """Read an image file as (channels, height, width) uint8.

    Args:
        path: the file.
        channels: 3 for colour, 1 for grey.
        size: scale the shorter side to this many pixels (bilinear), then cut out the middle
            square; None keeps the image as it is.

    Raises:
        InputError: the file is no image that Pillow can read.
    """
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB" if channels == 3 else "L")
    # Pillow raises many kinds for a damaged file, and one for an image that is a bomb.
    except Exception as err:
        raise InputError(
            f"data image {path} must be a readable image, got {type(err).__name__}: {err}"
            "; replace or remove it"
        ) from err
    if size is not None:
        width, height = image.size
        factor = size / min(width, height)
        scaled = (max(size, round(width * factor)), max(size, round(height * factor)))
        image = image.resize(scaled, Image.Resampling.BILINEAR)
        left, top = (scaled[0] - size) // 2, (scaled[1] - size) // 2
        image = image.crop((left, top, left + size, top + size))
    pixels = np.array(image, dtype=np.uint8)
    return torch.from_numpy(pixels.reshape(*pixels.shape[:2], channels)).permute(2, 0, 1)

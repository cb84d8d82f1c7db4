"""An image file as bytes, with the grey values that it shows, whatever depth it is stored in."""

import io
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from analogsim import bounded
from analogsim.errors import InputError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP", "GIF")
"""What a file with one of these endings may be. Pillow goes by the content, and knows formats for
which it starts other programs (PostScript)."""
PIXELS = 1 << 26
"""So many pixels an image may have, 8192 x 8192: a header of 8 bytes takes their memory."""
# Four channels of floating-point numbers for each pixel.
_MOST = 16 * PIXELS
_MEND = "save it with 8 bits a pixel, as the network's training saw it"
# Depths below 16 bits are stored in 16 without being stretched: a 12-bit image ends here.
_TWELVE_BITS = 4095
_SIXTEEN_BITS = 65535
# 65535 = 257 * 255, so a grey value g of a byte is 257 g.
_PER_BYTE = 257
# Pillow holds 16 bits of these formats in 32, and no more.
_SIXTEEN_IN_32 = ("PNG", "PPM")
_PHOTOMETRIC, _ORIENTATION = 262, 274


def read_image(path: Path, *, channels: int, size: int | None) -> Tensor:
    """Read an image file as (channels, height, width) uint8.

    Grey values of 16 bits and floats from 0 to 1 are scaled to bytes. A transparency is dropped
    and the orientation of a camera ignored, as torchvision's folders do.

    Args:
        path: the file.
        channels: 3 for colour, 1 for grey.
        size: scale the shorter side to this many pixels (bilinear), then cut out the middle
            square; None keeps the image as it is.

    Raises:
        InputError: the file is no image of `FORMATS`, is damaged, has more than `PIXELS` pixels,
            holds several images, or has grey values whose white is not known.
    """
    mode = "RGB" if channels == 3 else "L"
    with _opened(path) as opened:
        image = _in_bytes(opened, path)
        # Another copy of the pixels where there is nothing to convert.
        image = image.convert(mode) if image.mode != mode or image is opened else image
    if size is not None:
        width, height = image.size
        factor = size / min(width, height)
        scaled = (max(size, round(width * factor)), max(size, round(height * factor)))
        if scaled[0] * scaled[1] > PIXELS:
            raise InputError(
                f"data image {path} must have at most {PIXELS} pixels when its shorter side is "
                f"scaled to {size}, got {width} x {height}; cut it to its middle"
            )
        image = image.resize(scaled, Image.Resampling.BILINEAR)
        left, top = (scaled[0] - size) // 2, (scaled[1] - size) // 2
        image = image.crop((left, top, left + size, top + size))
    pixels = np.array(image, dtype=np.uint8)
    return torch.from_numpy(pixels.reshape(*pixels.shape[:2], channels)).permute(2, 0, 1)


def look_at(paths: Sequence[Path]) -> tuple[str, ...]:
    """What `read_image` does to some images that their user should know, in words.

    Raises:
        InputError: as `read_image`, or none of the images with 16 bits uses more than 12.
    """
    notes: dict[str, None] = {}
    deep: dict[Path, int] = {}
    for path in paths:
        with _opened(path) as image:
            if image.has_transparency_data and _is_transparent(image):
                notes["transparency is dropped, as by torchvision"] = None
            if image.getexif().get(_ORIENTATION, 1) != 1:
                notes["the camera's orientation is ignored, as by torchvision"] = None
            if _is_deep(image) and image.mode != "F":
                notes[f"16-bit grey values are divided by {_PER_BYTE}"] = None
                deep[path] = int(np.asarray(image).max())
    brightest = max(deep, key=lambda path: deep[path], default=None)
    if brightest is not None and 255 < deep[brightest] <= _TWELVE_BITS:
        raise InputError(
            f"data image {brightest} must use the 16 bits of its grey values, got "
            f"{deep[brightest]} as the largest, which 12 bits hold; {_MEND}"
        )
    return tuple(notes)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image, read; whatever fails meanwhile is said in words."""
    try:
        # A pipe would be waited for, and a device read without an end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(
                f"data image {path} must be a file, got a pipe, device or folder; remove it"
            )
        # Of bytes: from a file Pillow makes room for what a chunk announces. It warns of odd
        # metadata, which no pixel depends on, and of sizes, which are bounded here.
        content = io.BytesIO(bounded.read_bytes(path, _MOST))
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(content, formats=FORMATS) as image,
        ):
            width, height = image.size
            if not 0 < width * height <= PIXELS:
                raise InputError(
                    f"data image {path} must have 1 to {PIXELS} pixels, got {width} x {height}; "
                    "make it smaller"
                )
            yield image
    except UnidentifiedImageError as err:
        raise InputError(
            f"data image {path} must be one of {', '.join(FORMATS)} by its content, got something "
            "else or a damaged one; replace or remove it"
        ) from err
    except InputError:
        raise
    # Pillow raises many kinds for a damaged file, and one for an image that is a bomb.
    except Exception as err:
        raise InputError(
            f"data image {path} must be a readable image, got {type(err).__name__}: {err}"
            "; replace or remove it"
        ) from err


def _in_bytes(image: Image.Image, path: Path) -> Image.Image:
    """The image in a mode of 8 bits; Pillow itself would cut deeper ones off at 255."""
    frames = getattr(image, "n_frames", 1)
    # The pictures of a camera's MPO file are one scene; its first is the JPEG that others read.
    if frames > 1 and image.format != "MPO":
        raise InputError(
            f"data image {path} must hold one image, got {frames}; save the one that is meant"
        )
    if _is_deep(image):
        # In TIFF, 0 may be white.
        if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0:
            raise InputError(f"data image {path} black must be 0, got white at 0; {_MEND}")
        return Image.fromarray(_bytes_of(np.asarray(image), image, path))
    # Its pixels stay what they are; Pillow would warn of it.
    image.info.pop("transparency", None)
    # Pillow knows the way from these to colours only.
    return image.convert("RGB") if image.mode in {"LAB", "HSV", "CMYK"} else image


def _is_deep(image: Image.Image) -> bool:
    return image.mode in {"I", "F"} or image.mode.startswith("I;")


def _bytes_of(values: NDArray[np.generic], image: Image.Image, path: Path) -> NDArray[np.uint8]:
    low, high = values.min(), values.max()
    if image.mode == "F":
        # NaN is not within, either.
        if not (low >= 0 and high <= 1):
            raise InputError(
                f"data image {path} floating-point values must be from 0 to 1, got {low:g} to "
                f"{high:g}; {_MEND}"
            )
        # In place: a copy of a large image is half a gigabyte.
        scaled = values.astype(np.float64)
        scaled *= 255
        return np.rint(scaled, out=scaled).astype(np.uint8)
    sixteen = image.mode != "I" or image.format in _SIXTEEN_IN_32
    if not sixteen or low < 0 or high > _SIXTEEN_BITS:
        raise InputError(
            f"data image {path} grey values must have 8 or 16 bits without a sign, got {low} to "
            f"{high} in 32 bits; {_MEND}"
        )
    wide = values.astype(np.int32)
    wide += _PER_BYTE // 2
    wide //= _PER_BYTE
    return wide.astype(np.uint8)


def _is_transparent(image: Image.Image) -> bool:
    alpha = np.asarray(image.convert("RGBA"))[..., 3]
    return bool((alpha < 255).any())

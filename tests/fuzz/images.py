"""Data: arrays in .npz, CIFAR's pickles, and images in folders."""

import dataclasses
import io
import pickle
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from unittest.mock import patch

import numpy as np
from PIL import Image

from analogsim.inputs import batches, cifar, load_data
from analogsim.inputs.image_file import FORMATS
from tests.fuzz.guard import Target
from tests.fuzz.mutate import NUMBERS, mutated
from tests.fuzz.pickles import mutated_pickle, mutated_zip, programs

COUNT = 4


@lru_cache(maxsize=1)
def arrays() -> tuple[bytes, ...]:
    found = []
    for x in (
        np.zeros((6, 8, 8), "u1"),
        np.zeros((6, 1, 8, 8), "f4"),
        np.zeros((6, 8, 8, 3), "u1"),
    ):
        for y in (np.arange(6) % 3, np.eye(3)[np.arange(6) % 3]):
            file = io.BytesIO()
            np.savez(file, x=x + 1, y=y)
            found.append(file.getvalue())
    file = io.BytesIO()
    np.savez_compressed(file, x_test=x, y_test=np.arange(6), train_images=x, train_labels=y)
    return (*found, file.getvalue())


_DESCR = (
    "|u1", "<f4", ">f8", "<i8", "|O", "|V0", "<U1", "|b1", "<f2", "<c8", "|S0", "<M8[s]", "<f16",
)  # fmt: skip


def mutated_npy(content: bytes, draw: Random) -> bytes:
    """Another header before the same bytes, or bytes changed."""
    if draw.random() < 0.4:
        tokens = (b"'descr': '|O'", b"True", b"(", b")", b"[('a','<f4')]", b"\x93NUMPY", b"0" * 99)
        return mutated(content, draw, tokens)
    shape = tuple(
        draw.choice((0, 1, 3, 6, 8, *NUMBERS)) for _ in range(draw.choice((0, 1, 2, 3, 4, 9)))
    )
    head = {"descr": draw.choice(_DESCR), "fortran_order": draw.random() < 0.5, "shape": shape}
    text = (
        repr(head) if draw.random() < 0.8 else mutated(repr(head).encode(), draw).decode("latin1")
    )
    body = text.encode("latin1")
    version = draw.choice((1, 1, 2, 3))
    size = len(body).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + body + content[128:]


def _npz(folder: Path, draw: Random | None) -> None:
    content = arrays()[0] if draw is None else draw.choice(arrays())
    if draw is not None:

        def edit(parts: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
            at = draw.randrange(len(parts))
            parts[at] = (parts[at][0], mutated_npy(parts[at][1], draw))
            return parts

        content = mutated_zip(content, draw, edit)
    (folder / "d.npz").write_bytes(content)


def _all_images(spec: str, **options: Path) -> None:
    data = load_data(spec, **options)
    for _ in batches(data, 4):
        pass


@lru_cache(maxsize=1)
def batch_files() -> tuple[bytes, ...]:
    batch = {
        b"data": np.arange(COUNT * 3072, dtype="i8").astype("u1").reshape(COUNT, 3072),
        b"labels": list(range(COUNT)),
        b"batch_label": b"testing batch 1 of 1",
    }
    return tuple(pickle.dumps(batch, protocol) for protocol in range(6))


def _cifar(folder: Path, draw: Random | None) -> None:
    content = batch_files()[2] if draw is None else draw.choice(batch_files())
    if draw is not None:
        content = programs(draw) if draw.random() < 0.1 else mutated_pickle(content, draw)
    (folder / "cifar-10-batches-py").mkdir()
    (folder / "cifar-10-batches-py" / "test_batch").write_bytes(content)


def _read_cifar(folder: Path) -> None:
    whole = cifar.CIFAR["cifar10"]
    files = {"test": tuple(dataclasses.replace(f, count=COUNT) for f in whole.files["test"])}
    small = dataclasses.replace(whole, files=files)
    with patch.dict(cifar.CIFAR, {"cifar10": small}):  # type: ignore[arg-type]
        _all_images("cifar10", data_dir=folder)


@cache
def pictures(kind: str) -> tuple[bytes, ...]:
    """An image of each mode that the format has."""
    found = []
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8)
    for mode in ("RGB", "L", "1", "P", "RGBA", "CMYK", "I;16", "F"):
        image = Image.fromarray(pixels[..., :3]).convert("L" if mode in {"I;16", "F"} else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype("u2") * 257)
        elif mode == "F":
            image = Image.fromarray(np.asarray(image).astype("f4") / 255)
        file = io.BytesIO()
        try:
            image.save(file, kind)
        except (OSError, KeyError, ValueError):
            continue
        found.append(file.getvalue())
    return tuple(found)


_CHUNKS = (
    b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"tEXt", b"eXIf", b"acTL", b"fcTL",
    b"\xff\xd8", b"\xff\xc0", b"\xff\xda", b"\xff\xe1", b"\xff\xd9", b"Exif\x00\x00", b"II*\x00",
    b"GIF89a", b"\x21\xf9", b"\x2c", b"P6", b"P5", b"Pf", b"BM", b"RIFF", b"VP8X", b"ANIM",
    b"%!PS", b"\x89PNG\r\n\x1a\n", b"999999999 ", b"#", b"MPF\x00", b"8BPS", b"II+\x00", b"qoif",
)  # fmt: skip


def _image_in(kind: str) -> Target:
    def make(folder: Path, draw: Random | None) -> None:
        for label, name in enumerate("ab"):
            (folder / name).mkdir()
            Image.new("RGB", (16, 16), (label, 0, 0)).save(folder / name / "1.png")
        content = pictures(kind)[0] if draw is None else draw.choice(pictures(kind))
        if draw is not None:
            content = mutated(content, draw, _CHUNKS)
        (folder / "a" / "2.png").write_bytes(content)

    def read(folder: Path) -> None:
        for channels in (1, 3):
            _all_images(f"folder:{folder}?channels={channels}&size=8")

    return Target(make=make, read=read)


TARGETS = {
    "data: npz": Target(make=_npz, read=lambda folder: _all_images(f"npz:{folder}/d.npz")),
    "data: cifar": Target(make=_cifar, read=_read_cifar),
    **{f"data: image {kind}": _image_in(kind) for kind in FORMATS},
}

"""Files named as images that start programs, wait for ever or ask for gigabytes."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from analogsim.errors import InputError
from analogsim.inputs import image_file, load_data
from analogsim.inputs.image_file import FORMATS, PIXELS, look_at, read_image

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


def small(kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(content, kind, **options)
    return content.getvalue()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
def test_postscript_starts_no_ghostscript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    started = tmp_path / "started"
    (programs / "gs").write_text(f"#!/bin/sh\ntouch {started}\n")
    (programs / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    (tmp_path / name).write_bytes(EPS)
    with pytest.raises(InputError, match=rf"{name} must be one of PNG, .* got something else or"):
        read_image(tmp_path / name, channels=3, size=None)
    assert not started.exists()
    with pytest.raises(Exception, match=r"."), Image.open(tmp_path / name) as opened:
        opened.load()
    assert started.exists(), "negative control: Pillow itself does start it"


Image.init()
FOREIGN = sorted({"BLP", "DDS", "EPS", "ICO", "JPEG2000", "PCX", "SGI", "TGA"} & {*Image.SAVE})


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_formats_are_refused_whatever_their_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.png"
    image = Image.fromarray(np.zeros((16, 16, 3), np.uint8))
    (image.quantize() if kind == "BLP" else image).save(path, kind)
    with pytest.raises(InputError, match=r"a\.png must be one of PNG, JPEG, .* by its content"):
        read_image(path, channels=3, size=None)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_formats_are_read_whatever_their_name(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.png").write_bytes(small(kind))
    assert read_image(tmp_path / "a.png", channels=3, size=None).shape == (3, 8, 8)


def png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(64))), (b"IEND", b"")):
        content += struct.pack(">I", len(body)) + kind + body
        content += struct.pack(">I", zlib.crc32(kind + body))
    return content


def bmp(width: int, height: int) -> bytes:
    content = bytearray(small("BMP"))
    content[18:26] = struct.pack("<ii", width, height)
    return bytes(content)


def gif(width: int, height: int) -> bytes:
    content = bytearray(small("GIF"))
    content[6:10] = struct.pack("<HH", width, height)
    return bytes(content)


def ppm(width: int, height: int) -> bytes:
    return f"P6 {width} {height} 255\n".encode() + bytes(64)


def jpeg(width: int, height: int) -> bytes:
    content = bytearray(small("JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def tiff(width: int, height: int) -> bytes:
    content = bytearray(small("TIFF"))
    start = struct.unpack_from("<I", content, 4)[0]
    for number in range(struct.unpack_from("<H", content, start)[0]):
        at = start + 2 + 12 * number
        tag = struct.unpack_from("<H", content, at)[0]
        if tag in {256, 257}:
            struct.pack_into("<HII", content, at + 2, 4, 1, width if tag == 256 else height)
    return bytes(content)


HEADERS: dict[str, Callable[[int, int], bytes]] = {
    "png": png,
    "bmp": bmp,
    "gif": gif,
    "ppm": ppm,
    "jpg": jpeg,
    "tif": tiff,
}


@pytest.mark.parametrize("make", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("sides", [(8193, 8192), (60_000, 60_000), (1, 2**31 - 1)], ids=str)
def test_a_header_takes_no_memory(
    tmp_path: Path, make: Callable[[int, int], bytes], sides: tuple[int, int]
) -> None:
    if max(sides) > 65535 and make in {gif, jpeg}:
        pytest.skip("its header has no room for such sides")
    path = tmp_path / "a.png"
    path.write_bytes(make(*sides))
    with pytest.raises(InputError, match=r"^data image .*a\.png must .*; (make it|replace or)"):
        read_image(path, channels=3, size=None)
    with pytest.raises(InputError, match=r"^data image .*a\.png must "):
        look_at([path])


@pytest.mark.parametrize("kind", FORMATS)
def test_as_many_pixels_as_are_allowed_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(small(kind))
    monkeypatch.setattr(image_file, "PIXELS", 64)
    assert read_image(path, channels=3, size=None).shape == (3, 8, 8)
    monkeypatch.setattr(image_file, "PIXELS", 63)
    with pytest.raises(InputError, match=r"a\.png must have 1 to 63 pixels, got 8 x 8; make it"):
        read_image(path, channels=3, size=None)


@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1)])
def test_a_thin_image_is_not_scaled_to_a_huge_one(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("L", size).save(tmp_path / "a.png")
    message = rf"a\.png must have at most {PIXELS} pixels when its shorter side is scaled to 224, g"
    with pytest.raises(InputError, match=message):
        read_image(tmp_path / "a.png", channels=3, size=224)


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [a_pipe, a_device])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8)).save(tmp_path / name / "a.png")
    make(tmp_path / "cat" / "b.png")
    with pytest.raises(InputError, match=r"b\.png must be a file, got a pipe, device or folder; "):
        load_data(f"folder:{tmp_path}")

"""Grey values and colours of image files of every depth and kind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from analogsim.errors import InputError
from analogsim.inputs.image_file import look_at, read_image

GREY = np.array([[0, 64, 128, 255], [1, 2, 254, 77]], dtype=np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)


def big_endian_pgm(path: Path, white: int) -> None:
    values = np.rint(GREY / 255 * white).astype(">u2")
    path.write_bytes(f"P5 4 2 {white}\n".encode() + values.tobytes())


def saved(values: np.ndarray, **options: object) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(values).save(path, **options)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("8.png", saved(GREY)),
        ("8.tif", saved(GREY)),
        ("16.png", saved(GREY.astype(np.uint16) * 257)),
        ("16.tif", saved(GREY.astype(np.uint16) * 257)),
        ("16.pgm", lambda path: big_endian_pgm(path, 65535)),
        ("12.pgm", lambda path: big_endian_pgm(path, 4095)),
        ("float.tif", saved(GREY.astype(np.float32) / 255)),
        ("alpha.png", saved(np.stack([GREY, GREY], axis=-1))),
        ("palette.png", lambda path: Image.fromarray(GREY).convert("P").save(path)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_values_are_those_of_the_8_bit_copy(
    tmp_path: Path, name: str, write: Callable[[Path], None], channels: int
) -> None:
    write(tmp_path / name)
    got = read_image(tmp_path / name, channels=channels, size=None)
    assert got.dtype == torch.uint8
    np.testing.assert_array_equal(got, np.broadcast_to(GREY, (channels, 2, 4)))


def test_values_of_16_bits_are_rounded(tmp_path: Path) -> None:
    values = np.array([[128, 129, 256 * 100 + 100, 65535 - 129]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    got = read_image(tmp_path / "a.png", channels=1, size=None).flatten()
    assert got.tolist() == np.rint(values / 257).flatten().tolist() == [0, 1, 100, 254]


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(GREY > 100).save(tmp_path / "a.png")
    got = read_image(tmp_path / "a.png", channels=1, size=None)
    np.testing.assert_array_equal(got[0], (GREY > 100) * 255)


@pytest.mark.parametrize(
    ("mode", "ending", "within"),
    [
        ("RGB", "png", 0),
        ("RGBA", "png", 0),
        ("RGB", "tif", 0),
        ("CMYK", "tif", 1),
        ("YCbCr", "tif", 3),
    ],
)
def test_colours_keep_their_values_in_every_mode(
    tmp_path: Path, mode: str, ending: str, within: int
) -> None:
    Image.fromarray(COLOUR).convert(mode).save(tmp_path / f"a.{ending}")
    got = read_image(tmp_path / f"a.{ending}", channels=3, size=None).permute(1, 2, 0)
    np.testing.assert_allclose(got.int(), COLOUR.astype(int), atol=within)
    grey = read_image(tmp_path / f"a.{ending}", channels=1, size=None)[0]
    expected = np.asarray(Image.fromarray(COLOUR).convert("L")).astype(int)
    np.testing.assert_allclose(grey.int(), expected, atol=max(1, within))


@pytest.mark.parametrize("channels", [1, 3])
def test_lab_keeps_its_grey_values(tmp_path: Path, channels: int) -> None:
    profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    image = Image.fromarray(GREY).convert("RGB")
    lab = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
    assert lab is not None
    lab.save(tmp_path / "a.tif")
    got = read_image(tmp_path / "a.tif", channels=channels, size=None)
    np.testing.assert_allclose(got.int(), np.broadcast_to(GREY, got.shape).astype(int), atol=2)


@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette"])
def test_transparency_is_dropped_as_torchvision_does_and_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.png"
    alpha = np.zeros_like(GREY)
    if kind == "RGBA":
        Image.fromarray(np.dstack([GREY, GREY, GREY, alpha])).save(path)
    elif kind == "LA":
        Image.fromarray(np.dstack([GREY, alpha])).save(path)
    else:
        Image.fromarray(GREY).convert("P").save(path, transparency=bytes(255))
    got = read_image(path, channels=3, size=None)
    np.testing.assert_array_equal(got, np.broadcast_to(GREY, (3, 2, 4)))
    assert look_at([path]) == ("transparency is dropped, as by torchvision",)


def test_an_opaque_alpha_is_not_worth_a_word(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([COLOUR, np.full_like(GREY, 255)])).save(tmp_path / "a.png")
    assert look_at([tmp_path / "a.png"]) == ()


def test_a_cameras_orientation_is_ignored_as_torchvision_does_and_said(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # turn by a quarter to show it
    Image.fromarray(COLOUR).save(tmp_path / "a.png", exif=exif)
    got = read_image(tmp_path / "a.png", channels=3, size=None)
    np.testing.assert_array_equal(got.permute(1, 2, 0), COLOUR)
    assert look_at([tmp_path / "a.png"]) == (
        "the camera's orientation is ignored, as by torchvision",
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (GREY.astype(np.float32), r"values must be from 0 to 1, got 0 to 255; save it with 8 bits"),
        (GREY / np.float32(100) - 1, r"values must be from 0 to 1, got -1 to 1\.55; save it"),
        (np.full((2, 2), np.nan, np.float32), r"values must be from 0 to 1, got nan to nan; save"),
        (GREY.astype(np.int32) * 257, r"8 or 16 bits without a sign, got 0 to 65535 in 32 bits"),
        (-GREY.astype(np.int32), r"8 or 16 bits without a sign, got -255 to 0 in 32 bits; save"),
    ],
    ids=["0 to 255", "-1 to 1", "nan", "32 bits", "negative"],
)
def test_values_whose_white_is_not_known_are_refused(
    tmp_path: Path, values: np.ndarray, message: str
) -> None:
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=rf"data image .*a\.tif .*{message}"):
        read_image(tmp_path / "a.tif", channels=1, size=None)


def test_white_at_0_is_refused(tmp_path: Path) -> None:
    Image.fromarray(GREY.astype(np.uint16)).save(tmp_path / "a.tif", tiffinfo={262: 0})
    with pytest.raises(InputError, match=r"a\.tif black must be 0, got white at 0; save it with"):
        read_image(tmp_path / "a.tif", channels=1, size=None)


@pytest.mark.parametrize(("high", "good"), [(4095, False), (4096, True), (200, True)])
def test_16_bits_that_use_only_12_are_refused(tmp_path: Path, high: int, good: bool) -> None:
    for name, white in (("a", high), ("b", high // 2)):
        Image.fromarray(np.full((2, 2), white, np.uint16)).save(tmp_path / f"{name}.png")
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    if good:
        assert look_at(paths) == ("16-bit grey values are divided by 257",)
        return
    message = r"a\.png must use the 16 bits of its grey values, got 4095 as the largest, which 12"
    with pytest.raises(InputError, match=message):
        look_at(paths)


@pytest.mark.parametrize("name", ["stack.tif", "moving.png", "moving.webp"])
def test_several_images_in_a_file_are_refused(tmp_path: Path, name: str) -> None:
    first, second = (Image.fromarray(COLOUR // n) for n in (1, 2))
    first.save(tmp_path / name, save_all=True, append_images=[second])
    with pytest.raises(InputError, match=rf"{name} must hold one image, got 2; save the one that"):
        read_image(tmp_path / name, channels=3, size=None)


def test_of_a_cameras_pictures_the_first_is_taken(tmp_path: Path) -> None:
    first, second = (Image.fromarray(np.full((8, 8, 3), v, np.uint8)) for v in (200, 10))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])
    got = read_image(tmp_path / "a.jpg", channels=1, size=None)
    np.testing.assert_allclose(got.int(), 200, atol=2)

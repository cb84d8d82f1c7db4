"""Images in an .npz file."""

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from analogsim.errors import InputError
from analogsim.inputs import batches, load_data

BYTES = np.arange(4 * 2 * 3 * 3, dtype=np.uint8).reshape(4, 2, 3, 3)
LABELS = np.array([1, 0, 2, 1])


def test_bytes_are_read_channels_last(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=BYTES, y=LABELS)
    data = load_data(f"npz:{tmp_path / 'd.npz'}")
    images, labels = next(batches(data, 10))
    expected = torch.from_numpy(BYTES.transpose(0, 3, 1, 2).astype(np.float32)) / 255
    assert torch.equal(images, expected)
    assert labels.tolist() == LABELS.tolist()
    assert (data.input_shape, data.n_classes) == ((3, 2, 3), None)
    assert data.normalisation == "x/255 (bytes to 0..1)"
    assert data.note == "4 images; x and y, in the order of the file"


def test_grey_bytes_get_a_channel(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=BYTES[..., 0], y=LABELS[:, np.newaxis])
    data = load_data(f"npz:{tmp_path / 'd.npz'}")
    assert data.input_shape == (1, 2, 3)
    assert torch.equal(next(batches(data, 1))[0][0, 0] * 255, torch.tensor(BYTES[0, ..., 0]))


def test_floats_are_read_channels_second_and_left_alone(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(4, 5, 2, 2))
    np.savez(tmp_path / "d.npz", x_test=values, y_test=LABELS, x_train=values[:1], y_train=[0])
    data = load_data(f"npz:{tmp_path / 'd.npz'}")
    assert torch.equal(next(batches(data, 4))[0], torch.from_numpy(values.astype(np.float32)))
    assert data.normalisation == "x (as stored)"
    train = load_data(f"npz:{tmp_path / 'd.npz'}", split="train")
    assert train.note == "1 images; x_train and y_train, in the order of the file"


def test_a_normalisation_can_be_asked_for(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=BYTES, y=LABELS)
    data = load_data(f"npz:{tmp_path / 'd.npz'}", normalise=((0.5,), (0.25,)))
    assert data.normalisation == "(x/255 - (0.5, 0.5, 0.5)) / (0.25, 0.25, 0.25) (as asked)"
    first = next(batches(data, 1))[0][0, 0, 0, 0]
    assert float(first) == pytest.approx(-2.0)


def test_labels_sorted_by_class_are_pointed_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=BYTES, y=np.sort(LABELS))
    assert load_data(f"npz:{tmp_path / 'd.npz'}").note.endswith("a limit does not mix the classes")


def refused(tmp_path: Path, message: str, **arrays: object) -> None:
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        load_data(f"npz:{tmp_path / 'd.npz'}")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((4, 3, 8, 3), np.uint8), r"channels second or last, got \(4, 3, 8, 3\), where"),
        (np.zeros((4, 1, 8, 1), np.uint8), r"channels second or last, got \(4, 1, 8, 1\), where"),
        (np.zeros((4, 8, 8, 4), np.uint8), r"byte images must have .*, got \(4, 8, 8, 4\); save"),
        (np.zeros((4, 8), np.uint8), r"byte images must have the shape .*, got \(4, 8\); save"),
        (np.zeros((4, 8)), r"floating-point images must have the shape .*, got \(4, 8\); save"),
        (np.zeros((4, 1, 2, 2), np.int64), r"x type must be uint8 or floating point, got int64"),
        (np.zeros((4, 8, 8), np.uint16), r"x type must be uint8 or floating point, got uint16"),
        (np.zeros((0, 2, 2, 3), np.uint8), r"d\.npz x must hold images, got an empty array"),
        (np.uint8(3), r"d\.npz x must hold images, got an empty array"),
    ],
    ids=[
        *("either order", "either order grey", "four channels", "flat bytes", "flat floats"),
        *("integers", "16 bits", "none", "scalar"),
    ],
)
def test_wrong_images_are_refused(tmp_path: Path, x: object, message: str) -> None:
    refused(tmp_path, message, x=x, y=LABELS)


def test_images_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    values = np.zeros((4, 1, 2, 2))
    values[2, 0, 1, 1] = np.nan
    refused(
        tmp_path, r"x values must be finite, got NaN or infinity in image 2", x=values, y=LABELS
    )


@pytest.mark.parametrize(
    ("shape", "dtype", "channels", "said"),
    [
        ((4, 6, 5), np.uint8, 1, "x and"),
        ((4, 6, 5, 1), np.uint8, 1, "x and"),
        ((4, 6, 5, 3), np.uint8, 3, "x and"),
        ((4, 3, 6, 5), np.uint8, 3, "x (channels second) and"),
        ((4, 1, 6, 5), np.uint8, 1, "x (channels second) and"),
        ((4, 6, 5), np.float64, 1, "x and"),
        ((4, 7, 6, 5), np.float32, 7, "x and"),
        ((4, 3, 6, 5), np.float16, 3, "x and"),
        ((4, 6, 6, 3), np.float32, 3, "x (channels last) and"),
        ((4, 22, 30, 1), np.float32, 22, "x and"),
    ],
    ids=str,
)
def test_the_order_of_axes_is_that_which_the_shape_allows(
    tmp_path: Path, shape: tuple[int, ...], dtype: type, channels: int, said: str
) -> None:
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    np.savez(tmp_path / "d.npz", x=x, y=LABELS)
    data = load_data(f"npz:{tmp_path / 'd.npz'}")
    assert data.input_shape[0] == channels
    assert f"; {said} y" in data.note
    last = shape[-1] == channels
    expected = x.transpose(0, 3, 1, 2) if last else x.reshape(4, channels, *shape[-2:])
    images = next(batches(data, 4))[0] * (255 if dtype is np.uint8 else 1)
    np.testing.assert_allclose(images, expected.astype(np.float32), rtol=1e-6)


@pytest.mark.parametrize(
    "y",
    [LABELS[:, None], LABELS.astype(float), LABELS.astype(">i4"), np.eye(3)[LABELS], LABELS > 0],
    ids=["column", "floats", "big-endian", "one-hot", "yes or no"],
)
def test_labels_come_in_every_usual_form(tmp_path: Path, y: np.ndarray) -> None:
    np.savez(tmp_path / "d.npz", x=BYTES, y=y)
    data = load_data(f"npz:{tmp_path / 'd.npz'}")
    expected = LABELS > 0 if y.dtype == bool else LABELS
    assert next(batches(data, 4))[1].tolist() == expected.astype(int).tolist()
    assert data.n_classes == (3 if y.shape == (4, 3) else None)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (LABELS[:3], r"y must be one class number an image, with the shape \(4,\), .* got \(3,\)"),
        (np.ones((4, 2)), r"y of the shape \(4, 2\) must be one-hot rows, .* got \[1, 1\] \(image"),
        (LABELS / 2, r"d\.npz y must be whole numbers, got 0\.5 \(image 0\); number the classes"),
        (LABELS - 1, r"d\.npz y must be 0 or more, got -1; number the classes from 0"),
        (np.array(["cat"] * 4), r"d\.npz y must be whole numbers, got array\(\['cat', .*; number"),
    ],
    ids=["count", "several ones", "fractions", "negative", "text"],
)
def test_wrong_labels_are_refused(tmp_path: Path, y: object, message: str) -> None:
    refused(tmp_path, message, x=BYTES, y=y)


@pytest.mark.parametrize(
    ("names", "split", "taken"),
    [
        (("x_test", "y_test", "x_train", "y_train"), "test", "x_test and y_test"),
        (("X_test", "Y_test", "X_train", "Y_train"), "train", "X_train and Y_train"),
        (("train_images", "train_labels", "val_images", "val_labels"), "test", "val_images and"),
        (("test_images", "test_labels", "val_images", "val_labels"), "test", "test_images and"),
        (("x_test", "y_test"), "train", "x_test and y_test"),
        (("images", "labels"), "test", "images and labels"),
        (("data", "targets"), "train", "data and targets"),
        (("x", "y", "x_val", "y_val"), "test", "x and y"),
        (("test_data", "test_label", "classes", "note"), "test", "test_data and test_label"),
    ],
    ids=" ".join,
)
def test_arrays_are_found_by_their_usual_names(
    tmp_path: Path, names: tuple[str, ...], split: str, taken: str
) -> None:
    arrays = {name: LABELS if name[0].lower() in "ytlcn" else BYTES for name in names}
    arrays |= {name: BYTES for name in names if name.endswith(("images", "data"))}
    arrays |= {name: LABELS for name in names if name.endswith(("labels", "label"))}
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]  # of any name
    data = load_data(f"npz:{tmp_path / 'd.npz'}", split=split)  # type: ignore[arg-type]
    assert f"4 images; {taken}" in data.note


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("pictures", "y"), r"must hold x_test and y_test, .*, got pictures, y for the test split"),
        (("x_train", "y_train"), r"got x_train, y_train for the test split; rename the arrays"),
        (("x_train_val", "y_train_val"), r"got x_train_val, y_train_val for the test split; ren"),
        (("x", "images", "y"), r"one array of each kind for the test split, got x and images; na"),
    ],
    ids=" ".join,
)
def test_names_that_are_not_clear_are_refused(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    refused(tmp_path, message, **{n: LABELS if n[0] == "y" else BYTES for n in names})


def test_a_pickled_array_is_refused_and_not_executed(tmp_path: Path) -> None:
    sentinel = tmp_path / "sentinel"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (sentinel,))

    evil = np.empty(4, dtype=object)
    evil[:] = [Evil()] * 4
    refused(
        tmp_path,
        r"d\.npz must be a whole .npz file of plain arrays, got ValueError",
        x=evil,
        y=LABELS,
    )
    assert not sentinel.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", b"PK\x03\x04 cut", b"\x80\x04."],
    ids=["empty", "text", "zip", "pickle"],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"d\.npz must be a whole \.npz file of plain arrays, got"):
        load_data(f"npz:{tmp_path / 'd.npz'}")


def test_a_truncated_file_a_single_array_and_no_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, x=BYTES, y=LABELS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"d\.npz must be a whole \.npz file of plain arrays, got"):
        load_data(f"npz:{path}")
    with path.open("wb") as file:
        np.save(file, BYTES)
    with pytest.raises(InputError, match=r"d\.npz must hold named arrays, got a single array"):
        load_data(f"npz:{path}")
    with pytest.raises(InputError, match=r"none\.npz must be an \.npz file, got no such file"):
        load_data(f"npz:{tmp_path / 'none.npz'}")
    with pytest.raises(InputError, match=rf"{tmp_path} must be an \.npz file, got a folder"):
        load_data(f"npz:{tmp_path}")


@pytest.mark.parametrize("twin", ["x_test", "x_test.npy", "y_test", "y_test.npy"])
def test_a_second_array_of_the_name_is_refused(tmp_path: Path, twin: str) -> None:
    # One is checked and the other read.
    path = tmp_path / "d.npz"
    np.savez(path, x_test=BYTES, y_test=LABELS)
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(twin, "zzz")
    with pytest.raises(
        InputError, match=rf"got ValueError: two arrays of the name {twin[0]}_test; s"
    ):
        load_data(f"npz:{path}")


HEADERS = {
    "announced": "{'descr': '|u1', 'fortran_order': False, 'shape': (8589934592, 8, 8, 3)}",
    "negative": "{'descr': '|u1', 'fortran_order': False, 'shape': (-8589934592, -8, 8, 3)}",
    "no bytes": "{'descr': '|V0', 'fortran_order': False, 'shape': (8589934592, 8, 8, 3)}",
    "text": "{'descr': '<U0', 'fortran_order': False, 'shape': (8589934592, 8, 8, 3)}",
    "wide": "{'descr': '|S8589934592', 'fortran_order': False, 'shape': (1,)}",
    "fields": "{'descr': [('a', '<f8', (8589934592,))], 'fortran_order': False, 'shape': (1,)}",
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (8589934592,)}",
    "many sides": "{'descr': '|u1', 'fortran_order': False, 'shape': (" + "1," * 100 + ")}",
    "a call": "{'descr': __import__('os').getcwd(), 'fortran_order': False, 'shape': (1,)}",
    "deep": "(" * 5000,
    "deep lists": "[" * 99 + "]" * 99,
    "minus": "-" * 9000 + "1",
    "no header": "",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_hostile_headers_are_refused(tmp_path: Path, header: str, version: int) -> None:
    text = header.encode()
    wide = 2 if version == 1 else 4
    member = b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(wide, "little") + text
    path = tmp_path / "d.npz"
    np.savez(path, y=LABELS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", member + bytes(64))
    with pytest.raises(InputError, match=r"d\.npz .*must .*; save"):
        load_data(f"npz:{path}")

"""Images in an .npz file."""

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
        (np.zeros((4, 3, 8, 8), np.uint8), r"d\.npz x byte images must .*, got \(4, 3, 8, 8\); mo"),
        (np.zeros((4, 8), np.uint8), r"byte images must have the shape .*, got \(4, 8\); move"),
        (np.zeros((4, 8)), r"floating-point images must have the shape .*, got \(4, 8\); move"),
        (np.zeros((4, 1, 2, 2), np.int64), r"x type must be uint8 or floating point, got int64"),
        (np.zeros((0, 2, 2, 3), np.uint8), r"d\.npz x must hold images, got an empty array"),
        (np.uint8(3), r"d\.npz x must hold images, got an empty array"),
    ],
    ids=["channels first", "flat bytes", "flat floats", "integers", "none", "scalar"],
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
    ("y", "message"),
    [
        (LABELS[:3], r"y must have one label an image, shape \(4,\), got \(3,\); save class"),
        (np.eye(4), r"y must have one label an image, shape \(4,\), got \(4, 4\); save class"),
        (LABELS / 2, r"y type must be whole numbers, got float64; save class numbers"),
        (LABELS - 1, r"d\.npz labels must be 0 or more, got -1; number the classes from 0"),
    ],
    ids=["count", "one-hot", "floats", "negative"],
)
def test_wrong_labels_are_refused(tmp_path: Path, y: object, message: str) -> None:
    refused(tmp_path, message, x=BYTES, y=y)


def test_other_names_are_refused(tmp_path: Path) -> None:
    message = r"must hold x_test and y_test, .*, got images, y for the test split; rename"
    refused(tmp_path, message, images=BYTES, y=LABELS)


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

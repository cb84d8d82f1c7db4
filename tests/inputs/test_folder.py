"""Images in folders."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analogsim.errors import InputError
from analogsim.inputs import batches, folder, load_data
from analogsim.inputs.image_file import read_image


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def make_folder(root: Path, *, per_class: int = 30, size: tuple[int, int] = (6, 5)) -> None:
    """Two classes, `cat` and `dog`; the red value of image n of class c is 100 c + n."""
    for label, name in enumerate(("cat", "dog")):
        for number in range(per_class):
            pixels = np.zeros((*size, 3), dtype=np.uint8)
            pixels[..., 0] = 100 * label + number
            save(root / name / f"{number}.png", pixels)


def test_images_and_labels_belong_together_in_a_fixed_mixed_order(tmp_path: Path) -> None:
    make_folder(tmp_path)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    data = load_data(f"folder:{tmp_path}", normalise=((0.0,), (1.0,)))
    images, labels = next(batches(data, 100))
    assert images.shape == (60, 3, 6, 5)
    red = (images[:, 0, 0, 0] * 255).round().long()
    assert torch.equal(red // 100, labels)
    assert sorted(red.tolist()) == [*range(30), *range(100, 130)]
    # With a mixed order, 20 of 60 from one class only has a chance below 1e-7.
    assert set(labels[:20].tolist()) == {0, 1}
    # The order is that of a hash of the names, so it is the same on every machine.
    assert red[:6].tolist() == [107, 10, 8, 29, 105, 0]
    again, _ = next(batches(load_data(f"folder:{tmp_path}", normalise=((0.0,), (1.0,))), 100))
    assert torch.equal(images, again)
    assert (data.n_classes, data.input_shape) == (2, (3, 6, 5))
    assert data.note == "60 images of 2 classes, in a fixed mixed order"


def test_the_default_normalisation_is_imagenets(tmp_path: Path) -> None:
    make_folder(tmp_path, per_class=1)
    data = load_data(f"folder:{tmp_path}")
    assert data.normalisation == (
        "(x/255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225) (of ImageNet)"
    )
    grey = load_data(f"folder:{tmp_path}?channels=1")
    assert (grey.normalisation, grey.input_shape) == ("x/255 (bytes to 0..1)", (1, 6, 5))


def test_a_split_folder_is_taken_where_there_is_one(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", per_class=3)
    make_folder(tmp_path / "val", per_class=2)
    sizes = [
        len(next(batches(load_data(f"folder:{tmp_path}", split=split), 100))[1])
        for split in ("train", "test")
    ]
    assert sizes == [6, 4]


def test_images_are_scaled_and_the_middle_is_cut_out(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16, 3), dtype=np.uint8)
    pixels[:, 4:12] = 200
    save(tmp_path / "a" / "wide.png", pixels)
    image = read_image(tmp_path / "a" / "wide.png", channels=3, size=4)
    assert image.shape == (3, 4, 4)
    # The middle square is all 200, but for the two columns that the filter mixes.
    assert (image[:, :, 1:3] == 200).all()
    data = load_data(f"folder:{tmp_path}?size=4")
    assert data.input_shape == (3, 4, 4)


def test_a_second_pass_does_not_read_the_files_again(tmp_path: Path) -> None:
    make_folder(tmp_path, per_class=3)
    data = load_data(f"folder:{tmp_path}")
    first, _ = next(batches(data, 10))
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    assert torch.equal(next(batches(data, 10))[0], first)


def test_images_beyond_the_budget_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "KEEP_BYTES", 2 * 3 * 6 * 5)
    make_folder(tmp_path, per_class=2)
    data = load_data(f"folder:{tmp_path}")
    first, _ = next(batches(data, 10))
    assert torch.equal(next(batches(data, 10))[0], first)
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    assert next(batches(data, 2))[0].shape[0] == 2
    with pytest.raises(InputError, match=r"data image .*\.png must be a readable image, got FileN"):
        next(batches(data, 3))


def test_images_of_several_sizes_are_refused_with_the_way_out(tmp_path: Path) -> None:
    make_folder(tmp_path, per_class=1)
    save(tmp_path / "cat" / "big.png", np.zeros((9, 9, 3), dtype=np.uint8))
    data = load_data(f"folder:{tmp_path}")
    message = r"data image .*\.png shape must be \(3, .*\), the first image's, got \(3, .*\?size=N"
    with pytest.raises(InputError, match=message):
        list(batches(data, 10))
    sized = load_data(f"folder:{tmp_path}?size=5")
    assert next(batches(sized, 10))[0].shape == (3, 3, 5, 5)


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "broken.png").write_bytes(b"no image")
    message = r"data image .*broken\.png must be one of PNG, .* by its content, got something "
    with pytest.raises(InputError, match=message):
        load_data(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ([], r"data folder .*root must hold one folder a class, got none; use the layout"),
        (["cat"], r"root classes must hold images \(\.png .*\), got none in 'cat'; add"),
    ],
    ids=["empty", "empty class"],
)
def test_empty_folders_are_refused(tmp_path: Path, folders: list[str], message: str) -> None:
    for name in folders:
        (tmp_path / "root" / name).mkdir(parents=True)
    (tmp_path / "root").mkdir(exist_ok=True)
    with pytest.raises(InputError, match=message):
        load_data(f"folder:{tmp_path / 'root'}")


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("/none", r"data folder .*/none must exist, got no such folder; check the path"),
        ("?size=0", r"option size must be a whole number from 1 to 4096, got '0'"),
        ("?channels=4", r"option channels must be 1 \(grey\) or 3 \(colour\), got '4'; change"),
        ("?sise=4", r"option must be one of channels, size, got 'sise'; did you mean 'size'\?"),
    ],
)
def test_wrong_folder_specs_are_refused(tmp_path: Path, tail: str, message: str) -> None:
    make_folder(tmp_path, per_class=1)
    with pytest.raises(InputError, match=message):
        load_data(f"folder:{tmp_path}{tail}")


def test_classes_that_are_numbers_are_said_to_be_sorted_as_text(tmp_path: Path) -> None:
    for name in ("1", "2", "10"):
        save(tmp_path / name / "a.png", np.zeros((4, 4, 3), dtype=np.uint8))
    data = load_data(f"folder:{tmp_path}")
    assert data.note.endswith("; classes are in the order of their names as text: '1', '10', '2'")


def test_what_is_done_to_the_first_images_is_noted(tmp_path: Path) -> None:
    make_folder(tmp_path, per_class=1)
    save(tmp_path / "cat" / "clear.png", np.zeros((6, 5, 4), dtype=np.uint8))
    save(tmp_path / "dog" / "deep.png", np.full((6, 5), 65535, dtype=np.uint16))
    notes = load_data(f"folder:{tmp_path}").note.split("; ")[1:]
    assert sorted(notes) == [
        "16-bit grey values are divided by 257",
        "transparency is dropped, as by torchvision",
    ]

"""Which folder of a data set is taken, and which are its classes."""

from pathlib import Path

import pytest

from analogsim.errors import InputError
from analogsim.inputs.folder import list_images


def make(root: Path, *files: str) -> Path:
    """Files by their path; nothing is read of them here. A path that ends in / is a folder."""
    for file in files:
        path = root / file
        if file.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def both(*parts: str) -> list[str]:
    """A cat and a dog in each part."""
    return [f"{part}/{name}/1.png" for part in parts for name in ("cat", "dog")]


CLASSES = [f"{name}/1.png" for name in ("cat", "dog")]


@pytest.mark.parametrize(
    ("files", "split", "inside"),
    [
        (both("train", "test"), "test", "test"),
        (both("train", "test"), "train", "train"),
        (both("train", "validation"), "test", "validation"),
        (both("train", "valid"), "test", "valid"),
        (both("training_set", "test_set"), "test", "test_set"),
        (both("training", "testing"), "test", "testing"),
        (both("Train", "Test"), "test", "Test"),
        (both("TRAIN", "VAL"), "train", "TRAIN"),
        (both("training set", "test-set"), "test", "test-set"),
        (both("train", "val", "test"), "test", "test"),
        (both("train", "dev"), "test", "dev"),
        (both("train", "holdout"), "test", "holdout"),
        (both("train", "eval", "test"), "test", "test"),
        (both("train_images", "test_images"), "test", "test_images"),
        (both("seg_train", "seg_test"), "test", "seg_test"),
        (both("seg_train/seg_train", "seg_test/seg_test"), "test", "seg_test/seg_test"),
        (both("archive/train", "archive/test"), "test", "archive/test"),
        (both("a/b/train", "a/b/test"), "test", "a/b/test"),
        ([*both("images/train", "images/val"), "labels/train/1.txt"], "test", "images/val"),
        ([*both("train", "test"), "docs/readme.txt", "__MACOSX/cat/._1.png"], "test", "test"),
        (both("test"), "test", "test"),
        (both("test"), "train", "test"),
        (both("val"), "train", "val"),
        (["test/train/1.png", "test/bus/1.png"], "test", "test"),
        (CLASSES, "test", ""),
        ([*CLASSES, "__MACOSX/x.txt", ".cache/1.png"], "test", ""),
        (both("PetImages"), "test", "PetImages"),
        (["bullet train/1.png", "test tube/1.png"], "test", ""),
        (["cat/1.png", "dog/young/1.png"], "test", ""),
    ],
    ids=lambda value: None if isinstance(value, str) else value[0].replace("/", "-"),
)
def test_the_part_that_is_asked_for_is_taken(
    tmp_path: Path, files: list[str], split: str, inside: str
) -> None:
    found = list_images(make(tmp_path / "given", *files), split)
    assert found.inside == inside
    root = tmp_path / "given" / inside
    assert found.classes == tuple(
        sorted(p.name for p in root.iterdir() if p.name[0] != "." and p.name != "__MACOSX")
    )
    assert all(root in path.parents for path in found.paths)
    assert [found.classes[label] for label in found.labels] == [
        path.relative_to(root).parts[0] for path in found.paths
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([*CLASSES, "test/1.png"], r"either parts of a data set or classes, got 'test' beside 'ca"),
        ([*both("train", "test"), "bird/1.png"], r"got 'test' beside 'bird'; name the part"),
        (both("train"), r"must hold images to test on, got only 'train'; to evaluate on training"),
        (both("Training_Set"), r"got only 'Training_Set'; to evaluate on training images name"),
        (both("train", "test", "testing"), r"one test part, got 'test' and 'testing'; name one"),
        (both("train", "val", "dev"), r"one validation part, got 'dev' and 'val'; name one"),
        (both("Train", "train", "test"), r"one train part, got 'Train' and 'train'; name one"),
        (["cat/train/1.png", "cat/test/2.png", "dog/train/3.png"], r"got 'test' inside 'cat' and"),
        ([*both("a/train", "a/test"), "b/1.png"], r"got 'test' inside 'a' and 'b' beside it; name"),
        (both("test/train", "test/val"), r"got 'train', a part inside the part 'test'; name the"),
        (["train/cat/1.png", "test/1.png"], r"given/test must hold one folder a class, got none"),
        ([*both("train"), "test/cat/1.png", "test/cow/1.png"], r"those of .*train, .* got 'cow';"),
        ([*both("train", "test"), "test/bird/"], r"classes must hold images .* none in 'bird'"),
    ],
    ids=[
        *("class called test", "parts and a class", "train alone", "training set alone"),
        *("two test parts", "two validation parts", "two train parts", "parts in classes"),
        *("parts beside images", "parts in a part", "no classes", "a class of one part"),
        "empty class",
    ],
)
def test_folders_that_are_not_clear_are_refused(
    tmp_path: Path, files: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        list_images(make(tmp_path / "given", *files), "test")


def test_a_class_without_test_images_keeps_its_number(tmp_path: Path) -> None:
    files = ["train/a/1.png", "train/b/1.png", "train/c/1.png", "test/a/1.png", "test/c/1.png"]
    found = list_images(make(tmp_path, *files), "test")
    assert found.classes == ("a", "b", "c")
    numbers = {p.parent.name: int(n) for p, n in zip(found.paths, found.labels, strict=True)}
    assert numbers == {"a": 0, "c": 2}
    assert found.notes == (f"classes are numbered as in '{tmp_path / 'train'}', which has 3",)

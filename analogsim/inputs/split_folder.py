"""Which folder holds the classes: a data set's own, or that of its training or test part."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analogsim.errors import InputError
from analogsim.inputs.image_file import ENDINGS
from analogsim.inputs.parts import Part, part_and_rest, part_of
from analogsim.inputs.spec import few

# archive/data/images/train is the deepest that archives come with.
_DEEPEST = 4
_LEAVINGS = {"__MACOSX", "__pycache__"}


@dataclass(frozen=True, kw_only=True)
class ClassFolder:
    """The folder whose folders are the classes.

    Attributes:
        root: that folder.
        train: that of the training part beside it, whose classes number those of `root`; None
            where there is none, or `root` is it.
        inside: `root` as seen from the folder that was given; empty where they are the same.
    """

    root: Path
    train: Path | None
    inside: str


def find_class_folder(folder: Path, split: str) -> ClassFolder:
    """Take the part of a data set that a split asks for.

    Folders named as parts (train, Training, test_set, val, ...) are no classes. For `test` the
    test part is taken, else the validation part; for `train` the training part, else what `test`
    would take. A folder that only wraps another is opened. Inside a part, a folder beside others
    is a class whatever its name.

    Raises:
        InputError: it is not clear which folder is meant, there are training images only, or a
            folder cannot be read.
    """
    given = folder
    try:
        for _ in range(_DEEPEST):
            folders = _folders_in(folder)
            parts = _parts_among(folders, inside=part_of(folder.name) is not None)
            if parts:
                return _choose(folder, folders, parts, split, given)
            below = _part_below(folder, folders) or _wrapped(folder)
            if below is None:
                break
            folder = below
    except OSError as err:
        raise InputError(f"data folder {folder} must be readable, got {err}; check it") from err
    return ClassFolder(root=folder, train=None, inside=_seen_from(given, folder))


def images_below(folder: Path) -> list[Path]:
    """Every image file below a folder, hidden ones left out."""
    return [
        Path(parent) / name
        for parent, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(ENDINGS) and name[0] != "."
    ]


def class_names(folder: Path) -> list[str]:
    """The folders in a folder by name, sorted as text; hidden ones are left out."""
    return [path.name for path in _folders_in(folder)]


def _parts_among(folders: Sequence[Path], *, inside: bool) -> dict[Path, Part]:
    """The folders that are parts; inside a part, only if all are."""
    parts = {path: part for path in folders if (part := part_of(path.name)) is not None}
    if not parts and len(folders) > 1:
        # seg_train beside seg_test: one name, and every time another part.
        read = {path: part_and_rest(path.name) for path in folders}
        one_name = len({rest for _, rest in read.values()}) == 1
        named = {path: part for path, (part, _) in read.items() if part is not None}
        if one_name and len(set(named.values())) == len(folders):
            return named
    return {} if inside and len(parts) < len(folders) else parts


def _choose(
    folder: Path, folders: Sequence[Path], parts: dict[Path, Part], split: str, given: Path
) -> ClassFolder:
    first = next(iter(parts))
    others = [path for path in folders if path not in parts and images_below(path)]
    if others:
        raise InputError(
            f"data folder {folder} must hold either parts of a data set or classes, got "
            f"{first.name!r} beside {few(repr(path.name) for path in others)}; name the part "
            f"(folder:{first}), or put the classes into a folder 'test'"
        )
    order: tuple[Part, ...] = ("test", "validation")
    order = ("train", *order) if split == "train" else order
    part = next((part for part in order if part in parts.values()), None)
    if part is None:
        raise InputError(
            f"data folder {folder} must hold images to test on, got only {first.name!r}; to "
            f"evaluate on training images name that folder (folder:{first})"
        )
    root = _part_root(folder, parts, part)
    train = None
    if part != "train" and "train" in parts.values():
        train = _part_root(folder, parts, "train")
    return ClassFolder(root=root, train=train, inside=_seen_from(given, root))


def _part_root(folder: Path, parts: dict[Path, Part], part: Part) -> Path:
    """The folder of a part, or the one that it wraps."""
    found = [path for path, its in parts.items() if its == part]
    if len(found) > 1:
        raise InputError(
            f"data folder {folder} must hold one {part} part, got "
            f"{' and '.join(repr(path.name) for path in found)}; name one (folder:{found[0]})"
        )
    root = found[0]
    while (inner := _wrapped(root)) is not None:
        root = inner
    nested = _parts_among(_folders_in(root), inside=True)
    if nested:
        raise InputError(
            f"data folder {root} must hold classes, got {next(iter(nested)).name!r}, a part inside "
            f"the part {found[0].name!r}; name the one that is meant"
        )
    return root


def _part_below(folder: Path, folders: Sequence[Path]) -> Path | None:
    """The one folder that holds the parts, as `images` beside `annotations`."""
    holding = {
        path: part
        for path in folders
        if (part := next(iter(_parts_among(_folders_in(path), inside=False)), None)) is not None
    }
    if not holding:
        return None
    with_images = [path for path in folders if images_below(path)]
    first, part = next(iter(holding.items()))
    if with_images != [first]:
        beside = next((path for path in with_images if path != first), first)
        raise InputError(
            f"data folder {folder} must hold its parts at one place, got {part.name!r} inside "
            f"{first.name!r} and {beside.name!r} beside it; name one folder (folder:{first})"
        )
    return first


def _wrapped(folder: Path) -> Path | None:
    """The only folder in a folder, where it holds folders and neither holds images itself."""
    folders = _folders_in(folder)
    if len(folders) != 1 or not _folders_in(folders[0]):
        return None
    return None if _has_images(folder) or _has_images(folders[0]) else folders[0]


def _has_images(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(e.name.lower().endswith(ENDINGS) and e.name[0] != "." for e in entries)


def _folders_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.is_dir() and e.name[0] != "."]
    return [folder / name for name in sorted(names) if name not in _LEAVINGS]


def _seen_from(given: Path, folder: Path) -> str:
    return "" if folder == given else folder.relative_to(given).as_posix()

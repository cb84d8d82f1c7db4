"""A data set that a user's own file makes: `path/to/file.py:factory`."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from analogsim.errors import InputError, first_line
from analogsim.inputs.labels import as_tensor, class_numbers, one_hot_width, without_values
from analogsim.inputs.user_file import load_object


@runtime_checkable
class SizedDataset(Protocol):
    """What we ask of a user's data set: torch's map-style Dataset with a length."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class UserData:
    """A user's data set: its length, the shape of its first image, its classes where known.

    `files` are the code that made it, name and sha256.
    """

    dataset: Any
    count: int
    shape: tuple[int, ...]
    n_classes: int | None
    files: Mapping[str, str]


def call_data_factory(spec: str) -> UserData:
    """Call the factory and look at the first item (image (channels, height, width), label).

    Raises:
        InputError: the file fails, or what it returns is not a non-empty data set of
            (floating-point image, class number or one-hot row).
    """
    made = load_object(spec, what="data")
    return look_at(made.value, f"data factory {spec}", made.files)


def look_at(
    dataset: object, where: str, files: Mapping[str, str] = MappingProxyType({}), sides: int = 3
) -> UserData:
    """A user's data set, by its length and first item; `sides` axes of one image, 0 for any.

    Raises:
        InputError: as `call_data_factory`.
    """
    if not isinstance(dataset, SizedDataset):
        raise InputError(
            f"{where} must return a torch Dataset with a length, got {type(dataset).__name__}"
            "; return one that has __len__ and __getitem__"
        )
    try:
        count = len(dataset)
        item = dataset[0] if count else None
        said = class_count(dataset)
    # It is the user's code, and may raise anything, and exit.
    except (Exception, SystemExit) as err:
        raise InputError(
            f"{where} data set must give its length and first item, got {type(err).__name__}: "
            f"{first_line(err)}; mend the data set"
        ) from err
    if said is not None and said < 1:
        raise InputError(f"{where} n_classes must be at least 1, got {said}; mend the data set")
    if count == 0:
        raise InputError(f"{where} data set must hold images, got 0; check the factory")
    image, label = _pair(item, where, sides)
    row = as_tensor(label, where=f"{where} labels").reshape(1, -1)
    n_classes = one_hot_width(row) if said is None else said
    class_numbers(row, n_classes=n_classes, where=f"{where} labels")
    return UserData(
        dataset=dataset,
        count=count,
        shape=tuple(image.shape),
        n_classes=n_classes,
        files=files,
    )


def class_count(dataset: object) -> int | None:
    """What the data set says of its classes: `n_classes`, or the length of `classes`."""
    count, classes = getattr(dataset, "n_classes", None), getattr(dataset, "classes", None)
    if isinstance(count, int) and not isinstance(count, bool):
        return count
    return len(classes) if isinstance(classes, Sized) and len(classes) else None


def _pair(item: Any, where: str, sides: int) -> tuple[Tensor, object]:
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise InputError(
            f"{where} items must be (image, label), got {type(item).__name__}"
            "; return a pair from __getitem__"
        )
    image, label = item
    if not isinstance(image, Tensor):
        raise InputError(
            f"{where} images must be tensors, got {type(image).__name__}"
            "; convert and normalise them in the data set"
        )
    fault = without_values(image)
    if fault is not None:
        raise InputError(f"{where} images must be numbers in memory, got {fault}; load them")
    if not image.is_floating_point() or (sides and image.ndim != sides):
        shape = " (channels, height, width)" if sides else ""
        raise InputError(
            f"{where} images must be floating point{shape}, got "
            f"{image.dtype} {tuple(image.shape)}; convert and normalise them in the data set"
        )
    return image, label

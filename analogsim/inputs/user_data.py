"""A data set that a user's own file makes: `path/to/file.py:factory`."""

from collections.abc import Sized
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from analogsim.errors import InputError
from analogsim.inputs.user_file import call_factory


@runtime_checkable
class SizedDataset(Protocol):
    """What we ask of a user's data set: torch's map-style Dataset with a length."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...


def call_data_factory(spec: str) -> tuple[Any, Tensor]:
    """Call the factory; return its data set and the first image (channels, height, width).

    Raises:
        InputError: the file fails, or what it returns is not a non-empty data set of
            (floating-point image, whole-number label).
    """
    where = f"data factory {spec}"
    dataset = call_factory(spec, what="data")
    if not isinstance(dataset, SizedDataset):
        raise InputError(
            f"{where} must return a torch Dataset with a length, got {type(dataset).__name__}"
            "; return one that has __len__ and __getitem__"
        )
    try:
        count = len(dataset)
        item = dataset[0] if count else None
    # It is the user's code, and may raise anything.
    except Exception as err:
        raise InputError(
            f"{where} data set must give its length and first item, got {type(err).__name__}: "
            f"{err}; mend the data set"
        ) from err
    if count == 0:
        raise InputError(f"{where} data set must hold images, got 0; check the factory")
    return dataset, _checked_image(item, where)


def class_count(dataset: object) -> int | None:
    """What the data set says of its classes: `n_classes`, or the length of `classes`."""
    count, classes = getattr(dataset, "n_classes", None), getattr(dataset, "classes", None)
    if isinstance(count, int):
        return count
    return len(classes) if isinstance(classes, Sized) and len(classes) else None


def _checked_image(item: Any, where: str) -> Tensor:
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
    if not image.is_floating_point() or image.ndim != 3:
        raise InputError(
            f"{where} images must be floating point (channels, height, width), got "
            f"{image.dtype} {tuple(image.shape)}; convert and normalise them in the data set"
        )
    try:
        whole = bool(int(label) == label)
    except (TypeError, ValueError):
        whole = False
    if not whole:
        raise InputError(
            f"{where} labels must be whole numbers, got {label!r}; number the classes from 0"
        )
    return image

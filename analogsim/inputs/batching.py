"""Go through a data set in batches, in a fixed order."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from analogsim.errors import InputError, first_line
from analogsim.inputs.data import Data
from analogsim.inputs.images import TensorImages
from analogsim.inputs.labels import as_tensor, class_numbers, refuse_labels, without_values

# So many images are read twice.
_TWICE = 8


def n_images(data: Data, limit: int | None = None) -> int:
    """How many images `batches` gives.

    Raises:
        InputError: the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit must be 1 or more images, got {limit}; leave it out for all")
    try:
        total = len(data.dataset)  # type: ignore[arg-type]  # load_data gives sized data sets only
    # It may be the user's code, as below.
    except (Exception, SystemExit) as err:
        raise InputError(
            f"data {data.name!r} must have a length, got {type(err).__name__}: {first_line(err)}"
            "; mend the data set"
        ) from err
    return total if limit is None else min(limit, total)


def batches(
    data: Data, batch_size: int, limit: int | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Normalised images (n, channels, height, width) and labels (n,) int64, n <= batch_size.

    The order is fixed: that of the data set, and for folders a fixed mixed one. So a limit
    always takes the same images: the first ones. CIFAR and digits are mixed by nature.
    Torch's global random state is not touched.

    Args:
        data: what load_data gave.
        batch_size: images in a batch, 1 or more; the last batch may be smaller.
        limit: how many images in all; None takes all.

    Raises:
        InputError: batch_size or limit is below 1, a label is no class number in
            0..n_classes-1, or an image cannot be loaded, has another shape, or is not finite.
    """
    if batch_size < 1:
        raise InputError(f"batch size must be 1 or more images, got {batch_size}; change it")
    total = n_images(data, limit)
    for start in range(0, total, batch_size):
        yield batch(data, start, min(start + batch_size, total))


def batch(data: Data, start: int, stop: int) -> tuple[Tensor, Tensor]:
    """Images start..stop-1 and their labels, each looked at; errors as `batches`."""
    dataset = data.dataset
    if isinstance(dataset, TensorImages):
        # Numbered and finite since they were read.
        images, labels = dataset.batch(start, stop)
        refuse_labels(labels, data.n_classes, where=f"data {data.name!r} labels")
        return images.float(), labels.long()
    if type(dataset) is TensorDataset and len(dataset.tensors) == 2:
        # Slices are views of what the user keeps, and may be changed where they go.
        images, given = (tensor.detach().clone() for tensor in dataset[start:stop])
    else:
        images, given = _stacked(data, start, stop)
    return _checked(data, images, given, start)


def _stacked(data: Data, start: int, stop: int) -> tuple[Tensor, Tensor]:
    """Items start..stop-1 in one tensor of images, and their labels (n, 1) or (n, classes)."""
    where = f"data {data.name!r}"
    try:
        items = [data.dataset[index] for index in range(start, stop)]
        kinds = {image.dtype for image, _ in items}
        images = torch.stack([image for image, _ in items]).detach()
    except InputError:
        raise
    # It is the user's code, and may raise anything, and exit.
    except (Exception, SystemExit) as err:
        reason = first_line(err)
        raise InputError(
            f"{where} images must load and have one shape, got {type(err).__name__}: "
            f"{reason}; mend the data set"
        ) from err
    if len(kinds) > 1:
        raise InputError(
            f"{where} images must be of one type, got {' and '.join(sorted(map(str, kinds)))} in "
            f"images {start} to {stop - 1}; convert them in the data set"
        )
    rows = [as_tensor(label, where=f"{where} labels").reshape(-1) for _, label in items]
    if len({len(row) for row in rows}) > 1:
        lengths = ", ".join(map(str, sorted({len(row) for row in rows})))
        raise InputError(
            f"{where} labels must be of one form, got rows of {lengths} numbers in images {start} "
            f"to {stop - 1}; give class numbers"
        )
    return images, torch.stack(rows)


def _checked(data: Data, images: Tensor, given: Tensor, start: int) -> tuple[Tensor, Tensor]:
    where = f"data {data.name!r}"
    fault = without_values(images)
    if fault is not None:
        raise InputError(
            f"{where} images must be numbers in memory, got {fault} from image {start} on; load "
            "them in the data set"
        )
    if not images.is_floating_point():
        raise InputError(
            f"{where} images must be floating point, got {images.dtype} from image {start} on; "
            "convert and normalise them in the data set"
        )
    # Beyond what float32 holds is infinite, too.
    images = images.float()
    finite = images.isfinite().flatten(1).all(1)
    if not bool(finite.all()):
        at = int((~finite).int().argmax())
        raise InputError(
            f"{where} images must be finite, got NaN or infinity in image {start + at}"
            "; mend the data set"
        )
    labels = class_numbers(
        given,
        count=len(images),
        n_classes=data.n_classes,
        where=f"{where} labels",
        start=start,
    )
    return images, labels


def refuse_random(data: Data) -> None:
    """Read images twice, 8 at most, and refuse data that are others the second time.

    They are spread over the whole set: some sets have random parts behind a fixed beginning.
    Torch's global random state is not touched.

    Raises:
        InputError: an image or label differs, or as `batches` for the first image.
    """
    total = n_images(data)
    places = sorted({n * (total - 1) // (_TWICE - 1) for n in range(_TWICE)} if total else set())
    with torch.random.fork_rng(devices=[]):
        first, again = ([_read_again(data, place) for place in places] for _ in range(2))
    for index, one, other in zip(places, first, again, strict=True):
        for what, was, now in zip(("image", "label"), one or (), other or (), strict=False):
            if not torch.equal(was, now):
                raise InputError(
                    f"data {data.name!r} {what} {index} must be the same each time it is read, got "
                    "another at the second reading; leave random crops, flips and noise out of "
                    "the data to evaluate on"
                )


def _read_again(data: Data, place: int) -> tuple[Tensor, Tensor] | None:
    """One image and its label; None for a later one that cannot be read, if it is needed at all."""
    try:
        return batch(data, place, place + 1)
    except InputError:
        if place:
            return None
        raise

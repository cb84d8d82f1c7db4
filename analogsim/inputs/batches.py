"""Go through a data set in batches, in a fixed order."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from analogsim.errors import InputError, first_line
from analogsim.inputs.data import Data
from analogsim.inputs.images import TensorImages
from analogsim.inputs.labels import as_tensor, class_numbers, refuse_labels

# So many first images are read twice.
_TWICE = 8


def n_images(data: Data, limit: int | None = None) -> int:
    """How many images `batches` gives.

    Raises:
        InputError: the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit must be 1 or more images, got {limit}; leave it out for all")
    total = len(data.dataset)  # type: ignore[arg-type]  # load_data gives sized data sets only
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
    dataset = data.dataset
    for start in range(0, total, batch_size):
        stop = min(start + batch_size, total)
        if isinstance(dataset, TensorImages):
            # Numbered and finite since they were read.
            images, labels = dataset.batch(start, stop)
            refuse_labels(labels, data.n_classes, where=f"data {data.name!r} labels")
            yield images.float(), labels.long()
            continue
        if isinstance(dataset, TensorDataset):
            # Slices are views of what the user keeps, and may be changed where they go.
            images, given = (tensor.clone() for tensor in dataset[start:stop])
        else:
            images, given = _stacked(data, start, stop)
        yield _checked(data, images, given, start)


def _stacked(data: Data, start: int, stop: int) -> tuple[Tensor, Tensor]:
    """Items start..stop-1 in one tensor of images, and their labels (n, 1) or (n, classes)."""
    where = f"data {data.name!r}"
    try:
        items = [data.dataset[index] for index in range(start, stop)]
        kinds = {image.dtype for image, _ in items}
        images = torch.stack([image for image, _ in items]).detach()
    except InputError:
        raise
    # It is the user's code, and may raise anything.
    except Exception as err:
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
    if not images.is_floating_point():
        raise InputError(
            f"{where} images must be floating point, got {images.dtype} from image {start} on; "
            "convert and normalise them in the data set"
        )
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
    return images.float(), labels


def refuse_random(data: Data) -> None:
    """Read the first images twice, 8 at most, and refuse data that are others the second time.

    Torch's global random state is not touched.

    Raises:
        InputError: an image or label differs, or as `batches`.
    """
    with torch.random.fork_rng(devices=[]):
        first, again = (next(batches(data, _TWICE, _TWICE)) for _ in range(2))
    for what, one, other in zip(("image", "label"), first, again, strict=True):
        alike = one.shape == other.shape
        for index in range(len(one)):
            if not (alike and torch.equal(one[index], other[index])):
                raise InputError(
                    f"data {data.name!r} {what} {index} must be the same each time it is read, got "
                    "another at the second reading; leave random crops, flips and noise out of "
                    "the data to evaluate on"
                )

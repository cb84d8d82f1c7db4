"""Go through a data set in batches, in a fixed order."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset, TensorDataset

from analogsim.errors import InputError
from analogsim.inputs.data import Data
from analogsim.inputs.images import TensorImages, refuse_labels


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
        InputError: batch_size or limit is below 1, a label is outside 0..n_classes-1, or an
            image cannot be loaded.
    """
    if batch_size < 1:
        raise InputError(f"batch size must be 1 or more images, got {batch_size}; change it")
    total = n_images(data, limit)
    dataset = data.dataset
    where = f"data {data.name!r}"
    if isinstance(dataset, TensorImages | TensorDataset):
        for start in range(0, total, batch_size):
            stop = min(start + batch_size, total)
            if isinstance(dataset, TensorImages):
                images, labels = dataset.batch(start, stop)
            else:
                images, labels = dataset[start:stop]
            refuse_labels(labels, data.n_classes, where=where)
            yield images.float(), labels.long()
        return
    # The loader draws a seed for its workers, from the global generator unless it has its own.
    loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
        Subset(dataset, range(total)), batch_size=batch_size, generator=torch.Generator()
    )
    loaded = iter(loader)
    for _ in range(len(loader)):
        try:
            images, labels = next(loaded)
        except InputError:
            raise
        # It is the user's code, and may raise anything.
        except Exception as err:
            reason = (str(err).splitlines() or [""])[0]
            raise InputError(
                f"{where} images must load and have one shape, got {type(err).__name__}: "
                f"{reason}; mend the data set"
            ) from err
        refuse_labels(labels, data.n_classes, where=where)
        yield images.float(), labels.long()

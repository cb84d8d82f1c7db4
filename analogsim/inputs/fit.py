"""Does a network fit the images that it is to be evaluated on?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analogsim.errors import InputError, first_line
from analogsim.inputs.answers import ONE_OUTPUT, class_logits
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
from analogsim.inputs.images import TensorImages
from analogsim.inputs.labels import refuse_labels
from analogsim.inputs.models import Model

# A sigmoid says between 0 and 1 of every image; of a few a logit may lie there, too.
_SIGMOID_IMAGES = 64
_LEAST_IMAGES = 8


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How many classes a network tells apart, and how its output is read where not plain."""

    n_classes: int
    notes: tuple[str, ...] = ()


@torch.no_grad()
def check_fit(model: Model, data: Data) -> Fit:
    """Run one image through the network; say how its outputs are read.

    Raises:
        InputError: the image's shape does not fit the network, the output is not one row of
            logits an image, it is not finite, or the class counts differ. Of a network with one
            output: it ends in a sigmoid.
    """
    pair = f"model {model.spec!r} and data {data.name!r}"
    where = f"model {model.spec!r} output"
    image, label = next(batches(data, 1))
    logits, notes = class_logits(_run(model, image, pair), 1, where=where)
    n_classes = logits.shape[1]
    if not bool(torch.isfinite(logits).all()):
        raise InputError(
            f"{where} must be finite, got NaN or infinity for the first image of {data.name!r}"
            "; check its weights and the normalisation"
        )
    if data.n_classes is not None and data.n_classes != n_classes:
        raise InputError(
            f"{pair} must have as many classes as each other, got {n_classes} and "
            f"{data.n_classes}; choose data that the model was trained on "
            f"(zoo networks: ?classes={data.n_classes})"
        )
    if ONE_OUTPUT in notes:
        _refuse_sigmoid(model, data, pair, where)
    labels = data.dataset.labels if isinstance(data.dataset, TensorImages) else label
    refuse_labels(labels, n_classes, where=f"data {data.name!r} for model {model.spec!r} labels")
    return Fit(n_classes=n_classes, notes=notes)


def _refuse_sigmoid(model: Model, data: Data, pair: str, where: str) -> None:
    images, _ = next(batches(data, _SIGMOID_IMAGES))
    logits, _ = class_logits(_run(model, images, pair), len(images), where=where)
    low, high = float(logits[:, 1].min()), float(logits[:, 1].max())
    if len(images) >= _LEAST_IMAGES and low >= 0 and high <= 1:
        raise InputError(
            f"{where} must be above 0 for one class and below 0 for the other, got {low:.3g} to "
            f"{high:.3g} for {len(images)} images, as of a sigmoid; return the value before it"
        )


@torch.no_grad()
def check_shape(model: Model, shape: tuple[int, ...]) -> None:
    """Run one synthetic image of a shape that the user gave through the network.

    Raises:
        InputError: the network does not take it.
    """
    pair = f"model {model.spec!r} and the input shape {_by(shape)}"
    try:
        image = torch.zeros(()).expand(1, *shape)
    except (RuntimeError, ValueError, TypeError, OverflowError) as err:
        raise InputError(
            f"{pair} must fit each other, got a shape that no tensor has; check --input-shape"
        ) from err
    _run(model, image, pair)


def as_network(module: nn.Module, images: Tensor) -> Tensor:
    """Images in the type and on the device of a network's first parameter."""
    first = next(module.parameters(), None)
    return images if first is None else images.to(device=first.device, dtype=first.dtype)


def _run(model: Model, image: Tensor, pair: str) -> object:
    try:
        return model.module(as_network(model.module, image))
    # A user's network may raise anything for an image that it does not expect.
    except (Exception, SystemExit) as err:
        shape = tuple(image.shape[1:])
        wanted = (
            f"{_by(model.input_shape)} images" if model.input_shape else "images that it can take"
        )
        reason = first_line(err)
        raise InputError(
            f"{pair} must fit each other: the model wants {wanted}, got {_by(shape)} "
            f"({reason}); choose other data or another model"
        ) from err


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)

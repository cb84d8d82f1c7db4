"""Does a network fit the images that it is to be evaluated on?"""

import torch
from torch import Tensor

from analogsim.errors import InputError
from analogsim.inputs.batches import batches
from analogsim.inputs.data import Data
from analogsim.inputs.images import TensorImages, refuse_labels
from analogsim.inputs.models import Model


@torch.no_grad()
def check_fit(model: Model, data: Data) -> int:
    """Run one image through the network; return how many classes it tells apart.

    Raises:
        InputError: the image's shape does not fit the network, the output is not one row of
            logits an image, it is not finite, or the class counts differ.
    """
    pair = f"model {model.spec!r} and data {data.name!r}"
    image, label = next(batches(data, 1))
    output = _run(model, image, pair)
    if not isinstance(output, Tensor) or output.ndim != 2 or output.shape[0] != 1:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise InputError(
            f"model {model.spec!r} output must have the shape (images, classes), got {got}"
            "; wrap the network so that it returns logits"
        )
    outputs = output.shape[1]
    if not bool(torch.isfinite(output).all()):
        raise InputError(
            f"model {model.spec!r} output must be finite, got NaN or infinity for the first "
            f"image of {data.name!r}; check its weights and the normalisation"
        )
    if data.n_classes is not None and data.n_classes != outputs:
        raise InputError(
            f"{pair} must have as many classes as each other, got {outputs} and "
            f"{data.n_classes}; choose data that the model was trained on "
            f"(zoo networks: ?classes={data.n_classes})"
        )
    labels = data.dataset.labels if isinstance(data.dataset, TensorImages) else label
    refuse_labels(labels, outputs, where=f"data {data.name!r} for model {model.spec!r}")
    return outputs


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


def _run(model: Model, image: Tensor, pair: str) -> object:
    first = next(model.module.parameters(), None)
    if first is not None:
        image = image.to(device=first.device, dtype=first.dtype)
    try:
        return model.module(image)
    # A user's network may raise anything for an image that it does not expect.
    except Exception as err:
        shape = tuple(image.shape[1:])
        wanted = (
            f"{_by(model.input_shape)} images" if model.input_shape else "images that it can take"
        )
        reason = (str(err).splitlines() or [type(err).__name__])[0]
        raise InputError(
            f"{pair} must fit each other: the model wants {wanted}, got {_by(shape)} "
            f"({reason[:200]}); choose other data or another model"
        ) from err


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)

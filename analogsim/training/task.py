"""What is to be trained, and the network that it starts from."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import TensorDataset

from analogsim.call import Inputs
from analogsim.centring import centre_for_
from analogsim.copying import copied
from analogsim.crossbar.chip.evaluate import Evaluation, evaluate
from analogsim.crossbar.conversion.trying import MOST_ROWS, try_forward
from analogsim.draws.addresses import seeded
from analogsim.errors import InputError
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
from analogsim.inputs.fit import as_network, check_fit
from analogsim.inputs.images import Normalise, TensorImages
from analogsim.inputs.models import Model, load_model
from analogsim.inputs.names import ZOO_PREFIX
from analogsim.inputs.state import load_state_with_notes_
from analogsim.inputs.trained_folder import WEIGHTS_FILE
from analogsim.inputs.weight_file import read_weight_file
from analogsim.inputs.zoo import parse_zoo
from analogsim.lowrank import adapt_for_
from analogsim.training.augment import shrink
from analogsim.training.images import TrainImages
from analogsim.training.method import LABELS, Method
from analogsim.training.recipe import Recipe

EVALUATION_BATCH = 250


@dataclass(frozen=True, kw_only=True)
class Training:
    """What to train on what, and how.

    Attributes:
        model: the text that names the network, as in `load_model`.
        train: the training images, in memory.
        test: the images that measure each epoch; they choose nothing.
        recipe: how.
        command: what remakes it, for the provenance.
        device: `cpu` or `cuda`.
        half: write the weights in half precision if that leaves the accuracy as it is.
        method: what is done beside SGD on labels.
        trained: start from the network's trained weights, which lie in `weights` where it is not
            shipped with some, and not from a random start.
        given: the network itself, trained, where it is held in memory; `model` is what it is
            called.
    """

    model: str
    train: Data
    test: Data
    recipe: Recipe
    command: str
    device: str = "cpu"
    half: bool = False
    method: Method = LABELS
    trained: bool = False
    weights: Path | None = None
    given: Model | None = None

    def __post_init__(self) -> None:
        if self.device not in {"cpu", "cuda"}:
            raise InputError(f"device must be cpu or cuda, got {self.device!r}; choose one")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError(
                f"device must be one that torch finds, got {self.device!r}; train on the cpu, or "
                "run analogsim doctor"
            )


def trained_model(training: Training) -> Model:
    """The trained network that a training starts from.

    Raises:
        InputError: its weights cannot be read, or are a random start.
    """
    if training.given is not None:
        return dataclasses.replace(training.given, module=copied(training.given.module))
    _refuse_folder(training.model)
    model = load_model(training.model, weights=training.weights)
    if not model.trained:
        raise InputError(
            f"model {training.model!r} must have trained weights to start from, got a random start "
            f"({model.note}); give --weights"
        )
    return model


def _refuse_folder(spec: str) -> None:
    # What is trained is named in the provenance, and a folder's name says nothing elsewhere.
    if Path(spec).is_dir():
        raise InputError(
            f"model to train must be zoo:NAME or FILE.py:FACTORY, got the folder {spec!r}; name "
            f"its network (to harden it, with --weights {spec}/{WEIGHTS_FILE})"
        )


def model_with(training: Training, weights: Path) -> Model:
    """The network of a training with the weights of a file."""
    if training.given is None:
        return load_model(training.model, weights=weights)
    model, tensors = trained_model(training), read_weight_file(weights).tensors
    centre_for_(model.module, tensors)
    adapt_for_(model.module, tensors)
    load_state_with_notes_(model.module, tensors, where=f"weights file {weights}")
    return model


def start_model(spec: str, seed: int) -> Model:
    """An untrained network; the start of a zoo network is drawn from `seed`.

    A user's network starts as its factory makes it.
    """
    _refuse_folder(spec)
    if not spec.startswith(ZOO_PREFIX):
        return load_model(spec)
    choice = parse_zoo(spec)
    with seeded(seed, "start"):
        module = choice.build()
    return Model(
        module=module.eval(),
        spec=spec,
        input_shape=choice.network.input_shape,
        n_classes=choice.classes,
        trained=False,
        note="untrained",
    )


def images_in_memory(data: Data, recipe: Recipe, device: torch.device) -> TrainImages:
    """The training images as stored, on the device.

    Raises:
        InputError: they are not in memory, or the recipe does not fit their number or size.
    """
    dataset = data.dataset
    if type(dataset) is TensorDataset:
        # Arrays as the network takes them, given in Python.
        images, labels = dataset.tensors
        as_given = Normalise(divisor=1, mean=(0.0,), std=(1.0,), source="as given")
        dataset = TensorImages(images, labels, as_given)
    if not isinstance(dataset, TensorImages):
        raise InputError(
            f"data {data.name!r} must be held in memory to be trained on, got "
            f"{type(dataset).__name__}; use cifar10, cifar100, digits, npz:FILE or arrays"
        )
    if len(data.input_shape) != 3:
        raise InputError(
            f"data {data.name!r} must be images (channels, height, width) to be trained on, got "
            f"inputs of shape {data.input_shape}; train in a loop of your own (TrainingNoise)"
        )
    if len(dataset) < recipe.batch_size:
        raise InputError(
            f"recipe batch_size must be at most the {len(dataset)} images of {data.name!r}, got "
            f"{recipe.batch_size}; lower --batch-size"
        )
    side = min(data.input_shape[1:])
    if recipe.crop >= side:
        raise InputError(
            f"recipe crop must be below the {side} pixels of an image of {data.name!r}, got "
            f"{recipe.crop}; lower --crop"
        )
    return TrainImages(
        images=dataset.images.to(device),
        labels=dataset.labels.long().to(device),
        normalise=dataset.normalise,
    )


def check_small_images(model: Model, recipe: Recipe, shape: tuple[int, ...]) -> None:
    """Refuse a recipe whose first, small images the network cannot take.

    Raises:
        InputError: the network fails on them.
    """
    short = min(shape[1:])
    side = recipe.side(0, short)
    if side == short:
        return
    try:
        with torch.no_grad():
            model.module(shrink(torch.zeros(1, *shape), side))
    except (RuntimeError, ValueError) as err:
        raise InputError(
            f"recipe grow must be 0 for model {model.spec!r}, got {recipe.grow}: it fails on "
            f"images of {side} pixels ({str(err).splitlines()[0][:120]}); leave --grow out"
        ) from err


def measure(model: Model, data: Data, *, limit: int | None = None) -> Evaluation:
    """Accuracy of a digital network, in the batches in which a training measures it.

    Raises:
        InputError: it does not fit the data, or keeps a state between calls.
    """
    check_fit(model, data)
    few, _ = next(batches(data, MOST_ROWS))
    tried = try_forward(model.module, Inputs.of(as_network(model.module, few)))
    read = batches(data, EVALUATION_BATCH, limit)
    result = evaluate(model.module, ((as_network(model.module, x), labels) for x, labels in read))
    return dataclasses.replace(result, notes=(*tried.notes, *result.notes))

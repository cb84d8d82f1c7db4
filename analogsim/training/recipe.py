"""How a network is trained: every number that decides the result, in one frozen value."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from analogsim.draws.seed import MOST_SEED
from analogsim.errors import InputError
from analogsim.inputs.names import ZOO_PREFIX
from analogsim.inputs.zoo import parse_zoo

Precision = Literal["bf16", "fp32"]
PRECISIONS: tuple[Precision, ...] = ("bf16", "fp32")
MOST_EPOCHS = 100_000
# Of what is multiplied with float32.
_MOST = 1e30


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """SGD with Nesterov momentum; the rate rises linearly, then falls along a cosine to zero.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step; what is left over at an epoch's end is left out of it.
        learning_rate: the peak of the rate.
        warmup: the fraction of all steps in which the rate rises, in [0, 1).
        momentum: of SGD, in [0, 1).
        weight_decay: on weights; none on biases and on the parameters of normalisation layers.
        label_smoothing: the share of the target spread over all classes, in [0, 1).
        crop: each image is moved by up to so many pixels along both axes, mirrored at its edge.
        flip: half of the images are mirrored left to right.
        grow: the fraction of the epochs, in [0, 1), in which images are shrunk: first to about
            5/8 of their side, then less, in steps of 4 pixels (progressive resizing). 0 shows
            whole images always.
        clip_norm: the largest norm of the gradient of all parameters; 0 does not clip.
        ema_decay: weight of the past, a step, in a running average of the network, which is then
            what is measured and saved; 0 keeps the network itself.
        precision: `bf16` computes products in bfloat16 (weights stay float32), `fp32` does not.
        seed: of the start, the order of the images and their augmentation.
    """

    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 0.2
    warmup: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    crop: int = 4
    flip: bool = True
    grow: float = 0.0
    clip_norm: float = 0.0
    ema_decay: float = 0.0
    precision: Precision = "bf16"
    seed: int = 0

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise InputError(f"recipe {'; '.join(problems)}; mend these")

    def _problems(self) -> Iterator[str]:
        for name, low in (("epochs", 1), ("batch_size", 1), ("crop", 0), ("seed", 0)):
            value = getattr(self, name)
            if value < low:
                yield f"{name} must be at least {low}, got {value}"
        for name, most in (("epochs", MOST_EPOCHS), ("seed", MOST_SEED)):
            if getattr(self, name) > most:
                yield f"{name} must be at most {most}, got {getattr(self, name)}"
        if not 0 < self.learning_rate <= _MOST:
            yield f"learning_rate must be above 0 and at most {_MOST:g}, got {self.learning_rate}"
        for name in ("weight_decay", "clip_norm"):
            value = getattr(self, name)
            if not 0 <= value <= _MOST:
                yield f"{name} must be at least 0 and at most {_MOST:g}, got {value}"
        for name in ("warmup", "momentum", "label_smoothing", "ema_decay", "grow"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                yield f"{name} must be in [0, 1), got {value}"
        if self.precision not in PRECISIONS:
            yield f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}"

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, of `steps` in all."""
        rising = self.warmup * steps
        if step < rising:
            return self.learning_rate * (step + 1) / (rising + 1)
        done = (step - rising) / (steps - rising)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def side(self, epoch: int, full: int) -> int:
        """The side, in pixels, to which an epoch (from 0) shrinks images of side `full`."""
        growing = self.grow * self.epochs
        if epoch >= growing:
            return full
        sides = range(-(-full * 5 // 32) * 4, full, 4)
        return sides[int(epoch / growing * len(sides))] if sides else full

    def to_json(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)


def default_recipe(model: str, data: str) -> Recipe:
    """The recipe for a network and a data set; both arms share all but rate and clipping.

    Without normalisation the gradients are large (a norm near 11 in ResNet20 after three epochs),
    so the peak of the rate is lower and the gradient is clipped. Rate and clipping were chosen
    by the training loss of ResNet20 after two epochs. A network with normalisation in its first
    stages only is trained as one without: nothing bounds its last stages, and all that are
    compared with the one without then differ from it in nothing but their layers.

    Handwritten digits are small and not symmetric: they are moved by a pixel and never mirrored.

    Args:
        model: the text that names the network.
        data: the text that names the images.
    """
    recipe = Recipe()
    if data == "digits":
        recipe = replace(recipe, crop=1, flip=False, batch_size=64, learning_rate=0.1)
    # A user's network may have anything; the options of the zoo say whether it is normalised.
    if model.startswith(ZOO_PREFIX) and not parse_zoo(model).normalised:
        recipe = replace(recipe, learning_rate=recipe.learning_rate / 2, clip_norm=2.0)
    return recipe

"""What a training does beside plain SGD on labels; `train` and `harden` share the loop."""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from torch import Tensor, nn
from torch.nn import functional

from analogsim.training.images import TrainImages
from analogsim.training.recipe import Recipe

SCORE, MARGIN = "score", "score_margin"
"""What an epoch is chosen by, in the log, and how much less than the best one is no worse."""


class Steps(Protocol):
    """A method at work on one network.

    Attributes:
        extra: what is trained beside the network, or None.
        chooses: whether `measure` gives `SCORE` and `MARGIN`, by which one epoch is kept.
    """

    extra: nn.Module | None
    chooses: bool

    def step(self, number: int) -> AbstractContextManager[None]:
        """Around the forward and backward pass of a step, counted from 0 over all epochs."""
        ...

    def loss(self, inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Of a batch; `logits` are float32."""
        ...

    def after_(self) -> None:
        """After the optimiser's step."""
        ...

    def epoch_(self, network: nn.Module) -> None:
        """At the end of an epoch, before anything is measured."""
        ...

    def measure(self, network: nn.Module, epoch: int) -> Mapping[str, float]:
        """What else the log says of an epoch, counted from 0."""
        ...

    def learned(self, extra: nn.Module | None) -> Mapping[str, Any]:
        """What the provenance says of `extra`, or of a copy of it."""
        ...


class Method(Protocol):
    """What to do; `begin` makes the `Steps` of one network."""

    @property
    def held_out(self) -> int:
        """How many training images are not trained on; `begin` gets them."""
        ...

    def to_json(self) -> Mapping[str, Any]:
        """What decides the result beside the recipe."""
        ...

    def begin(self, network: nn.Module, recipe: Recipe, held: TrainImages, steps: int) -> Steps:
        """
        Args:
            network: at its start.
            recipe: of the training.
            held: the images that are not trained on.
            steps: of all epochs.
        """
        ...


def kept_epoch(curve: Sequence[Mapping[str, float]]) -> int:
    """Which epoch of a log, from 0, is kept: the last that is within its margin of the best so far.

    The rate ends at zero, so that later epochs are better unless they are told apart as worse.
    """
    kept, best = 0, -math.inf
    for at, epoch in enumerate(curve):
        best = max(best, epoch[SCORE])
        if epoch[SCORE] + epoch[MARGIN] >= best:
            kept = at
    return kept


class _LabelSteps:
    extra: nn.Module | None = None
    chooses = False

    def __init__(self, recipe: Recipe) -> None:
        self._smoothing = recipe.label_smoothing

    def step(self, number: int) -> AbstractContextManager[None]:
        return nullcontext()

    def loss(self, inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(logits, labels, label_smoothing=self._smoothing)

    def after_(self) -> None:
        pass

    def epoch_(self, network: nn.Module) -> None:
        pass

    def measure(self, network: nn.Module, epoch: int) -> Mapping[str, float]:
        return {}

    def learned(self, extra: nn.Module | None) -> Mapping[str, Any]:
        return {}


class Labels:
    """The cross-entropy of the labels, and nothing else."""

    held_out = 0

    def to_json(self) -> Mapping[str, Any]:
        """Nothing: the recipe decides."""
        return {}

    def begin(self, network: nn.Module, recipe: Recipe, held: TrainImages, steps: int) -> Steps:
        """Steps that keep nothing."""
        return _LabelSteps(recipe)


LABELS = Labels()

"""Accuracy of a network or chip over images."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analogsim.crossbar.program import Chip
from analogsim.crossbar.seeds import seeded
from analogsim.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Counts over the images of one evaluation."""

    n_images: int
    n_correct: int
    n_nan: int
    """Images with a NaN among their outputs; they are scored as class 0."""

    @property
    def accuracy(self) -> float:
        """Share of correct images, in [0, 1]."""
        return self.n_correct / self.n_images


def evaluate(module: nn.Module, data: Iterable[tuple[Tensor, Tensor]]) -> Evaluation:
    """Top-1 accuracy over batches of (images, labels).

    On a chip the noise of the products is drawn from the address (seed, chip, time): the same
    chip, time and batches give the same outputs. aihwkit's C++ tile seeds its own product noise
    from the clock, which Python cannot reach; its evaluations do not repeat.

    Raises:
        InputError: no image, or outputs that are not (images, classes).
    """
    if isinstance(module, Chip):
        t_s = -1.0 if module.t_s is None else module.t_s
        with seeded(module.seed, "forward", module.chip, t_s):
            return _count(module, data)
    return _count(module, data)


def _count(module: nn.Module, data: Iterable[tuple[Tensor, Tensor]]) -> Evaluation:
    n_images = n_correct = n_nan = 0
    was_training = module.training
    module.eval()
    with torch.inference_mode():
        for images, labels in data:
            outputs = module(images)
            if not isinstance(outputs, Tensor) or outputs.dim() != 2:
                got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs)
                raise InputError(
                    f"outputs must be (images, classes), got {got}; give a classification network"
                )
            nan = torch.isnan(outputs).any(dim=1)
            predicted = torch.where(nan, 0, outputs.argmax(dim=1))
            n_images += len(labels)
            n_correct += int((predicted == labels.to(predicted.device)).sum())
            n_nan += int(nan.sum())
    module.train(was_training)
    if n_images == 0:
        raise InputError("data must hold at least one image, got none; give another set or limit")
    return Evaluation(n_images=n_images, n_correct=n_correct, n_nan=n_nan)

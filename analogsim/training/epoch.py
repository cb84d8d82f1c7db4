"""One pass over the training images."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from analogsim.batchnorm.layers import ScaleBatchNorm
from analogsim.draws.addresses import seeded
from analogsim.errors import InputError
from analogsim.inputs.answers import class_logits
from analogsim.training.augment import augment, epoch_order, shrink
from analogsim.training.images import TrainImages
from analogsim.training.method import Steps
from analogsim.training.recipe import Recipe

OnStep = Callable[[int, float], None]


@dataclass(frozen=True, kw_only=True)
class EpochResult:
    """Means over the steps of an epoch, on augmented images and changing weights."""

    loss: float
    accuracy: float


def make_optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD that decays weights, and neither biases nor the parameters of normalisation layers."""
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for module in network.modules():
        norm = isinstance(module, _NormBase | ScaleBatchNorm | nn.GroupNorm | nn.LayerNorm)
        for parameter in module.parameters(recurse=False):
            (kept if norm or parameter.ndim < 2 else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
    )


def train_epoch_(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: nn.Module | None,
    data: TrainImages,
    recipe: Recipe,
    method: Steps,
    *,
    epoch: int,
    on_step: OnStep,
    where: str,
) -> EpochResult:
    """Train for one epoch, counted from 0; changes network, optimiser and average.

    Torch's global random state is the same afterwards as before. What the network draws itself
    (dropout) is addressed by the seed and the epoch.

    Args:
        average: the running average of the network, or None.
        method: what a step does beside.
        on_step: called with (steps done in this epoch, loss of the last).
        where: how an error names the training.

    Raises:
        InputError: the loss is NaN or infinite.
    """
    steps = len(data.labels) // recipe.batch_size
    order = epoch_order(len(data.labels), seed=recipe.seed, epoch=epoch).to(data.images.device)
    side = recipe.side(epoch, min(data.images.shape[2:]))
    losses, right = 0.0, 0
    network.train()
    with seeded(recipe.seed, "train", epoch):
        for step in range(steps):
            chosen = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            images = augment(
                data.images[chosen],
                crop=recipe.crop,
                flip=recipe.flip,
                seed=recipe.seed,
                epoch=epoch,
                step=step,
            )
            inputs = shrink(data.normalise(images), side)
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            labels = data.labels[chosen]
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate(epoch * steps + step, recipe.epochs * steps)
            with method.step(epoch * steps + step):
                loss, logits = _loss(network, inputs, labels, recipe, method)
                value = loss.item()
                if not math.isfinite(value):
                    raise InputError(
                        f"{where} loss must be finite, got {value} at epoch {epoch + 1} step "
                        f"{step + 1}; lower --lr (now {recipe.learning_rate:g}) or clip the "
                        f"gradient (--clip, now {recipe.clip_norm:g})"
                    )
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            if recipe.clip_norm:
                nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
            optimiser.step()
            method.after_()
            if average is not None:
                update_average_(average, network, recipe.ema_decay, epoch * steps + step)
            losses += value
            right += int((logits.argmax(1) == labels).sum())
            on_step(step + 1, value)
    return EpochResult(loss=losses / steps, accuracy=right / (steps * recipe.batch_size))


@torch.no_grad()
def update_average_(average: nn.Module, network: nn.Module, decay: float, step: int) -> nn.Module:
    """Move a running average towards the network, and return it.

    BatchNorm's statistics are averaged with the weights. Early on the past weighs less than
    `decay`, at most (1 + step) / (10 + step), so that the random start is soon forgotten.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    now = network.state_dict()
    for name, past in average.state_dict().items():
        if past.is_floating_point():
            past.lerp_(now[name], weight)
        else:
            past.copy_(now[name])
    return average


def _loss(
    network: nn.Module, inputs: Tensor, labels: Tensor, recipe: Recipe, method: Steps
) -> tuple[Tensor, Tensor]:
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
        logits, _ = class_logits(network(inputs), len(labels))
    # In float32: bfloat16 has three digits, too few for a small loss.
    return method.loss(inputs, logits.float(), labels), logits

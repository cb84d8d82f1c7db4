"""ResNet20 hardened for the same processor time here, by aihwkit and by aihwkit-lightning.

    python benchmarks/equal_time.py --arm analogsim --seed 0 --out out/analogsim_s0.safetensors

One arm a call: `analogsim` is `analogsim.harden` as it is shipped, on the PCM law; `aihwkit` is its
torch tile, and `lightning` aihwkit-lightning, each with Gaussian noise in the weights and clipping,
by IBM's tutorial on hardware-aware training for a ResNet on CIFAR-10, at the rate of ours: after
three minutes it was better for both than the tutorial's 0.005. All three start from the shipped
network of the seed, see the same images in the same order, moved and mirrored alike (ours keeps
1,000 of them back), learn the answers of the digital start (distillation), and have ideal
converters. `referee.py` judges what they write: plain weights under the names of the start.

The time is the process's own, of one thread. A peer's rate falls along a cosine of the time spent,
to zero at its end, and its time is that of its steps alone; it computes in bfloat16 or float32,
whichever takes it less time. Ours counts all of `harden` but the study after it: so many whole
epochs as fit, by one that is trained first and thrown away, with what is measured after each.

aihwkit-lightning pins a torch of its own. Its arm needs neither aihwkit nor what analogsim is
installed with: torch, numpy, pillow, safetensors, and this repository on PYTHONPATH.
"""

import argparse
import copy
import dataclasses
import itertools
import math
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import torch
from common import emit, interleave, machine, start
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from analogsim.inputs.batching import batches
from analogsim.inputs.data import load_data
from analogsim.inputs.images import TensorImages
from analogsim.inputs.models import load_model
from analogsim.training.augment import augment, epoch_order

MODEL, DATA = "zoo:resnet20?norm=batch", "cifar10"
CHECKPOINTS = Path(__file__).parents[1] / "experiments" / "checkpoints"
BATCH, CROP = 128, 4
MOMENTUM, WEIGHT_DECAY = 0.9, 5e-4
JUDGED = 2000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Of a peer.

    Attributes:
        noise: standard deviation of the weights' noise, as a fraction of their largest.
        of: largest and standard deviation of each layer (`layer`), or of each output (`channel`).
        clip: weights are kept within so many of their standard deviations.
        rate: of SGD, at the start.
    """

    noise: float = 0.06
    of: str = "layer"
    clip: float = 2.0
    rate: float = 0.02


# The tutorial's but for the rate; in lightning by output, clipped as in IBM's own examples of it.
RECIPES = {"aihwkit": Recipe(), "lightning": Recipe(of="channel", clip=2.5)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peer:
    """A network at work in a peer: `digital` gives the plain network back."""

    network: nn.Module
    rule: torch.optim.Optimizer
    digital: Callable[[nn.Module], nn.Module]


def aihwkit(network: nn.Module, recipe: Recipe) -> Peer:
    """On torch tiles without converters."""
    from aihwkit.nn.conversion import convert_to_analog, convert_to_digital
    from aihwkit.optim import AnalogSGD
    from aihwkit.simulator.configs import TorchInferenceRPUConfig
    from aihwkit.simulator.parameters.enums import (
        WeightClipType,
        WeightModifierType,
        WeightRemapType,
    )

    by_channel = recipe.of == "channel"
    config = TorchInferenceRPUConfig()
    config.forward.is_perfect = True
    config.mapping.max_input_size = config.mapping.max_output_size = 0
    config.mapping.weight_scaling_omega = 1.0
    config.mapping.weight_scaling_columnwise = by_channel
    config.mapping.out_scaling_columnwise = by_channel
    config.modifier.type = WeightModifierType.ADD_NORMAL
    config.modifier.std_dev = recipe.noise
    config.clip.type = WeightClipType.LAYER_GAUSSIAN
    config.clip.sigma = recipe.clip
    kinds = WeightRemapType
    config.remap.type = kinds.CHANNELWISE_SYMMETRIC if by_channel else kinds.LAYERWISE_SYMMETRIC
    analog = convert_to_analog(copy.deepcopy(network), config).train()
    rule = AnalogSGD(
        analog.parameters(), lr=recipe.rate, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
    )
    return Peer(network=analog, rule=rule, digital=convert_to_digital)


def lightning(network: nn.Module, recipe: Recipe) -> Peer:
    """On one slice a layer, without converters."""
    from aihwkit_lightning.nn.conversion import convert_to_analog, convert_to_digital
    from aihwkit_lightning.optim import AnalogOptimizer
    from aihwkit_lightning.simulator.configs import (
        TorchInferenceRPUConfig,
        WeightClipType,
        WeightNoiseInjectionType,
    )

    noises, clips = WeightNoiseInjectionType, WeightClipType
    by_channel = recipe.of == "channel"
    config = TorchInferenceRPUConfig()
    config.mapping.max_input_size = 0
    config.modifier.noise_type = noises.ADD_NORMAL_PER_CHANNEL if by_channel else noises.ADD_NORMAL
    config.modifier.std_dev = recipe.noise
    config.clip.type = clips.LAYER_GAUSSIAN_PER_CHANNEL if by_channel else clips.LAYER_GAUSSIAN
    config.clip.sigma = recipe.clip
    analog = convert_to_analog(copy.deepcopy(network), config).train()
    rule = AnalogOptimizer(
        torch.optim.SGD,
        analog.analog_layers,
        analog.parameters(),
        lr=recipe.rate,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
    )
    return Peer(network=analog, rule=rule, digital=convert_to_digital)


PEERS = {"aihwkit": aihwkit, "lightning": lightning}


class Steps:
    """Steps of a peer, on the images that `harden` would take at the same step."""

    def __init__(
        self, peer: Peer, teacher: nn.Module, images: TensorImages, seed: int, precision: str
    ) -> None:
        self._peer, self._images, self._seed = peer, images, seed
        self._low = precision == "bf16"
        self._teacher = copy.deepcopy(teacher).eval().to(memory_format=torch.channels_last)
        self._order = torch.empty(0, dtype=torch.long)
        self.number = 0
        self.losses: list[float] = []

    def __call__(self, rate: float | None = None) -> None:
        """Take the next step, at this rate."""
        peer = self._peer
        for group in peer.rule.param_groups:
            group["lr"] = group["lr"] if rate is None else rate
        inputs = self._inputs()
        with torch.autocast("cpu", torch.bfloat16, enabled=self._low):
            with torch.no_grad():
                wanted = self._teacher(inputs.contiguous(memory_format=torch.channels_last))
            logits = peer.network(inputs)
        loss = functional.kl_div(
            functional.log_softmax(logits.float(), dim=1),
            functional.log_softmax(wanted.float(), dim=1),
            reduction="batchmean",
            log_target=True,
        )
        peer.rule.zero_grad()
        loss.backward()
        peer.rule.step()
        self.losses.append(loss.item())
        self.number += 1

    def _inputs(self) -> Tensor:
        images = self._images
        epoch, step = divmod(self.number, len(images) // BATCH)
        if step == 0:
            self._order = epoch_order(len(images), seed=self._seed, epoch=epoch)
        chosen = images.images[self._order[step * BATCH : (step + 1) * BATCH]]
        moved = augment(chosen, crop=CROP, flip=True, seed=self._seed, epoch=epoch, step=step)
        return images.normalise(moved)


def train_peer(given: argparse.Namespace, network: nn.Module) -> dict[str, Any]:
    """Write the weights of a peer; what the JSON line says of it."""
    asked = {name: getattr(given, name) for name in ("noise", "of", "clip", "rate")}
    recipe = dataclasses.replace(
        RECIPES[given.arm], **{name: value for name, value in asked.items() if value is not None}
    )
    images = load_data(DATA, split="train").dataset
    assert isinstance(images, TensorImages)

    def begin(precision: str) -> tuple[Peer, Steps]:
        torch.manual_seed(given.seed)
        peer = PEERS[given.arm](network, recipe)
        return peer, Steps(peer, network, images, given.seed, precision)

    choice = (given.precision,) if given.precision else ("fp32", "bf16")
    sides = {precision: begin(precision)[1] for precision in choice}
    times = interleave(sides, given.repeats, process_time)
    tried = {precision: statistics.median(values) for precision, values in times.items()}
    precision = min(tried, key=lambda one: tried[one])
    peer, steps = begin(precision)
    seconds, began = given.minutes * 60, process_time()
    for _ in itertools.count():
        spent = process_time() - began
        if spent >= seconds:
            break
        steps(recipe.rate * 0.5 * (1 + math.cos(math.pi * spent / seconds)))
    made = {name: one.contiguous() for name, one in peer.digital(peer.network).state_dict().items()}
    save_file(made, given.out)
    return {
        "steps": steps.number,
        "epochs": steps.number * BATCH / len(images),
        "seconds": spent,
        "seconds_a_step": spent / steps.number,
        "seconds_a_step_tried": tried,
        "precision": precision,
        "loss": {
            "first_20": statistics.fmean(steps.losses[:20]),
            "last_20": statistics.fmean(steps.losses[-20:]),
        },
        "recipe": {
            **dataclasses.asdict(recipe),
            "rule": "SGD",
            "momentum": MOMENTUM,
            "weight_decay": WEIGHT_DECAY,
            "schedule": "cosine of the time spent",
            "batch_size": BATCH,
            "loss": "distillation",
        },
    }


def train_ours(given: argparse.Namespace, weights: Path) -> dict[str, Any]:
    """The same by `analogsim.harden`."""
    from analogsim.studies.harden import harden
    from analogsim.studies.harden_method import default_hardening_recipe
    from analogsim.training import usual_precision

    options = {
        name: value for name in ("scale", "clip") if (value := getattr(given, name)) is not None
    }

    def hardened(epochs: int, out: Path | None) -> tuple[float, Any]:
        """Processor time until the study begins, and the provenance."""
        ended: list[float] = []
        with tempfile.TemporaryDirectory() as folder:
            usual = default_hardening_recipe(MODEL, DATA)
            recipe = dataclasses.replace(
                usual,
                epochs=epochs,
                learning_rate=usual.learning_rate if given.rate is None else given.rate,
                precision=given.precision or usual_precision("cpu", Path(folder)),
                seed=given.seed,
            )
            began = process_time()
            found = harden(
                MODEL,
                DATA,
                Path(folder) / "hardened",
                weights=weights,
                preset="pcm",
                periphery="ideal",
                recipe=recipe,
                seed=given.seed,
                chips=2,
                limit=100,
                progress=lambda *_: ended.append(process_time() - began),
                **options,
            )
            if out is not None:
                shutil.copyfile(found.weights, out)
        return ended[0], found.provenance

    epochs, one = given.epochs, None
    if not epochs:
        one, _ = hardened(1, None)
        epochs = int(given.minutes * 60 / one)
    if not epochs:
        sys.exit(
            f"error: --minutes must hold an epoch of {one:.0f} s, got {given.minutes}; raise it"
        )
    spent, provenance = hardened(epochs, given.out)
    steps = provenance["curve"][-1]["steps"]
    return {
        "steps": steps,
        "epochs": epochs,
        "seconds": spent,
        "seconds_a_step": spent / steps,
        "seconds_of_the_epoch_tried": one,
        "precision": provenance["recipe"]["precision"],
        "recipe": provenance["recipe"],
    }


@torch.no_grad()
def accuracy(weights: Path) -> float:
    """In digital, of the first test images."""
    network, right = load_model(MODEL, weights=weights).module.eval(), 0
    for images, labels in batches(load_data(DATA), BATCH, JUDGED):
        right += int((network(images).argmax(1) == labels).sum())
    return right / JUDGED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arm", choices=("analogsim", *PEERS), required=True)
    parser.add_argument("--seed", type=int, default=0, help="of the start and of all draws")
    parser.add_argument("--minutes", type=float, default=20.0, help="of processor time")
    parser.add_argument("--out", type=Path, required=True, help="weights to write")
    parser.add_argument("--epochs", type=int, help="of analogsim, in place of what fits")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="in place of the faster")
    parser.add_argument("--repeats", type=int, default=3, help="steps to choose the precision by")
    parser.add_argument("--scale", type=float, help="of our noise")
    parser.add_argument("--noise", type=float, help="of a peer's recipe, as the next")
    parser.add_argument("--of", choices=("layer", "channel"))
    parser.add_argument("--clip", type=float, help="of ours or a peer's, as the next")
    parser.add_argument("--rate", type=float)
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    result = {"benchmark": "equal_time", "malloc_thresholds": start(1), **machine()}
    weights = CHECKPOINTS / f"resnet20_cifar10_batch_s{given.seed}.safetensors"
    result |= {"arm": given.arm, "seed": given.seed, "minutes": given.minutes}
    result |= {"start": weights.name, "out": str(given.out)}
    if given.arm == "analogsim":
        result |= train_ours(given, weights)
    else:
        result |= train_peer(given, load_model(MODEL, weights=weights).module)
    emit({**result, "digital_accuracy": accuracy(given.out)}, as_json=True)


if __name__ == "__main__":
    main()

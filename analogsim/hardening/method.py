"""How a trained network is hardened: a method of training in the loop that `train` uses.

The loss is the distance to the network's own digital answers (distillation, which needs no labels),
the labels' cross-entropy, or both. After each epoch chips of their own, with training images that
were not trained on, say how good the network is; the last epoch that is not told apart as worse
than the best is kept. No chip and no image of the study that follows is among them.
"""

import copy
import math
import statistics
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from analogsim.crossbar.chip.evaluate import evaluate
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.draws.addresses import seed_of
from analogsim.errors import InputError
from analogsim.hardening.array import Array
from analogsim.hardening.chips import Injection
from analogsim.hardening.converted import chosen_layers, converted
from analogsim.hardening.edge import input_ranges_of
from analogsim.hardening.noise import TrainingNoise
from analogsim.hardening.statistics import CHIPS, estimate_statistics_
from analogsim.hardening.weight import Backward
from analogsim.inputs.answers import class_logits
from analogsim.lowrank import adapt_
from analogsim.schema import dumps, loads
from analogsim.training.images import TrainImages
from analogsim.training.method import MARGIN, SCORE, Steps
from analogsim.training.recipe import Recipe
from device_models.contract import Device

AUTO = "auto"
"""In place of a pattern of layers: those that an attribution names (`analogsim.harden`)."""

_CALIBRATION_IMAGES = 256
_BATCH = 250


@dataclass(frozen=True, kw_only=True)
class Hardening:
    """What a network is hardened against, and how.

    Attributes:
        preset: the device's name, for the record.
        device: the device.
        periphery, effects, keep_digital: as for `convert`.
        injection: which noise.
        layers: patterns of the layers on tiles that get noise and are trained; the weights and
            biases of the others stay as they are. None is all.
        array, backward: as for `TrainingNoise`.
        why_layers: why these, for the record.
        lora: rank of a digital adapter beside each of these layers, whose weights then stay as they
            are; 0 for none.
        ramp: the fraction of all steps in which the noise rises from 0 to its scale, in [0, 1).
        clip: each output's weights are kept within so many of their standard deviations; 0 does
            not clip.
        distill: the share of the loss that is the distance (Kullback-Leibler) to the answers of
            the digital network; the rest is the labels' cross-entropy. In [0, 1].
        temperature: by which both networks' logits are divided for that.
        statistics: chips over which BatchNorm's running statistics are estimated anew after each
            epoch, see `estimate_statistics_`; 0 leaves the moving averages.
        held_out: training images that are not trained on: they choose the epoch, and statistics are
            estimated with them.
        chips: that choose it, at the last of the injection's times.
    """

    preset: str
    device: Device
    periphery: str = "ideal"
    effects: tuple[str, ...] = ()
    keep_digital: tuple[str, ...] = ()
    injection: Injection = field(default_factory=Injection)
    layers: tuple[str, ...] = ()
    array: Array = "estimated"
    backward: Backward = "noisy"
    why_layers: str = ""
    lora: int = 0
    ramp: float = 0.1
    clip: float = 2.5
    distill: float = 1.0
    temperature: float = 1.0
    statistics: int = CHIPS
    held_out: int = 1000
    chips: int = 4

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.ramp < 1:
            problems.append(f"ramp must be in [0, 1), got {self.ramp}")
        if not 0 <= self.distill <= 1:
            problems.append(f"distill must be in [0, 1], got {self.distill}")
        if not (math.isfinite(self.clip) and self.clip >= 0):
            problems.append(f"clip must be finite and at least 0, got {self.clip}")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            problems.append(f"temperature must be finite and above 0, got {self.temperature}")
        for name, kind in (("array", Array), ("backward", Backward)):
            if getattr(self, name) not in get_args(kind):
                words = ", ".join(get_args(kind))
                problems.append(f"{name} must be one of {words}, got {getattr(self, name)!r}")
        if self.lora and self.clip:
            problems.append(f"clip must be 0 with lora, whose weights stay, got {self.clip}")
        for name, least in (("held_out", 2), ("chips", 2), ("lora", 0), ("statistics", 0)):
            if getattr(self, name) < least:
                problems.append(f"{name} must be at least {least}, got {getattr(self, name)}")
        if problems:
            raise InputError(f"hardening {'; '.join(problems)}; mend these")

    def to_json(self) -> Mapping[str, Any]:
        """Its fields by name."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "device"}
        # What came later and is as it was before goes on in folders of before.
        as_before = {
            "layers": (),
            "why_layers": "",
            "lora": 0,
            "backward": "noisy",
            "array": "none",
            "statistics": 0,
        }
        if self.periphery == "ideal":
            as_before["array"] = self.array
        found = {k: v for k, v in found.items() if k not in as_before or v != as_before[k]}
        # As JSON reads it back: lists for tuples.
        read: dict[str, Any] = loads(dumps({**found, "injection": asdict(self.injection)}))
        return {"hardening": read}

    def begin(self, network: nn.Module, recipe: Recipe, held: TrainImages, steps: int) -> Steps:
        """Steps on one network, whose digital copy is kept as it is now."""
        if recipe.ema_decay:
            raise InputError(
                f"recipe ema must be 0 to harden a network, got {recipe.ema_decay}: one "
                "epoch is kept; leave it out"
            )
        return _Steps(self, network, recipe, held, steps)


class _Steps:
    chooses = True

    def __init__(
        self, how: Hardening, network: nn.Module, recipe: Recipe, held: TrainImages, steps: int
    ) -> None:
        self._how, self._recipe = how, recipe
        self._teacher = copy.deepcopy(network).eval().requires_grad_(False)
        self._held = held.normalise(held.images).float(), held.labels
        self._steps, self._rising = steps, how.ramp * steps
        layers = how.layers
        if how.lora:
            names = chosen_layers(layers, tuple(self._converted(network).layers))
            adapt_(network, names, how.lora, seed=how.injection.seed)
            layers = tuple(f"{name}.base" for name in names)
        self._noise = TrainingNoise(
            network,
            how.device,
            how.periphery,
            how.injection,
            calibrate=self._calibration(),
            effects=how.effects,
            keep_digital=how.keep_digital,
            layers=layers,
            array=how.array,
            backward=how.backward,
        )
        for parameter in [*self._noise.others, *(self._noise.held if how.lora else ())]:
            parameter.requires_grad_(False)
        edges = self._noise.edges
        self.extra: nn.Module | None = nn.ModuleList(edges.values()) if edges else None
        self.after_()

    def step(self, number: int) -> AbstractContextManager[None]:
        scale = self._how.injection.scale
        rising = min(1.0, (number + 1) / (self._rising + 1))
        return self._noise.step(number, scale=rising * scale)

    def loss(self, inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        share = self._how.distill
        total = logits.new_zeros(())
        if share < 1:
            smoothing = self._recipe.label_smoothing
            total = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
            total = (1 - share) * total
        if share:
            total = total + share * self._distance(inputs, logits)
        return total

    def _distance(self, inputs: Tensor, logits: Tensor) -> Tensor:
        """To the digital network's answers: T^2 KL, whose gradient does not shrink with T."""
        temperature = self._how.temperature
        enabled = self._recipe.precision == "bf16"
        with torch.no_grad(), torch.autocast(inputs.device.type, torch.bfloat16, enabled=enabled):
            wanted, _ = class_logits(self._teacher(inputs), len(inputs))
        return temperature**2 * functional.kl_div(
            functional.log_softmax(logits / temperature, dim=1),
            functional.log_softmax(wanted.float() / temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )

    @torch.no_grad()
    def after_(self) -> None:
        if not self._how.clip:
            return
        for weight in self._noise.weights:
            rows = weight.view(len(weight), -1) if weight.is_contiguous() else weight.flatten(1)
            if rows.shape[1] > 1:
                most = self._how.clip * rows.std(dim=1).view(-1, *(1 for _ in weight.shape[1:]))
                weight.clamp_(-most, most)

    def epoch_(self, network: nn.Module) -> None:
        # What the steps themselves normalise by are the statistics of their batch.
        chips, (images, _) = self._how.statistics, self._held
        if chips:
            estimate_statistics_(network, self._noise, images, chips=chips, first=self._steps)

    def measure(self, network: nn.Module, epoch: int) -> Mapping[str, float]:
        """Accuracy of the held-out images on chips of their own, at the last time."""
        how, (images, labels) = self._how, self._held
        analog = self._converted(network, input_ranges=self._noise.input_ranges())
        seed = seed_of(how.injection.seed, "hardening choice")
        found = []
        for number in range(how.chips):
            chip = program(analog, seed, number)
            chip.drift_(max(how.injection.times_s), how.injection.compensation)
            found.append(evaluate(chip, _batches(images, labels)).accuracy)
        # Two standard errors.
        margin = 2 * statistics.stdev(found) / math.sqrt(len(found))
        return {SCORE: statistics.fmean(found), MARGIN: margin}

    def learned(self, extra: nn.Module | None) -> Mapping[str, Any]:
        if not isinstance(extra, nn.ModuleList):
            return {}
        return {"input_ranges": input_ranges_of(zip(self._noise.edges, extra, strict=True))}

    def _converted(self, network: nn.Module, **options: Any) -> AnalogModel:
        how = self._how
        return converted(
            network,
            how.device,
            how.periphery,
            calibrate=self._calibration(),
            effects=how.effects,
            keep_digital=how.keep_digital,
            **options,
        )

    def _calibration(self) -> Tensor:
        return self._held[0][:_CALIBRATION_IMAGES].cpu()


def _batches(images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(labels), _BATCH):
        chosen = slice(start, start + _BATCH)
        yield images[chosen].cpu(), labels[chosen].cpu()

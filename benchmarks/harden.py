"""A training step against the noise of chips, against the digital step.

    python benchmarks/harden.py --json

Each ratio is (time of the step) / (time of the digital step), round by round in one process, on
ResNet20: with the weights of a fresh PCM chip a step (drawn, drifted and compensated); through the
converters of the standard periphery with learned input ranges, too; and with IR drop and read noise
of each product, in what a step computes (`everything`) or in its gradient, too. aihwkit-lightning
and aihwkit's torch tile take part where they are installed, with Gaussian noise on the weights and
the same converters. With one thread it is the process's own time, which other processes disturb
less. Weights are random with calibrated BatchNorm.
"""

import contextlib
import copy
import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import perf_counter, process_time

import torch
from common import arguments, emit, interleave, machine, ratios, seconds, start
from torch import nn
from torch.nn import functional as F

import analogsim
from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD, Periphery
from analogsim.hardening.array import Array
from analogsim.inputs import parse_zoo

NAME = "zoo:resnet20"
PRECISIONS = ("fp32", "bf16")
Around = Callable[[int], AbstractContextManager[object]]


def nothing(step: int) -> AbstractContextManager[object]:
    """No noise."""
    return contextlib.nullcontext()


class Sides:
    """One step of each kind on the same images."""

    def __init__(self, batch: int, precision: str, *, last: bool) -> None:
        torch.manual_seed(0)
        self.net = parse_zoo(NAME).build().train()
        self.images, self.labels = torch.randn(batch, 3, 32, 32), torch.randint(10, (batch,))
        with torch.no_grad():
            for _ in range(3):
                self.net(self.images)
        order = torch.channels_last if last else torch.contiguous_format
        self.net = self.net.to(memory_format=order)
        self.images = self.images.contiguous(memory_format=order)
        self.autocast = precision == "bf16"

    def stepper(
        self, network: nn.Module, around: Around = nothing, ranges: tuple[nn.Parameter, ...] = ()
    ) -> Callable[[], None]:
        """A step of `network`, which is changed."""
        rule = torch.optim.SGD([*network.parameters(), *ranges], lr=1e-3, momentum=0.9)
        number = 0

        def step() -> None:
            nonlocal number
            rule.zero_grad()
            low = torch.autocast("cpu", torch.bfloat16, enabled=self.autocast)
            with around(number):
                with low:
                    loss = F.cross_entropy(network(self.images), self.labels)
                loss.backward()
            rule.step()
            number += 1

        return step

    def ours(self, periphery: str, array: Array = "none") -> Callable[[], None]:
        """With the noise of chips."""
        network = copy.deepcopy(self.net)
        noise = analogsim.TrainingNoise(
            network, "pcm", periphery, calibrate=self.images, array=array
        )
        return self.stepper(network.train(), noise.step, tuple(noise.parameters()))

    def all(self) -> dict[str, Callable[[], None]]:
        """Every side that can be run here; peers in float32 alone, which is what they have."""
        found = {
            "digital": self.stepper(copy.deepcopy(self.net)),
            "weights": self.ours("ideal"),
            "converters": self.ours("standard"),
            "everything": self.ours("standard", "forward"),
            "everything, whole gradient": self.ours("standard", "whole"),
        }
        if not self.autocast:
            for what, periphery in (("weights", IDEAL), ("converters", STANDARD)):
                found[f"aihwkit, {what}"] = self.stepper(aihwkit(self.net, periphery))
                peer = lightning(self.net, periphery)
                if peer is not None:
                    found[f"lightning, {what}"] = self.stepper(peer)
        return found


def aihwkit(network: nn.Module, periphery: Periphery) -> nn.Module:
    """aihwkit's torch tile with Gaussian noise in the weights and learned ranges."""
    from aihwkit.nn.conversion import convert_to_analog
    from aihwkit.simulator.parameters.enums import WeightModifierType

    config = build_rpu_config(periphery, "torch")
    config.modifier.type = WeightModifierType.ADD_NORMAL
    config.modifier.std_dev = 0.03
    config.pre_post.input_range.init_value = 3.0
    model: nn.Module = convert_to_analog(contiguous(network), config)
    return model.train()


def contiguous(network: nn.Module) -> nn.Module:
    """A copy in torch's usual order: lightning takes no other."""
    return copy.deepcopy(network).to(memory_format=torch.contiguous_format)


def lightning(network: nn.Module, periphery: Periphery) -> nn.Module | None:
    """The same by aihwkit-lightning; None where it is missing."""
    if importlib.util.find_spec("aihwkit_lightning") is None:
        return None
    from aihwkit_lightning.nn.conversion import convert_to_analog
    from aihwkit_lightning.simulator.configs import (
        TorchInferenceRPUConfig,
        WeightNoiseInjectionType,
    )

    config = TorchInferenceRPUConfig()
    config.modifier.noise_type = WeightNoiseInjectionType.ADD_NORMAL
    config.modifier.std_dev = 0.03
    config.mapping.max_input_size = periphery.max_input_size
    if not periphery.perfect:
        config.forward.inp_res = 2**periphery.dac_bits - 2
        config.forward.out_res = 2**periphery.adc_bits - 2
        config.forward.out_bound = periphery.output_bound
        config.forward.out_noise = periphery.output_noise
        config.pre_post.input_range.enable = True
        config.pre_post.input_range.init_value = 3.0
        config.pre_post.input_range.init_from_data = 0
    model: nn.Module = convert_to_analog(contiguous(network), config)
    return model.train()


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--precision", choices=PRECISIONS, action="append")
    options = parser.parse_args()
    result = {"benchmark": "harden", "malloc_thresholds": start(options.threads), **machine()}
    result |= {"batch": options.batch, "seconds": {}, "ratios": {}}
    clock = process_time if options.threads == 1 else perf_counter
    for precision in options.precision or PRECISIONS:
        # The order in which `harden` and `train` compute.
        sides = Sides(options.batch, precision, last=True).all()
        times = interleave(sides, options.repeats, clock)
        for side, values in times.items():
            result["seconds"][f"{precision}, {side}"] = seconds(values)
            if side != "digital":
                result["ratios"][f"{precision}, {side}"] = ratios(times, "digital", side)
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

"""A training step against the noise of chips, against the digital step.

    python benchmarks/harden.py --json
    python benchmarks/harden.py --model zoo:vgg16 --side digital --side everything --json
    python benchmarks/harden.py --memory --json
    python benchmarks/harden.py --processes 2 --threads 1 --json

Each ratio is (time of the step) / (time of the digital step), round by round in one process, on
ResNet20 or another network of the zoo: with the weights of a fresh PCM chip a step (drawn, drifted
and compensated); through the converters of the standard periphery with learned input ranges, too;
and with IR drop and read noise of each product, in what a step computes (`everything`) or in its
gradient, too. aihwkit-lightning and aihwkit's torch tile take part where they are installed, with
Gaussian noise on the weights and the same converters. With one thread it is the process's own time,
which other processes disturb less. Weights are random with calibrated BatchNorm. What an epoch
takes is reckoned: CIFAR-10 without the 1,000 images that `harden` holds out.

With `--memory` a process of its own for each side says how much it holds at most above what it held
before it had a network. With `--processes N` so many trainings (seeds, say) run side by side: how
many steps they make together in the time of one alone.
"""

import contextlib
import copy
import importlib.util
import multiprocessing
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
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
OURS: dict[str, tuple[str, Array]] = {
    "weights": ("ideal", "none"),
    "converters": ("standard", "none"),
    "everything": ("standard", "estimated"),
    "everything, whole gradient": ("standard", "whole"),
}
IMAGES = 49_000
STEPS = 3
"""Of a process that says what it holds; its second step has the optimiser's memory, too."""
Around = Callable[[int], AbstractContextManager[object]]


def nothing(step: int) -> AbstractContextManager[object]:
    """No noise."""
    return contextlib.nullcontext()


class Sides:
    """One step of each kind on the same images."""

    def __init__(self, name: str, batch: int, precision: str, *, last: bool) -> None:
        torch.manual_seed(0)
        self.net = parse_zoo(name).build().train()
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

    def make(self, side: str) -> Callable[[], None]:
        """One of `sides`."""
        who, _, what = side.rpartition(": ")
        if who:
            periphery = IDEAL if what == "weights" else STANDARD
            return self.stepper(
                {"aihwkit": aihwkit, "lightning": lightning}[who](self.net, periphery)
            )
        if side == "digital":
            return self.stepper(copy.deepcopy(self.net))
        return self.ours(*OURS[side])


def sides(precision: str) -> list[str]:
    """Those that can be run here; peers in float32 alone, which is what they have."""
    found = ["digital", *OURS]
    if precision == "fp32":
        peers = ["aihwkit"]
        if importlib.util.find_spec("aihwkit_lightning") is not None:
            peers.append("lightning")
        found += [f"{peer}: {what}" for what in ("weights", "converters") for peer in peers]
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


def lightning(network: nn.Module, periphery: Periphery) -> nn.Module:
    """The same by aihwkit-lightning."""
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


def held(field: str) -> float:
    """Megabytes of this process: `VmRSS` now, `VmHWM` at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith(f"{field}:")) / 1024


def in_process(work: Callable[..., float], *arguments: object) -> Callable[[], float]:
    """Start `work` in a process of its own; what it returns is there when this is called."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    started = context.Process(target=lambda: theirs.send(work(*arguments)))
    started.start()
    # Else a child that dies would leave us waiting.
    theirs.close()

    def result() -> float:
        found: float = ours.recv()
        started.join()
        return found

    return result


def memory(name: str, batch: int, precision: str, side: str) -> float:
    """Megabytes that a training of `STEPS` steps holds at most."""
    before = held("VmRSS")
    step = Sides(name, batch, precision, last=True).make(side)
    for _ in range(STEPS):
        step()
    return held("VmHWM") - before


def pace(name: str, batch: int, precision: str, side: str, repeats: int) -> float:
    """Seconds of a step."""
    step = Sides(name, batch, precision, last=True).make(side)
    step()
    begin = perf_counter()
    for _ in range(repeats):
        step()
    return (perf_counter() - begin) / repeats


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default=NAME, help="a network of the zoo for CIFAR")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--precision", choices=PRECISIONS, action="append")
    parser.add_argument("--side", action="append", help="these alone (once for each)")
    parser.add_argument("--memory", action="store_true", help="what each side holds at most")
    parser.add_argument("--processes", type=int, help="so many trainings side by side")
    options = parser.parse_args()
    result = {"benchmark": "harden", "malloc_thresholds": start(options.threads), **machine()}
    result |= {"model": options.model, "batch": options.batch}
    if not (options.memory or options.processes):
        result |= {"seconds": {}, "epoch_s": {}, "ratios": {}}
    for precision in options.precision or PRECISIONS:
        asked = options.model, options.batch, precision
        names = options.side or sides(precision)
        if options.memory:
            # Before anything is computed here, which a fork would inherit.
            for side in names:
                peak = in_process(memory, *asked, side)()
                result.setdefault("memory_mb", {})[f"{precision}, {side}"] = round(peak)
        elif options.processes:
            for side in names:
                work = partial(in_process, pace, *asked, side, options.repeats)
                one = work()()
                several = [work() for _ in range(options.processes)]
                together = round(sum(one / wait() for wait in several), 3)
                result.setdefault("steps_in_the_time_of_one", {})[f"{precision}, {side}"] = together
        else:
            # The order in which `harden` and `train` compute.
            made = Sides(*asked, last=True)
            clock = process_time if options.threads == 1 else perf_counter
            times = interleave({side: made.make(side) for side in names}, options.repeats, clock)
            for side, values in times.items():
                key, taken = f"{precision}, {side}", seconds(values)
                result["seconds"][key] = taken
                epoch = taken["median_s"] * (IMAGES // options.batch)
                result["epoch_s"][key] = round(epoch, 1)
                if side != "digital" and "digital" in times:
                    result["ratios"][key] = ratios(times, "digital", side)
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

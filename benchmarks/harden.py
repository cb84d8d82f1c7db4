"""A training step through a chip's converters against the digital step.

    python benchmarks/harden.py --json

Each ratio is (time of the step with converters) / (time of the digital step), round by round in one
process: the price of DAC, learned input ranges, output noise and ADC in every layer of ResNet20,
without the noise of weights. With one thread it is the process's own time, which other processes
disturb less. Weights are random with calibrated BatchNorm.
"""

import contextlib
import copy
from collections.abc import Callable
from time import perf_counter, process_time

import torch
from common import arguments, emit, interleave, machine, ratios, seconds, start
from torch import Tensor, nn
from torch.nn import functional as F

import analogsim
from analogsim.crossbar.mapping.layer import CrossbarLayer, crossbar_layers
from analogsim.hardening.edge import Edge
from analogsim.inputs import parse_zoo

NAME = "zoo:resnet20"
PRECISIONS = ("fp32", "bf16")


def through(module: nn.Module, layer: CrossbarLayer) -> Edge:
    """Let `module` compute through the converters of `layer` from now on."""
    edge, one = Edge(layer), torch.ones(1)

    def forward(x: Tensor) -> Tensor:
        assert isinstance(module.weight, Tensor)
        return edge.forward(x, module.weight, module.bias, one)

    module.forward = forward
    return edge


def sides(batch: int, precision: str, last: bool) -> dict[str, Callable[[], object]]:
    """One step of either kind on the same images."""
    torch.manual_seed(0)
    net = parse_zoo(NAME).build().train()
    x, labels = torch.randn(batch, 3, 32, 32), torch.randint(10, (batch,))
    order = torch.channels_last if last else torch.contiguous_format
    with torch.no_grad():
        for _ in range(3):
            net(x)
    analog = analogsim.convert(net.eval(), "ideal", "standard", calibrate=x)
    net, x = net.to(memory_format=order).train(), x.contiguous(memory_format=order)
    analog_net = copy.deepcopy(net)
    layers = crossbar_layers(analog.module)
    edges = [through(analog_net.get_submodule(name), each) for name, each in layers.items()]
    autocast = precision == "bf16"

    def stepper(module: nn.Module, ranges: list[nn.Parameter]) -> Callable[[], None]:
        rule = torch.optim.SGD([*module.parameters(), *ranges], lr=1e-3, momentum=0.9)

        def step() -> None:
            rule.zero_grad()
            with torch.autocast("cpu", torch.bfloat16) if autocast else contextlib.nullcontext():
                loss = F.cross_entropy(module(x), labels)
            loss.backward()
            rule.step()

        return step

    return {
        "digital": stepper(net, []),
        "converters": stepper(analog_net, [edge.input_range for edge in edges]),
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    result = {"benchmark": "harden", "malloc_thresholds": start(options.threads), **machine()}
    result |= {"batch": options.batch, "seconds": {}, "ratios": {}}
    clock = process_time if options.threads == 1 else perf_counter
    for precision in PRECISIONS:
        for order in ("contiguous", "channels_last"):
            steps = sides(options.batch, precision, order == "channels_last")
            times = interleave(steps, options.repeats, clock)
            name = f"{precision}, {order}"
            result["seconds"][name] = {side: seconds(values) for side, values in times.items()}
            result["ratios"][name] = ratios(times, "digital", "converters")
    emit(result, as_json=options.json)


if __name__ == "__main__":
    main()

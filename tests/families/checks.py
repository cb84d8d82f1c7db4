"""What every family is asked: a network as if trained, its chip, and a chip that must differ."""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import ClassVar
from zlib import crc32

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode

from analogsim import convert, program
from analogsim.call import Inputs
from analogsim.crossbar.conversion.checking import WARN_BELOW
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.errors import CoverageWarning
from device_models.constants import Constant
from device_models.contract import Device, DeviceInfo, NoiseLaw, TileContext


@dataclass(frozen=True, kw_only=True)
class Family:
    """One small network of an architecture, and what it is called with."""

    make: Callable[[], nn.Module]
    inputs: Callable[[int], Inputs]
    """For a batch size."""
    floor: float
    """Least share of the multiply-adds that lies on tiles; measured, then rounded down."""


def of_images(make: Callable[[], nn.Module], floor: float, size: int = 32) -> Family:
    """The family of this network, called with normal images of `size` x `size` pixels."""
    return Family(make=make, inputs=lambda n: Inputs((torch.randn(n, 3, size, size),)), floor=floor)


def factor_of(layer: str) -> float:
    """A factor between 0.7 and 0.95 that belongs to a layer's name."""
    return 0.7 + 0.25 * (crc32(layer.encode()) % 1000) / 1000


class WeakerLaw:
    """Weights times a factor, which do not drift."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        return weights * self.factor, [None]

    def apply_drift_noise(
        self, weights: Tensor, drift_noise_parameters: list[Tensor | None], t_inference: float
    ) -> Tensor:
        return weights


@dataclass(frozen=True, kw_only=True)
class Weaker(Device):
    """Every weight of a layer times `factor_of` its name: what is on tiles then shows."""

    info: ClassVar[DeviceInfo] = DeviceInfo(
        name="weaker",
        title="One factor a layer",
        models="Nothing physical.",
        not_modelled="Every device effect.",
        law="w = factor(layer) * target",
        citation="None: a test's device.",
        valid_times="any",
    )

    def constants(self) -> tuple[Constant, ...]:
        """Return nothing."""
        return ()

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return the factor of the context's layer."""
        return WeakerLaw(factor_of(context.layer))


def as_trained_(net: nn.Module, inputs: Inputs) -> nn.Module:
    """Give the network weights that hide nothing, and BatchNorm statistics that fit them.

    Layer scales, biases and last layers often start at 0 or at 1e-6: an error behind them would
    not be seen.
    """
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter = torch.atleast_1d(parameter)
            if parameter.numel() == len(parameter):
                spread = 0.05 if name.endswith("bias") else 0.2
            else:
                least = (2 / parameter[0].numel()) ** 0.5
                spread = max(0.1 * float(parameter.std()), least - float(parameter.std()))
            parameter.add_(spread * torch.randn_like(parameter))
        net.eval()
        norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        momenta = [m.momentum for m in norms]
        for norm in norms:
            norm.momentum = 1.0
            norm.train()
            if norm.affine:
                # Mostly positive: random layers with all signs enlarge rounding with depth.
                norm.weight.uniform_(0.5, 1.0)
                norm.bias.uniform_(0.4, 1.0)
        inputs.call(net)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            # A channel that is nearly constant on a few images would enlarge their rounding.
            norm.running_var.clamp_(min=0.1 * float(norm.running_var.mean()))
    return net.eval()


def tensors_of(value: object) -> Iterator[Tensor]:
    """Every tensor of an output, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_of(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_of(item)
    else:
        assert value is None, f"an output of {type(value).__name__} would not be compared"


def largest_error(got: object, expected: object) -> float:
    """The largest |got - expected| / |expected| (norms) of the tensors of two outputs."""
    assert type(got) is type(expected)
    pairs = list(zip(tensors_of(got), tensors_of(expected), strict=True))
    assert pairs
    assert all(a.shape == b.shape for a, b in pairs)
    return max(float((a - b).norm() / b.norm()) for a, b in pairs)


def assert_same(got: object, net: nn.Module, inputs: Inputs) -> None:
    """Assert that `got` is the network's output to 1e-5 of its norm.

    Where the network's own rounding in float32 is more than a quarter of that (deep networks
    enlarge it), to four times this rounding, but never to more than 1e-4.
    """
    expected = inputs.clone().call(net)
    error = largest_error(got, expected)
    if error >= 1e-5:
        doubled = inputs.map(lambda t: t.double() if t.is_floating_point() else t)
        exact = doubled.call(copy.deepcopy(net).double())
        assert error < min(4 * largest_error(expected, exact), 1e-4)


def weakened(net: nn.Module, analog: AnalogModel) -> nn.Module:
    """A copy whose layers that are on tiles have the weights of a `Weaker` chip."""
    copied = copy.deepcopy(net)
    modules = dict(copied.named_modules())
    for name in analog.layers:
        if name not in modules:
            _weaken_packed_(modules[name.rpartition(".")[0]], name)
            continue
        layer = modules[name]
        if parametrize.is_parametrized(layer):
            parametrize.remove_parametrizations(layer, "weight")
        # A new parameter: one that is tied with an embedding must leave that as it is.
        layer.weight = nn.Parameter(layer.weight.detach() * factor_of(name))
    return copied


def _weaken_packed_(module: nn.Module, name: str) -> None:
    """The same for a layer that only a rewrite has: torch keeps its weight in the module itself."""
    part = name.rpartition(".")[2]
    with torch.no_grad():
        if isinstance(module, nn.RNNBase):
            getattr(module, f"weight_{part}").mul_(factor_of(name))
            return
        assert isinstance(module, nn.MultiheadAttention)
        place = ("q_proj", "k_proj", "v_proj").index(part)
        module.in_proj_weight.chunk(3)[place].mul_(factor_of(name))


def check_family(family: Family) -> AnalogModel:
    """Assert all that is asked of a family; its conversion."""
    net = as_trained_(family.make(), family.inputs(32))
    example, other = family.inputs(2), family.inputs(3)
    # Where tiles compute under a half, the user is warned; anywhere else a warning is an error.
    few = pytest.warns(CoverageWarning) if family.floor < WARN_BELOW else nullcontext()
    with few:
        analog = convert(net, "ideal", "ideal", calibrate=example)
    assert analog.coverage.share > family.floor, str(analog.coverage)
    chip = program(analog)
    weak = program(dataclasses.replace(analog, device=Weaker()))
    with torch.no_grad():
        # torch's own counter knows no attention of CPUs and no experts: never more than ours.
        with FlopCounterMode(display=False) as counter:
            example.clone().call(copy.deepcopy(net).requires_grad_(False))
        assert analog.coverage.total >= counter.get_total_flops() // 2 > 0
        for inputs in (example, other):
            got = inputs.clone().call(chip)
            assert_same(got, net, inputs)
            first = next(tensors_of(got))
            assert bool(torch.isfinite(first).all())
            assert float((first[0] - first[1]).norm() / first.norm()) > 1e-3
        # What the report calls analog is what the tiles compute, layer by layer.
        weaker = other.clone().call(weak)
        assert_same(weaker, weakened(net, analog), other)
        assert largest_error(weaker, got) > 1e-3
    return analog

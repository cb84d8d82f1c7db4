"""The noise of chips around a training's own loop: `TrainingNoise`, and `noisy` for short."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from analogsim.crossbar.conversion.calibration_inputs import Calibration
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.streams import StreamName
from analogsim.draws.addresses import seed_of
from analogsim.errors import InputError
from analogsim.hardening.chips import Injection, TrainingChips
from analogsim.hardening.edge import Edge
from device_models.contract import Device
from device_models.effects.contract import Effect


class TrainingNoise:
    """Noise of chips in the weights of a network, a step at a time.

    Inside `step(k)` the network computes with the weights of chip k, forward and backward, and
    through the converters of its periphery, if that is not ideal. The gradient with respect to the
    noisy weights is that of the clean ones (straight-through), which the optimiser changes
    afterwards::

        noise = analogsim.TrainingNoise(net, preset="pcm")
        for k, (images, labels) in enumerate(loader):
            optimiser.zero_grad()
            with noise.step(k):
                criterion(net(images), labels).backward()
            optimiser.step()

    Attributes:
        chips: where the weights come from.
        edges: the converters of each layer, by its name; empty with an ideal periphery. Their input
            ranges are learned where an optimiser is given `parameters()`.
    """

    def __init__(
        self,
        network: nn.Module,
        preset: str | Device = "pcm",
        periphery: str | Periphery = "ideal",
        injection: Injection | None = None,
        *,
        calibrate: Calibration | None = None,
        effects: tuple[str | Effect, ...] = (),
        keep_digital: tuple[str, ...] = (),
    ) -> None:
        """
        Args:
            network: any network that `analogsim.convert` takes; it is changed inside `step` alone.
            preset: the device, as for `convert`.
            periphery: as for `convert`; its tiles say how weights are cut and scaled.
            injection: which noise; by default the device's own between 1 s and 1 year.
            calibrate: an example of the network's inputs, as for `convert`.
            effects, keep_digital: as for `convert`.

        Raises:
            InputError: as `convert`; or a layer on tiles is none of the network's own (attention
                and recurrent cells are converted as other layers), or its weight is not a
                parameter of its own.
            DeviceError: the device's law does not cover the times.
        """
        analog = converted(
            network,
            preset,
            periphery,
            calibrate=calibrate,
            effects=effects,
            keep_digital=keep_digital,
        )
        self.chips = TrainingChips(analog, injection or Injection())
        self._open: tuple[int, AbstractContextManager[None]] | None = None
        self._places = _places(network, analog)
        layers = {} if analog.periphery.perfect else self.chips.layers
        self.edges = {
            name: Edge(layer).to(self._places[name].parameter.device)
            for name, layer in layers.items()
        }

    @property
    def injection(self) -> Injection:
        """Which noise."""
        return self.chips.injection

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers whose weights are noisy."""
        return tuple(self._places)

    def parameters(self) -> list[nn.Parameter]:
        """What may be learned beside the network: the input ranges of the layers."""
        return [edge.input_range for edge in self.edges.values()]

    def input_ranges(self) -> dict[str, float]:
        """Full scale of each layer's DAC as it is now, for `convert`; empty without one."""
        return input_ranges_of(self.edges.items())

    @contextmanager
    def step(self, number: int, *, scale: float | None = None) -> Iterator[None]:
        """Compute with the weights of one chip inside the block.

        Args:
            number: of the step, at least 0: the draws depend on it, on the injection's seed and on
                the weights alone.
            scale: of the noise, in place of the injection's.

        Raises:
            InputError: the weights were changed inside the block (by an optimiser), which would be
                lost.
        """
        parameters = {name: place.parameter for name, place in self._places.items()}
        clean = {name: one.data for name, one in parameters.items()}
        noisy = self.chips.weights(number, clean, scale=scale)
        held = {name: _like(noisy[name], clean[name]) for name in clean}
        owned = {name: vars(place.module).get("forward") for name, place in self._places.items()}
        versions: dict[str, int] = {}
        try:
            for name, one in parameters.items():
                one.data = held[name]
                versions[name] = one._version
            self._take_over_(number)
            yield
        finally:
            changed = [name for name, was in versions.items() if parameters[name]._version != was]
            for name, one in parameters.items():
                one.data = clean[name]
                attributes = vars(self._places[name].module)
                attributes.pop("forward", None)
                if owned[name] is not None:
                    attributes["forward"] = owned[name]
        if changed:
            raise InputError(
                f"training step {number} must leave the weights as they are inside the block, got "
                f"{changed[0]} changed; call optimiser.step() after the block"
            )

    def begin_(self, number: int, *, scale: float | None = None) -> None:
        """Enter `step(number)` without a block, for hooks of somebody else's loop, until `end_`.

        Raises:
            InputError: another step has begun and not ended.
        """
        if self._open is not None:
            raise InputError(
                f"training step {number} must begin after the one before has ended, got step "
                f"{self._open[0]} still open; call end_() in front of the optimiser's step"
            )
        block = self.step(number, scale=scale)
        block.__enter__()
        self._open = number, block

    def end_(self) -> None:
        """Leave the step that `begin_` entered; does nothing where none is open.

        Raises:
            InputError: as the block of `step`.
        """
        if self._open is not None:
            (_, block), self._open = self._open, None
            block.__exit__(None, None, None)

    def _take_over_(self, number: int) -> None:
        """Let the layers compute through their converters, until the block ends."""
        seed = seed_of(self.injection.seed, "hardening output", number)
        draws: dict[torch.device, torch.Generator] = {}
        for name, edge in self.edges.items():
            module = self._places[name].module
            where = edge.input_range.device
            drawn = draws.setdefault(where, torch.Generator(where).manual_seed(seed))
            factor = edge.compensation

            def forward(
                x: Tensor,
                edge: Edge = edge,
                module: nn.Module = module,
                factor: Tensor = factor,
                drawn: torch.Generator = drawn,
            ) -> Tensor:
                weight, bias = module._parameters["weight"], module._parameters["bias"]
                assert weight is not None
                return edge.forward(x, weight, bias, factor, generator=drawn)

            vars(module)["forward"] = forward


@dataclass(frozen=True)
class _Place:
    """Where a layer's weight lies in the user's network."""

    module: nn.Module

    @property
    def parameter(self) -> nn.Parameter:
        """Looked up each time: a loop may replace it."""
        return self.module._parameters["weight"]  # type: ignore[return-value]  # checked by _places


def input_ranges_of(edges: Iterable[tuple[str, nn.Module]]) -> dict[str, float]:
    """Full scale of the DACs of layers, by name."""
    return {name: abs(float(edge.get_parameter("input_range").detach())) for name, edge in edges}


def converted(
    network: nn.Module,
    preset: str | Device,
    periphery: str | Periphery,
    *,
    calibrate: Calibration | None,
    effects: tuple[str | Effect, ...] = (),
    keep_digital: tuple[str, ...] = (),
    **options: Any,
) -> AnalogModel:
    """The network on tiles, with draws from the fast stream where device and effects have it."""

    def made(stream: StreamName) -> AnalogModel:
        return convert(
            network,
            preset,
            periphery,
            calibrate=calibrate,
            effects=effects,
            keep_digital=keep_digital,
            stream=stream,
            **options,
        )

    try:
        return made("philox")
    except InputError as error:
        if not str(error).startswith("stream 'philox'"):
            raise
    return made("aihwkit")


def _places(network: nn.Module, analog: AnalogModel) -> dict[str, _Place]:
    """Where the layers on tiles have their weights in the network.

    Raises:
        InputError: one is not there, or shares its weight with another.
    """
    where: dict[str, _Place] = {}
    owners: dict[int, str] = {}
    modules: Mapping[str, nn.Module] = dict(network.named_modules())
    for name, layer in analog.layers.items():
        module = modules.get(name)
        weight = None if module is None else module._parameters.get("weight")
        if module is None or weight is None or tuple(weight.shape) != layer.geometry.weight_shape:
            raise InputError(
                f"network layer {name} must have a weight of its own to be trained with noise, got "
                f"{_instead(module)}; keep it digital (keep_digital={name!r}), or write it with "
                "nn.Linear and convolutions"
            )
        other = owners.setdefault(id(weight), name)
        if other != name:
            raise InputError(
                f"network layers must not share a weight to be trained with noise, got {other} and "
                f"{name}; keep one of them digital"
            )
        where[name] = _Place(module)
    return where


def _instead(module: nn.Module | None) -> str:
    if module is None:
        return "a layer that only the converted network has (attention or a recurrent cell)"
    return "a weight that is computed (a parametrisation), or of another shape"


def _like(noisy: Tensor, clean: Tensor) -> Tensor:
    """In the memory order, type and place of the clean weight."""
    held = torch.empty_like(clean)
    return held.copy_(noisy.view_as(clean) if noisy.shape != clean.shape else noisy)


_noises: "WeakKeyDictionary[nn.Module, tuple[tuple[object, ...], TrainingNoise]]" = (
    WeakKeyDictionary()
)


@contextmanager
def noisy(
    network: nn.Module,
    step: int,
    preset: str | Device = "pcm",
    periphery: str | Periphery = "ideal",
    injection: Injection | None = None,
    **options: Any,
) -> Iterator[None]:
    """One training step with the noise of a chip: `with noisy(net, step): loss.backward()`.

    As `TrainingNoise(...).step(step)`; the conversion is made at the first step and kept while the
    arguments stay the same.

    Args:
        network, preset, periphery, injection, options: as for `TrainingNoise`.
        step: its number.

    Raises:
        InputError, DeviceError: as `TrainingNoise` and its `step`.
    """
    asked = (preset, periphery, injection, tuple(sorted(options.items(), key=lambda one: one[0])))
    known = _noises.get(network)
    if known is None or not _same(known[0], asked):
        known = (asked, TrainingNoise(network, preset, periphery, injection, **options))
        _noises[network] = known
    with known[1].step(step):
        yield


def _same(a: object, b: object) -> bool:
    """Equality that takes tensors by identity."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return a is b or (not isinstance(a, Tensor) and not isinstance(b, Tensor) and a == b)

"""The noise of chips around a training's own loop: `TrainingNoise`, and `noisy` for short."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from analogsim.crossbar.conversion.calibration_inputs import Calibration
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.product_law import NOTHING, product_law
from analogsim.draws.addresses import seed_of
from analogsim.errors import InputError
from analogsim.hardening.array import Array
from analogsim.hardening.chips import Injection, TrainingChips
from analogsim.hardening.converted import chosen_layers, converted
from analogsim.hardening.edge import Edge, input_ranges_of
from analogsim.hardening.places import Layer, hosts_of, places_of
from analogsim.hardening.weight import Backward, Weight
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
        others: parameters of layers on tiles that get no noise.
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
        layers: tuple[str, ...] = (),
        array: Array = "estimated",
        backward: Backward = "noisy",
    ) -> None:
        """
        Args:
            network: any network that `analogsim.convert` takes; it is changed inside `step` alone.
            preset: the device, as for `convert`.
            periphery: as for `convert`; its tiles say how weights are cut and scaled.
            injection: which noise; by default the device's own between 1 s and 1 year.
            calibrate: an example of the network's inputs, as for `convert`.
            effects, keep_digital: as for `convert`.
            layers: patterns (`fnmatch`) of the layers on tiles that get noise; none is all.
            array: see `Array`.
            backward: see `Backward`.

        Raises:
            InputError: as `convert`; or the weight of a layer on tiles is not a parameter of its
                own, or a pattern of `layers` matches none.
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
        places = places_of(network, analog)
        names = chosen_layers(layers, tuple(places))
        self.chips = TrainingChips(analog, injection or Injection(), names)
        self._open: tuple[int, AbstractContextManager[None]] | None = None
        self._places = {name: places[name] for name in names}
        self._clean = backward == "clean"
        law = product_law(analog.periphery, analog.tile, analog.device)
        law = NOTHING if array == "none" else law
        around = {} if analog.periphery.perfect else self.chips.layers
        self.edges = {
            name: Edge(layer, law, whole=array == "whole").to(self._places[name].parameter.device)
            for name, layer in around.items()
        }
        # As they are, torch's own modules compute with whatever their parameters hold.
        self._hosts = hosts_of(network, names) if self.edges or self._clean else {}
        held = {id(one) for place in self._places.values() for one in place.parameters}
        others = (one for name in places if name not in names for one in places[name].parameters)
        self.others = [one for one in others if id(one) not in held]

    @property
    def injection(self) -> Injection:
        """Which noise."""
        return self.chips.injection

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers whose weights are noisy."""
        return tuple(self._places)

    @property
    def held(self) -> list[nn.Parameter]:
        """The parameters that these layers' weights are, or are rows of."""
        return list({id(p): p for p in (one.parameter for one in self._places.values())}.values())

    @property
    def weights(self) -> list[Tensor]:
        """Of these layers, (outputs, ...) each: views of the network's parameters."""
        return [place.of(place.parameter.data) for place in self._places.values()]

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
        parameters = {
            id(place.parameter): (name, place.parameter) for name, place in self._places.items()
        }
        before = {key: one.data for key, (_, one) in parameters.items()}
        clean = {n: place.of(before[id(place.parameter)]) for n, place in self._places.items()}
        noisy = self.chips.weights(number, clean, scale=scale)
        during = {key: torch.empty_like(data).copy_(data) for key, data in before.items()}
        for name, place in self._places.items():
            part = place.of(during[id(place.parameter)])
            part.copy_(noisy[name].view_as(part))
        taken = self._forwards(number, clean)
        owned = [(module, vars(module).get("forward")) for module, _ in taken]
        versions: dict[int, int] = {}
        try:
            for key, (_, one) in parameters.items():
                one.data = during[key]
                versions[key] = one._version
            for module, forward in taken:
                vars(module)["forward"] = forward
            # An autocast around several steps would keep the weights of the first.
            torch.clear_autocast_cache()
            yield
        finally:
            changed = [
                name
                for key, (name, one) in parameters.items()
                if key in versions and one._version != versions[key]
            ]
            for key, (_, one) in parameters.items():
                one.data = before[key]
            torch.clear_autocast_cache()
            for module, own in owned:
                vars(module).pop("forward", None)
                if own is not None:
                    vars(module)["forward"] = own
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

    def _forwards(
        self, number: int, clean: Mapping[str, Tensor]
    ) -> list[tuple[nn.Module, Callable[..., object]]]:
        """What modules compute with in a step in place of their own forward pass."""
        if not self.edges and not self._clean:
            return []
        seed = seed_of(self.injection.seed, "hardening output", number)
        draws: dict[torch.device, torch.Generator] = {}
        layers = {}
        for name in self._places:
            where = self._places[name].parameter.device
            drawn = draws.setdefault(where, torch.Generator(where).manual_seed(seed))
            layers[name] = self._layer(name, clean[name] if self._clean else None, drawn)
        taken: list[tuple[nn.Module, Callable[..., object]]] = []
        inside: set[str] = set()
        for outer, host in self._hosts.items():
            of_host = {leaf: f"{outer}.{leaf}" if outer else leaf for leaf in host.places}
            called = {leaf: layers[name] for leaf, name in of_host.items() if name in layers}
            taken.append((host.module, host.calling(called)))
            inside.update(of_host.values())
        taken += [
            (place.module, layers[name])
            for name, place in self._places.items()
            if name not in inside
        ]
        return taken

    def _layer(self, name: str, clean: Tensor | None, drawn: torch.Generator) -> Layer:
        """The forward pass of one layer: with its converters, or of its weight alone."""
        place, edge = self._places[name], self.edges.get(name)
        geometry = self.chips.layers[name].geometry
        factor = None if edge is None else edge.compensation

        def forward(x: Tensor) -> Tensor:
            weight, bias = place.of(place.parameter), place.biased()
            if edge is not None and factor is not None:
                return edge.forward(x, weight, bias, factor, clean=clean, generator=drawn)
            y = Weight(weight, clean).product(geometry, x)
            return y if bias is None else y + bias.reshape(-1, *(1 for _ in geometry.kernel))

        return forward


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

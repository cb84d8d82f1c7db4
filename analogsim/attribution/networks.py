"""One converted network in other forms: another periphery, or some of its layers digital again.

Nothing is calibrated or mapped a second time: the forms share targets, scales and input ranges, so
that a chip's draws are the same in all of them.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from glob import escape

import torch
from torch import Tensor, nn

from analogsim.batchnorm.fold import fold_batchnorm
from analogsim.copying import copied
from analogsim.crossbar.conversion.form import absorb, digital_form
from analogsim.crossbar.forward.conversions import conversions_of
from analogsim.crossbar.forward.engines import choose_forward
from analogsim.crossbar.forward.planes import bound_of
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.bypassed import guard_bypassed_
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.plan import WHOLE_MODEL
from analogsim.errors import InputError


class Forms:
    """The forms of one converted network.

    Attributes:
        full: the network as the user asked for it.
        names: of its analog layers, in the order of the network.
    """

    def __init__(self, full: AnalogModel, example: Tensor) -> None:
        """`example`: a few input images, to fold BatchNorm as `full` did and to count products.

        Raises:
            InputError: products are not computed natively, or no layer is analog.
        """
        edge = full.periphery
        dynamic = not edge.perfect and edge.input_scaling == "dynamic"
        if full.forward != "native" or dynamic:
            raise InputError(
                f"attribution forward must be 'native', got {full.forward!r} "
                f"({full.forward_reason}); use --tile native, --forward auto and static input "
                "ranges: only there can each source be switched alone on the same draws"
            )
        self.full = full
        self.names = tuple(line.name for line in full.report if line.where == "analog")
        if not self.names:
            raise InputError("network must have an analog layer, got none; keep fewer digital")
        self._example = example
        self._plain = guard_bypassed_(_plain(full, example), full.report)

    def form(self, periphery: Periphery, analog: Collection[str]) -> AnalogModel:
        """The network with these layers analog, the others digital, and this periphery.

        Args:
            periphery: with the tile sizes of the full one; perfect or static.
            analog: names among `names`, at least one.
        """
        assert analog, "a network without analog layers is the digital one"
        full = self.full
        # Raises rather than fall back on aihwkit's slow tiles in silence.
        how, reason = choose_forward(periphery, full.tile, "native")
        layers = {name: _fresh(full.layers[name], periphery) for name in analog}
        module = _placed(self._plain, layers)
        merged = tuple(pair for pair in full.merged if pair[0] in layers)
        report = tuple(
            dataclasses.replace(line, where="digital", why="kept digital by choice", tiles=0)
            if line.name in self.names and line.name not in layers
            else line
            for line in full.report
        )
        kept = (escape(name) for name in self.names if name not in layers)
        return dataclasses.replace(
            full,
            module=module,
            periphery=periphery,
            forward=how,
            forward_reason=reason,
            keep_digital=(*full.keep_digital, *kept),
            merged=merged,
            absorbed=absorb(module, merged),
            report=report,
            checked=dataclasses.replace(full.checked, done=True),
        )

    @property
    def tile_rows(self) -> int:
        """Most inputs of a tile."""
        return max(tile.shape[1] for layer in self.full.layers.values() for tile in layer.tiles)

    @property
    def reach(self) -> float:
        """The largest output that a tile may have at its target, in ranges of its ADC."""
        found = 0.0
        for layer in self.full.layers.values():
            for place, tiles in enumerate(layer.places):
                held = [tile.target for tile in tiles]
                for number, one in enumerate(conversions_of(layer.periphery)):
                    largest = one.current(held.__getitem__).abs().sum(dim=1).max()
                    found = max(found, float(largest) / bound_of(layer, place, number))
        return found * max(self.full.periphery.input_bound, 1.0)

    def weights(self) -> dict[str, int]:
        """Weights of each analog layer."""
        return {
            name: sum(place[0].numel for place in layer.places) // layer.geometry.block
            for name, layer in self.full.layers.items()
        }

    def macs(self) -> dict[str, int]:
        """Products of each analog layer for one image; 0 for a layer that the example skips."""
        found = dict.fromkeys(self.names, 0)
        handles = []
        for name in self.names:
            products = self.full.layers[name].geometry.products

            def count(
                _m: nn.Module, _x: object, y: Tensor, name: str = name, each: int = products
            ) -> None:
                found[name] += y.numel() * each // len(self._example)

            module = self._plain.get_submodule("" if name == WHOLE_MODEL else name)
            handles.append(module.register_forward_hook(count))
        try:
            with torch.inference_mode():
                self._plain(self._example.clone())
        finally:
            for handle in handles:
                handle.remove()
        return found


def share(of: Mapping[str, int], names: Sequence[str]) -> float:
    """The part of a sum over layers that some of them make."""
    return sum(of[name] for name in names) / sum(of.values())


def _plain(full: AnalogModel, example: Tensor) -> nn.Module:
    """The digital network that `full` places on tiles: the source, folded if it is."""
    plain = digital_form(full.source, analog=full.layers).module
    if full.bn != "fold":
        return plain
    # Folded by the same code on the same weights, so that the numbers are the same.
    return fold_batchnorm(plain, example).module


def _fresh(layer: CrossbarLayer, periphery: Periphery) -> CrossbarLayer:
    # Without an engine, which would hold a copy of the weights for each form: a chip's layers
    # get their own when it is programmed.
    other = layer.fresh()
    other.periphery = periphery
    bounds, before = layer.output_bounds, layer.periphery
    if bounds is not None:
        # More bits have the same step, and a range as much wider.
        times = periphery.output_bound / before.output_bound
        other.output_bounds = bounds * times if periphery.needs_output_ranges else None
    return other


def _placed(plain: nn.Module, layers: Mapping[str, CrossbarLayer]) -> nn.Module:
    """A copy whose layers of these names compute with these; it shares all tensors."""
    memo: dict[int, object] = {
        id(tensor): tensor for tensor in (*plain.parameters(), *plain.buffers())
    }
    module = copied(plain, memo)
    for name, layer in layers.items():
        layer.take_over_(module.get_submodule("" if name == WHOLE_MODEL else name))
    return module

"""The native forward pass with slices, encodings, errors of converters and ranges of outputs.

Each conversion (see `conversions`) is one product of the layer's own kind; what no converter lies
between is folded into one. The digital side shifts and adds.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from analogsim.crossbar.forward.adc_stage import coded
from analogsim.crossbar.forward.adc_tables import tables_of
from analogsim.crossbar.forward.conversions import (
    compensated_together,
    conversions_of,
    digits,
    input_slices,
    net,
)
from analogsim.crossbar.forward.input_stage import InputStage
from analogsim.crossbar.forward.planes import Coded, InputSum, Placed, Plane, bound_of, lsb_of
from analogsim.crossbar.forward.sliced_terms import Drive, drives_of
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer, Engine
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.product_law import NOTHING, ProductLaw
from analogsim.draws.addresses import generator_at


class SlicedEngine(Engine):
    """DAC, products, output noise, ADC and shift-and-add, for static input ranges.

    Where the law of the products has IR drop or read noise, these are products, too.
    """

    where: Tensor

    def __init__(self, law: ProductLaw = NOTHING) -> None:
        super().__init__()
        self.law = law
        # An empty buffer that follows the module from device to device.
        self.register_buffer("where", torch.empty(0), persistent=False)
        self.splits = nn.ModuleList()
        self._chip: tuple[int, int] | None = None
        self._tables: dict[tuple[int, int], Coded] = {}

    def load_(self, layer: CrossbarLayer) -> None:
        """Build the products of each split of the inputs."""
        if layer.chip != self._chip:
            # Another chip has other converters.
            self._chip, self._tables = layer.chip, {}
        gain, offset = layer.affine()
        places = list(enumerate(layer.places))
        starts = sorted({place[0].slot.inputs.start for _, place in places})
        # The first split adds the offset.
        self.splits = nn.ModuleList(
            _Split(
                self,
                layer,
                [one for one in places if one[1][0].slot.inputs.start == start],
                gain,
                None if i else offset,
            ).to(self.where.device)
            for i, start in enumerate(starts)
        )

    def table(self, layer: CrossbarLayer, place: int, number: int) -> Coded | None:
        """The codes of the ADC behind a conversion of a place; None where it has no table."""
        edge = layer.periphery
        if not edge.has_code_table:
            return None
        if (place, number) not in self._tables:
            tile = layer.places[place][0]
            seed, chip = layer.chip or (0, 0)
            unit = conversions_of(edge)[number].unit
            self._tables[place, number] = tables_of(
                edge,
                1 if unit else tile.shape[0],
                lambda: generator_at(seed, "adc", layer.name, tile.slot.index, number, chip),
            )
        return self._tables[place, number]

    def read_out(
        self, layer: CrossbarLayer, index: int, weights: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Unit inputs through DAC, output noise and ADC, of a part that is compensated alone."""
        place, part = divmod(index, len(layer.periphery.parts))
        return self.answers(layer, place, {part: weights}, generator)

    def answers(
        self,
        layer: CrossbarLayer,
        place: int,
        weights: Mapping[int, Tensor],
        generator: torch.Generator,
    ) -> Tensor:
        """(out, in): what a place answers to unit inputs while some parts hold `weights`.

        Args:
            layer: the layer of the place.
            place: its number.
            weights: by part, of all those that are compensated together.
            generator: of the output noise.
        """
        edge = layer.periphery
        if not edge.adc_bits:
            return self._noisy(net(edge, weights), edge, generator).clamp_(
                -edge.output_bound, edge.output_bound
            )
        groups = compensated_together(edge)
        total: Tensor | None = None
        for number, one in enumerate(conversions_of(edge)):
            if groups[one.group] != tuple(weights):
                continue
            bound = bound_of(layer, place, number)
            lsb = lsb_of(edge, bound)
            y = self._noisy(one.current(weights.__getitem__), edge, generator).div_(lsb)
            table = self.table(layer, place, number)
            if table is None:
                y = y.round_() if edge.has_steps else y
                y = y.clamp_(-bound / lsb, bound / lsb)
            else:
                y = coded(y, table[0], torch.tensor(table[1]))
            y = y * (lsb if one.factor > 0 else -lsb)
            total = y if total is None else total + y
        assert total is not None, "parts that are compensated together have conversions"
        return total

    @staticmethod
    def _noisy(y: Tensor, edge: Periphery, generator: torch.Generator) -> Tensor:
        if edge.output_noise == 0:
            return y.clone()
        return y + edge.output_noise * torch.empty_like(y).normal_(generator=generator)

    def forward(self, layer: CrossbarLayer, x: Tensor) -> Tensor:
        """The sum of the splits' outputs, digital bias included."""
        total: Tensor | None = None
        for split in self.splits:
            total = split.forward(layer.geometry, x, total)
        assert total is not None
        return total

    def currents(self, layer: CrossbarLayer, x: Tensor) -> Iterator[tuple[int, int, Tensor]]:
        """(place, conversion, outputs in front of the ADC) of each product, without noise."""
        for split in self.splits:
            assert isinstance(split, _Split)
            yield from split.currents(layer.geometry, x)


class _Split(nn.Module):
    """The places that share their input channels: one for each group (and output split)."""

    def __init__(
        self,
        engine: SlicedEngine,
        layer: CrossbarLayer,
        places: list[Placed],
        gain: Tensor,
        offset: Tensor | None,
    ) -> None:
        super().__init__()
        edge = layer.periphery
        self.stage = InputStage(layer, [place[0] for _, place in places])
        self._slices, self._bits = input_slices(edge), edge.bits_per_input
        self._edge, self._suffers = edge, bool(engine.law)
        self.planes = nn.ModuleList(
            Plane(
                engine.law,
                engine.table,
                layer,
                places,
                self.stage,
                number,
                one,
                gain,
                None if number else offset,
            )
            for number, one in enumerate(conversions_of(edge))
        )
        self.sums = InputSum(layer, places, self.stage, gain) if edge.offset else None

    def _applied(self, x: Tensor) -> list[Tensor]:
        return digits(x, self._bits, self._slices) if self._slices else [x]

    def _drives(self, x: Tensor) -> list[Drive]:
        return [(x, 1.0)] if self._slices else drives_of(x, self._edge, self.stage.full)

    def forward(self, geometry: Geometry, x: Tensor, total: Tensor | None) -> Tensor:
        """This split's outputs, and those of the others so far where there are any."""
        x = self.stage(geometry, x)
        for k, applied in enumerate(self._applied(x)):
            each = self._drives(applied) if self._suffers else []
            for plane in self.planes:
                total = plane.forward(geometry, applied, total, float(2 ** (self._bits * k)), each)
        if self.sums is not None:
            assert total is not None
            total = self.sums(geometry, x, total)
        assert total is not None
        return total

    def currents(self, geometry: Geometry, x: Tensor) -> Iterator[tuple[int, int, Tensor]]:
        """See `SlicedEngine.currents`."""
        for applied in self._applied(self.stage(geometry, x)):
            for plane in self.planes:
                assert isinstance(plane, Plane)
                yield from plane.currents(geometry, applied)

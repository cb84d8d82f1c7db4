"""The native forward pass with slices, encodings, errors of converters and ranges of outputs.

Each conversion (see `conversions`) is one product of the layer's own kind; what no converter lies
between is folded into one. The digital side shifts and adds.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from analogsim.crossbar.adc.table import CodeTable
from analogsim.crossbar.forward.adc_stage import AdcStage, coded, shaped
from analogsim.crossbar.forward.adc_tables import tables_of
from analogsim.crossbar.forward.conversions import (
    Conversion,
    compensated_together,
    conversions_of,
    digits,
    input_slices,
    net,
)
from analogsim.crossbar.forward.input_stage import InputStage
from analogsim.crossbar.forward.packed import Product, channels_last
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer, Engine
from analogsim.crossbar.mapping.periphery import Periphery, step
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.addresses import generator_at

Coded = tuple[CodeTable, list[int]]
Placed = tuple[int, list[TileState]]
"""A place's number in its layer, and its tiles."""


class SlicedEngine(Engine):
    """DAC, products, output noise, ADC and shift-and-add, for static input ranges."""

    where: Tensor

    def __init__(self) -> None:
        super().__init__()
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
        """The codes of the ADC behind a conversion of a place; None for a uniform one."""
        edge = layer.periphery
        if edge.adc_kind == "uniform":
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
            lsb = _lsb(edge, bound)
            y = self._noisy(one.current(weights.__getitem__), edge, generator).div_(lsb)
            table = self.table(layer, place, number)
            if table is None:
                y = y.round_().clamp_(-bound / lsb, bound / lsb)
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


def bound_of(layer: CrossbarLayer, place: int, number: int) -> float:
    """The largest output that the ADC of a conversion tells from larger ones."""
    if layer.output_bounds is None:
        return layer.periphery.output_bound
    return float(layer.output_bounds[place, number])


def _lsb(edge: Periphery, bound: float) -> float:
    if not edge.adc_bits:
        return 1.0
    return (
        step(edge.adc_bits, bound) if edge.adc_kind == "uniform" else 2 * bound / 2**edge.adc_bits
    )


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
        self.planes = nn.ModuleList(
            _Plane(engine, layer, places, self.stage, number, one, gain, None if number else offset)
            for number, one in enumerate(conversions_of(edge))
        )
        self.sums = _InputSum(layer, places, self.stage, gain) if edge.offset else None

    def _applied(self, x: Tensor) -> list[Tensor]:
        return digits(x, self._bits, self._slices) if self._slices else [x]

    def forward(self, geometry: Geometry, x: Tensor, total: Tensor | None) -> Tensor:
        """This split's outputs, and those of the others so far where there are any."""
        x = self.stage(geometry, x)
        for k, applied in enumerate(self._applied(x)):
            for plane in self.planes:
                total = plane.forward(geometry, applied, total, float(2 ** (self._bits * k)))
        if self.sums is not None:
            assert total is not None
            total = self.sums(geometry, x, total)
        assert total is not None
        return total

    def currents(self, geometry: Geometry, x: Tensor) -> Iterator[tuple[int, int, Tensor]]:
        """See `SlicedEngine.currents`."""
        for applied in self._applied(self.stage(geometry, x)):
            for plane in self.planes:
                assert isinstance(plane, _Plane)
                yield from plane.currents(geometry, applied)


class _Plane(nn.Module):
    """One conversion of all the places of a split."""

    outputs: Tensor | None
    factor: Tensor
    lsb: Tensor

    def __init__(
        self,
        engine: SlicedEngine,
        layer: CrossbarLayer,
        places: list[Placed],
        stage: InputStage,
        number: int,
        one: Conversion,
        gain: Tensor,
        offset: Tensor | None,
    ) -> None:
        super().__init__()
        geometry, edge = layer.geometry, layer.periphery
        main = compensated_together(edge)[one.group][0]
        # Without an ADC the drift compensations lie in the sum.
        folded = not edge.adc_bits
        sliced = input_slices(edge) > 0
        largest = 2.0**edge.bits_per_input - 1 if sliced else stage.full
        columns = _columns(places, geometry, unit=one.unit)
        width = max(part.stop for part in columns)
        groups, inputs = geometry.groups, places[0][1][0].slot.inputs
        kernel = geometry.kernel_size
        matrix = torch.zeros(groups, width, len(stage.channels) * kernel)
        lsb = torch.ones(groups, width)
        factor = torch.empty(groups, geometry.out_features)
        outputs = torch.zeros(groups, geometry.out_features, dtype=torch.long)
        skipped = inputs.start - stage.channels.start * kernel
        tables: list[CodeTable] = []
        rows = torch.zeros(groups, width, dtype=torch.long)
        self._members: list[tuple[int, int, slice]] = []
        for (place, tiles), part in zip(places, columns, strict=True):
            slot, tile = tiles[0].slot, tiles[main]
            group, row = slot.group, _lsb(edge, bound_of(layer, place, number))
            held = [each.present if folded else each.weights for each in tiles]
            current = one.current(held.__getitem__)
            stop = skipped + inputs.stop - inputs.start
            matrix[group, part, skipped:stop] = current / (row * largest)
            lsb[group, part] = row
            behind = tile.scale.reshape(-1) if folded else tile.behind_adc
            share = largest / stage.full * one.factor
            factor[group, slot.outputs] = behind * (row * tiles[0].input_range * share)
            outputs[group, slot.outputs] = group * width + part.start
            table = engine.table(layer, place, number)
            if table is not None:
                first = sum(len(each.values) for each in tables)
                rows[group, part] = torch.tensor(table[1]) + first
                tables.append(table[0])
            self._members.append((place, group, part))
        self.number, self._width = number, width
        self.product = Product()
        weight = matrix.reshape(groups * width, -1, *geometry.kernel)
        if geometry.kind == "linear":
            weight = matrix.reshape(groups * width, -1)
        self.product.take_(channels_last(weight))
        factor = factor.reshape(-1) * gain
        self.register_buffer("lsb", lsb.reshape(-1), persistent=False)
        # One reading of a unit column serves all outputs of its place.
        spread = outputs.reshape(-1) if one.unit else None
        self.register_buffer("outputs", spread, persistent=False)
        self.register_buffer("factor", factor, persistent=False)
        levels = 2.0 ** (edge.adc_bits - 1)
        bound = edge.output_bound if folded else levels - (edge.adc_kind == "uniform")
        self.adc = AdcStage(
            sigma=(edge.output_noise / lsb).reshape(-1),
            bound=bound,
            rounded=not folded,
            factor=torch.ones(groups * width) if one.unit else factor,
            offset=offset,
            table=(CodeTable.stacked(tables), rows.reshape(-1).tolist()) if tables else None,
        )

    def forward(self, geometry: Geometry, x: Tensor, total: Tensor | None, times: float) -> Tensor:
        """The products through the ADC, times their factors, plus `total`."""
        y = self.product.forward(geometry, x, None)
        if self.outputs is None:
            return self.adc(geometry, y, total, times)  # type: ignore[no-any-return]
        assert total is not None, "the cells' own conversion comes first"
        y = self.adc.digital(geometry, y).index_select(geometry.channel_axis, self.outputs)
        return total.addcmul_(y, shaped(self.factor, geometry) * times)

    def currents(self, geometry: Geometry, x: Tensor) -> Iterator[tuple[int, int, Tensor]]:
        """(place, conversion, outputs in front of the ADC)."""
        y = self.product.forward(geometry, x, None) * shaped(self.lsb, geometry)
        for place, group, part in self._members:
            first = group * self._width + part.start
            yield place, self.number, y.narrow(geometry.channel_axis, first, part.stop - part.start)


def _columns(places: list[Placed], geometry: Geometry, *, unit: bool) -> list[slice]:
    """Of each place, its columns within its group."""
    if not unit:
        return [tiles[0].slot.outputs for _, tiles in places]
    starts = sorted({tiles[0].slot.outputs.start for _, tiles in places})
    found = (starts.index(tiles[0].slot.outputs.start) for _, tiles in places)
    return [slice(i, i + 1) for i in found]


class _InputSum(nn.Module):
    """What the digital side subtracts where weights have an offset: the sum of the inputs."""

    factor: Tensor

    def __init__(
        self, layer: CrossbarLayer, places: list[Placed], stage: InputStage, gain: Tensor
    ) -> None:
        super().__init__()
        geometry = layer.geometry
        kernel, groups = geometry.kernel_size, geometry.groups
        inputs = places[0][1][0].slot.inputs
        skipped = inputs.start - stage.channels.start * kernel
        matrix = torch.zeros(groups, len(stage.channels) * kernel)
        matrix[:, skipped : skipped + inputs.stop - inputs.start] = 1.0
        shape = (groups, -1, *geometry.kernel)
        self.product = Product()
        self.product.take_(channels_last(matrix.reshape(shape)))
        factor = torch.empty(groups, geometry.out_features)
        for _, tiles in places:
            tile = tiles[0]
            size = layer.periphery.offset * tile.input_range / stage.full
            factor[tile.slot.group, tile.slot.outputs] = tile.scale.reshape(-1) * size
        self.register_buffer("factor", factor.reshape(-1) * gain, persistent=False)

    def forward(self, geometry: Geometry, x: Tensor, total: Tensor) -> Tensor:
        """`total`, with the offset of all weights added."""
        sums = self.product.forward(geometry, x, None)
        if geometry.groups > 1:
            each = geometry.out_features
            sums = sums.repeat_interleave(each, dim=geometry.channel_axis)
        return total.addcmul_(sums, shaped(self.factor, geometry))

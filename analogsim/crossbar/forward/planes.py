"""One conversion of the places of a split: its product, what the array does to it, and its ADC."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from analogsim.crossbar.adc.table import CodeTable
from analogsim.crossbar.forward.adc_stage import AdcStage, shaped
from analogsim.crossbar.forward.array_terms import Terms
from analogsim.crossbar.forward.conversions import (
    Conversion,
    compensated_together,
    drives,
    input_slices,
)
from analogsim.crossbar.forward.input_stage import InputStage
from analogsim.crossbar.forward.packed import Product, channels_last
from analogsim.crossbar.forward.sliced_terms import Drive, SlicedTerms
from analogsim.crossbar.mapping.geometry import Geometry
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import Periphery, step
from analogsim.crossbar.mapping.product_law import ProductLaw
from analogsim.crossbar.mapping.tile import TileState

Coded = tuple[CodeTable, list[int]]
Placed = tuple[int, list[TileState]]
"""A place's number in its layer, and its tiles."""


def bound_of(layer: CrossbarLayer, place: int, number: int) -> float:
    """The largest output that the ADC of a conversion tells from larger ones."""
    if layer.output_bounds is None:
        return layer.periphery.output_bound
    return float(layer.output_bounds[place, number])


def lsb_of(edge: Periphery, bound: float) -> float:
    """One step of the ADC."""
    if not edge.adc_bits:
        return 1.0
    return 2 * bound / 2**edge.adc_bits if edge.has_code_table else step(edge.adc_bits, bound)


class Plane(nn.Module):
    """One conversion of all the places of a split."""

    outputs: Tensor | None
    factor: Tensor
    lsb: Tensor

    def __init__(
        self,
        law: ProductLaw,
        table_of: Callable[[CrossbarLayer, int, int], Coded | None],
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
            group, row = slot.group, lsb_of(edge, bound_of(layer, place, number))
            held = [each.present if folded else each.weights for each in tiles]
            current = one.current(held.__getitem__)
            stop = skipped + inputs.stop - inputs.start
            matrix[group, part, skipped:stop] = current / (row * largest)
            lsb[group, part] = row
            behind = tile.scale.reshape(-1) if folded else tile.behind_adc
            share = largest / stage.full * one.factor
            factor[group, slot.outputs] = behind * (row * tiles[0].input_range * share)
            outputs[group, slot.outputs] = group * width + part.start
            table = table_of(layer, place, number)
            if table is not None:
                first = sum(len(each.values) for each in tables)
                rows[group, part] = torch.tensor(table[1]) + first
                tables.append(table[0])
            self._members.append((place, group, part))
        self.number, self._width = number, width
        self.terms: SlicedTerms | None = None
        if law:
            taken = slice(skipped, skipped + inputs.stop - inputs.start)
            top = 2.0**edge.bits_per_input - 1 if drives(edge) > 1 else largest
            members = [
                (tiles[0].slot.group, part, lsb_of(edge, bound_of(layer, place, number)), tiles)
                for (place, tiles), part in zip(places, columns, strict=True)
            ]
            count = 1 if sliced else drives(edge)
            self.terms = SlicedTerms(law, geometry, rows=taken, top=top, drives=count).take_(
                one, members, (groups, width, matrix.shape[-1]), folded=folded
            )
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
        bound = edge.output_bound if folded else levels - (not edge.has_code_table)
        self.adc = AdcStage(
            sigma=(edge.output_noise / lsb).reshape(-1),
            bound=bound,
            rounded=edge.has_steps,
            factor=torch.ones(groups * width) if one.unit else factor,
            offset=offset,
            table=(CodeTable.stacked(tables), rows.reshape(-1).tolist()) if tables else None,
            array=None if self.terms is None else self.terms.only,
        )

    def forward(
        self,
        geometry: Geometry,
        x: Tensor,
        total: Tensor | None,
        times: float,
        applied: Sequence[Drive] = (),
    ) -> Tensor:
        """The products through the ADC, times their factors, plus `total`.

        `applied` are the drives that `x` consists of, where the law of the products asks for them.
        """
        y = self.product.forward(geometry, x, None)
        left: Terms | None = None
        if self.terms is not None:
            y, left = self.terms.suffer_(y, applied)
        if self.outputs is None:
            return self.adc(geometry, y, total, times, left)  # type: ignore[no-any-return]
        assert total is not None, "the cells' own conversion comes first"
        y = self.adc.digital(geometry, *self.adc.met(geometry, y, left)).index_select(
            geometry.channel_axis, self.outputs
        )
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


class InputSum(nn.Module):
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

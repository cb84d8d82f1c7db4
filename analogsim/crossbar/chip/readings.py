"""What a drift compensation reads of a tile: through the layer's engine, or summed currents.

Parts of weights that an ADC sees only together are read, and compensated, together.

A signed weight is a differential pair, so an output has two columns of cells: the current of its
plus cells and that of its minus cells are each a sum of one sign. With all rows driven at one
voltage these sums are hundreds of times the answer of a single cell, and fill the ADC (Joshi et
al., Nat. Commun. 11:2473, 2020, read chips so). The voltage is chosen once, after programming, and
is the same in both readings: it cancels, and so the DAC's steps do not enter.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from analogsim.crossbar.chip.compensation import Compensation, Method, Reading, compensate_
from analogsim.crossbar.chip.effects import ChipEffects
from analogsim.crossbar.forward.conversions import net
from analogsim.crossbar.forward.sliced import SlicedEngine
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import Periphery, step
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.addresses import generator_at


def read_tile(
    kind: Compensation,
    layer: CrossbarLayer,
    tile: TileState,
    start: Callable[[], Tensor],
    at: tuple[int, int, float],
) -> Reading:
    """Read a tile that holds its present weights.

    Args:
        kind: which reading; not `none`, and `gain` reads as `global`.
        layer: the layer of the tile; its engine reads the tile out.
        tile: holds the drifted weights.
        start: gives what it held right after programming.
        at: (root seed, chip number, time in seconds), the address of both readings' draws.
    """
    if kind == "current":
        return read_currents(layer, tile, start(), at)
    assert layer.engine is not None
    seed, chip, t_s = at
    index = tile.slot.index
    if kind not in tile.baselines:
        answers = tile.target
        if kind != "exact":
            generator = generator_at(seed, "baseline", layer.name, index, chip)
            answers = layer.engine.read_out(layer, index, start(), generator)
        tile.baselines[kind] = mean_answer(kind, answers)
    generator = generator_at(seed, "compensation", layer.name, index, chip, t_s)
    now = layer.engine.read_out(layer, index, tile.weights, generator)
    return Reading(before=tile.baselines[kind], now=mean_answer(kind, now))


def mean_answer(kind: Compensation, answers: Tensor) -> Tensor:
    """Mean |answer| over unit inputs (and over outputs, but for `column`); answers (out, in)."""
    size = answers.abs()
    return size.mean(dim=1) if kind == "column" else size.mean().reshape(1)


SMALLEST_CURRENT = 1e-4
"""A tile whose largest current is below it holds nothing that could drift: its factor is 1."""


def read_currents(
    layer: CrossbarLayer, tile: TileState, start: Tensor, at: tuple[int, int, float]
) -> Reading:
    """The sums of a tile's currents after programming and now, (1,) each.

    Args:
        layer: the layer of the tile; its periphery reads.
        tile: holds the drifted weights.
        start: what it held right after programming.
        at: (root seed, chip number, time in seconds), the address of both readings' draws.
    """
    seed, chip, t_s = at
    place = (layer.name, tile.slot.index, chip)
    programmed = summed_currents(start)
    largest = float(programmed.max())
    if largest < SMALLEST_CURRENT:
        return Reading(before=torch.ones(1), now=torch.ones(1))
    voltage = layer.periphery.output_bound / largest
    if "current" not in tile.baselines:
        generator = generator_at(seed, "current baseline", *place)
        tile.baselines["current"] = _read(programmed * voltage, layer.periphery, generator)
    generator = generator_at(seed, "current", *place, t_s)
    now = _read(summed_currents(tile.weights) * voltage, layer.periphery, generator)
    # A sum of zero is one that no step of the ADC has seen.
    edge = layer.periphery
    least = step(edge.adc_bits, edge.output_bound) if edge.has_steps else SMALLEST_CURRENT
    return Reading(before=tile.baselines["current"], now=now, least=least)


def summed_currents(weights: Tensor) -> Tensor:
    """(2 out,) float64, at least 0: all rows of the plus cells of each output, then of the minus.

    Args:
        weights: (out, in), in tile units; the unit of the sums at full-scale inputs.
    """
    exact = weights.double()
    return torch.cat([exact.clamp(min=0).sum(dim=1), -exact.clamp(max=0).sum(dim=1)])


def _read(currents: Tensor, periphery: Periphery, generator: torch.Generator) -> Tensor:
    """(1,): the sum of `currents`, each through output noise, ADC and bound."""
    noise = torch.empty(len(currents)).normal_(generator=generator)
    seen = currents + periphery.output_noise * noise
    if periphery.has_steps:
        res = step(periphery.adc_bits, periphery.output_bound)
        seen = (seen / res).round() * res
    bound = periphery.output_bound
    return seen.clamp(-bound, bound).sum().reshape(1)


def compensate_group_(
    layer: CrossbarLayer,
    place: int,
    group: tuple[int, ...],
    effects: ChipEffects,
    method: Method,
    t_s: float,
) -> list[TileState]:
    """Set the drift compensation of some parts of a place, which hold their present weights.

    Args:
        layer: the layer of the place.
        place: its number.
        group: parts of its weights.
        effects: on the chip's cells, with its root seed and number.
        method: not by whole columns.
        t_s: seconds since programming.
    """
    tiles = {part: layer.places[place][part] for part in group}
    first = next(iter(tiles.values()))
    kind: Compensation = method.reading
    at = (layer.name, first.slot.index, effects.chip)

    def answers(weights: dict[int, Tensor], *address: str | int | float) -> Tensor:
        if isinstance(layer.engine, SlicedEngine):
            generator = generator_at(effects.seed, *address)
            return mean_answer(kind, layer.engine.answers(layer, place, weights, generator))
        return mean_answer(kind, net(layer.periphery, weights))

    if kind not in first.baselines:
        if kind == "exact":
            targets = {part: tile.target for part, tile in tiles.items()}
            first.baselines[kind] = mean_answer(kind, net(layer.periphery, targets))
        else:
            start = {part: effects.start(layer, tile) for part, tile in tiles.items()}
            first.baselines[kind] = answers(start, "baseline", *at)
    now = answers({part: tile.weights for part, tile in tiles.items()}, "compensation", *at, t_s)
    reading = Reading(before=first.baselines[kind], now=now)
    factor = compensate_([first], reading, method)
    for tile in list(tiles.values())[1:]:
        tile.compensate_(factor, before_adc=method.before_adc)
    return list(tiles.values())

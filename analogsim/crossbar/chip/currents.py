"""The reading of compensation `current`: what the columns of a tile conduct all together.

A signed weight is a differential pair, so an output has two columns of cells: the current of its
plus cells and that of its minus cells are each a sum of one sign. With all rows driven at one
voltage these sums are hundreds of times the answer of a single cell, and fill the ADC (Joshi et
al., Nat. Commun. 11:2473, 2020, read chips so). The voltage is chosen once, after programming, and
is the same in both readings: it cancels, and so the DAC's steps do not enter.
"""

import torch
from torch import Tensor

from analogsim.crossbar.chip.compensation import Reading
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import Periphery, step
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.addresses import generator_at

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

"""Drift compensation of parts of weights that an ADC sees only together: they share a factor."""

from torch import Tensor

from analogsim.crossbar.chip.compensation import Compensation, Method, Reading, compensate_
from analogsim.crossbar.chip.effects import ChipEffects
from analogsim.crossbar.chip.readings import mean_answer
from analogsim.crossbar.forward.conversions import net
from analogsim.crossbar.forward.sliced import SlicedEngine
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.addresses import generator_at


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

"""What a drift compensation reads of one tile, through the layer's engine."""

from collections.abc import Callable

from torch import Tensor

from analogsim.crossbar.chip.compensation import Compensation, Reading
from analogsim.crossbar.chip.currents import read_currents
from analogsim.crossbar.mapping.layer import CrossbarLayer
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

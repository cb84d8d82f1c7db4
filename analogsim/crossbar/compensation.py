"""Drift compensation: the factor that undoes the mean loss of conductance of each tile.

`global` (Joshi et al., Nat. Commun. 11:2473, 2020): the tile answers unit inputs after
programming and again now; alpha is the ratio of the mean absolute answers. Both readings pass the
periphery, its noise included. `exact` takes the reference from the target weights without
periphery; `column` takes one ratio for each output.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from analogsim.crossbar.layer import CrossbarLayer, Engine, TileState
from analogsim.crossbar.seeds import seeded

Compensation = Literal["none", "global", "exact", "column"]
COMPENSATIONS: tuple[Compensation, ...] = get_args(Compensation)

_SMALLEST = 1e-4
"""Lower bound of a mean answer, as in aihwkit, so that an all-zero tile has alpha 1."""


def drift_compensation(
    kind: Compensation,
    layer: CrossbarLayer,
    tile: TileState,
    engine: Engine,
    address: tuple[int, int, float],
) -> Tensor:
    """The factor of a tile, shape (1,) or, for `column`, (out,).

    Args:
        kind: which compensation.
        layer: the layer of the tile.
        tile: holds the drifted weights.
        engine: reads the tile out.
        address: (root seed, chip number, time in seconds) of the draws of both readings.
    """
    if kind == "none":
        return torch.ones(1)
    seed, chip, t_s = address
    index = tile.slot.index
    if kind == "exact":
        reference = _mean_answer(kind, tile.target.T)
    else:
        assert tile.programmed is not None, "only a programmed tile is compensated"
        with seeded(seed, "baseline", layer.name, index, chip):
            reference = _mean_answer(kind, engine.read_out(layer, index, tile.programmed))
    with seeded(seed, "compensation", layer.name, index, chip, t_s):
        now = _mean_answer(kind, engine.read_out(layer, index, tile.weights))
    return reference / now


def _mean_answer(kind: Compensation, answers: Tensor) -> Tensor:
    """Mean |answer| over unit inputs (and over outputs, but for `column`); answers (in, out)."""
    size = answers.abs()
    mean = size.mean(dim=0) if kind == "column" else size.mean().reshape(1)
    return mean.clamp(min=_SMALLEST)

"""Drift compensation: the factor that undoes the mean loss of conductance of each tile.

`global` (Joshi et al., Nat. Commun. 11:2473, 2020): the tile answers unit inputs after
programming and again now; alpha is the ratio of the mean absolute answers. Both readings pass the
periphery, its noise included. `exact` takes the reference from the target weights without
periphery; `column` takes one ratio for each output. All of these multiply in digital, behind the
ADC, and so amplify the output noise and the ADC's steps with the signal. `gain` is the alpha of
`global` in front of the ADC, the gain of the integrator: only the signal is amplified. `current`
reads whole columns, see `currents.py`: it fills the ADC where a single cell's answer is below one
step.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from analogsim.crossbar.chip.currents import current_factor
from analogsim.crossbar.mapping.layer import CrossbarLayer, TileState
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.draws.addresses import generator_at

Compensation = Literal["none", "global", "exact", "column", "gain", "current"]
COMPENSATIONS: tuple[Compensation, ...] = get_args(Compensation)

BEHIND_ADC: Mapping[Compensation, Compensation] = {"gain": "global"}
"""Compensations in front of the ADC: which one behind it has their alpha, from the same draws."""

SMALLEST_ANSWER = 1e-4
"""Lower bound of a mean answer, as in aihwkit, so that an all-zero tile has alpha 1."""


def reading_of(compensation: Compensation, periphery: Periphery) -> Compensation:
    """The compensation whose reading finds the factor, by another road or the same.

    Without converters single cells and whole columns read the same: the exact ratio of sums.
    """
    if compensation == "current" and periphery.perfect:
        return "global"
    return BEHIND_ADC.get(compensation, compensation)


def drift_compensation(
    kind: Compensation, layer: CrossbarLayer, tile: TileState, at: tuple[int, int, float]
) -> Tensor:
    """The factor of a tile, shape (1,) or, for `column`, (out,).

    Args:
        kind: which compensation.
        layer: the layer of the tile; its engine reads the tile out.
        tile: holds the drifted weights.
        at: (root seed, chip number, time in seconds), the address of both readings' draws.
    """
    if kind == "none":
        return torch.ones(1)
    if kind == "current":
        return current_factor(layer, tile, at)
    assert layer.engine is not None
    assert tile.programmed is not None, "only a programmed tile is compensated"
    seed, chip, t_s = at
    index = tile.slot.index
    if kind not in tile.baselines:
        answers = tile.target
        if kind != "exact":
            generator = generator_at(seed, "baseline", layer.name, index, chip)
            answers = layer.engine.read_out(layer, index, tile.programmed, generator)
        tile.baselines[kind] = _mean_answer(kind, answers)
    generator = generator_at(seed, "compensation", layer.name, index, chip, t_s)
    now = layer.engine.read_out(layer, index, tile.weights, generator)
    return tile.baselines[kind] / _mean_answer(kind, now)


def move_before_adc_(tile: TileState) -> None:
    """Amplify the tile's signal by its alpha in place of its output."""
    alpha = tile.alpha.view(-1, 1)
    tile.gain = tile.alpha
    if tile.recomputed is None:
        tile.weights = tile.weights * alpha
    else:
        again = tile.recomputed
        tile.hold_(tile.weights * alpha, lambda: again() * alpha)
    tile.alpha = torch.ones(1)


def _mean_answer(kind: Compensation, answers: Tensor) -> Tensor:
    """Mean |answer| over unit inputs (and over outputs, but for `column`); answers (out, in)."""
    size = answers.abs()
    mean = size.mean(dim=1) if kind == "column" else size.mean().reshape(1)
    return mean.clamp(min=SMALLEST_ANSWER)

"""Is an effect just a gain? What of its change of the weights one factor mends, layer by layer.

Drift compensation, recalibrated BatchNorm and ranges of converters take up a gain of a layer, some
of them one of each output. What a gain leaves stays an error.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from analogsim.batchnorm.policy import RECALIBRATING
from analogsim.crossbar.chip.chip import Chip
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.errors import InputError


@dataclass(frozen=True, kw_only=True)
class EffectGain:
    """What an effect does to a layer's weights w, which become w'. Norms are Frobenius norms.

    For inputs that are uncorrelated and of mean 0 a relative error of weights is that of outputs.

    Attributes:
        layer: its name.
        gain: the best factor of the layer: the least |w' - gain w|.
        lowest, highest: of the best factors of each output of each tile.
        error: |w' - w| / |w|.
        rest: the same after the best factor of the layer, over that factor's |w|.
        rest_by_output: and after the best factor of each output of each tile.
    """

    layer: str
    gain: float
    lowest: float
    highest: float
    error: float
    rest: float
    rest_by_output: float


def effect_gains(
    analog: AnalogModel, effect: str, *, seed: int = 0, chip: int = 0, t_s: float | None = None
) -> list[EffectGain]:
    """Compare a chip with the same chip without one of its effects.

    Args:
        analog: a network that was converted with the effect.
        effect: its name, `wires`; all of that name are left out.
        seed, chip: of the chip, as in `program`.
        t_s: seconds since programming; None is right after it.

    Returns:
        One for each analog layer, in the order of the network.

    Raises:
        InputError: the network has no such effect.
        DeviceError: the device does not cover `t_s`.
    """
    others = tuple(one for one in analog.effects if one.info.name != effect)
    if others == analog.effects:
        named = ", ".join(one.info.name for one in analog.effects) or "none"
        raise InputError(
            f"effect must be one that the network was converted with ({named}), got {effect!r}; "
            "name one of them"
        )
    if analog.bn in RECALIBRATING:
        # It moves no weight, and would run images through both chips.
        analog = dataclasses.replace(analog, bn="digital")
    made = [
        _at(program(one, seed=seed, chip=chip), t_s)
        for one in (analog, dataclasses.replace(analog, effects=others))
    ]
    return [
        _compared(layer, without)
        for layer, without in zip(made[0].layers.values(), made[1].layers.values(), strict=True)
    ]


def gain_table(gains: Sequence[EffectGain]) -> str:
    """One line a layer, errors in per cent."""
    rows = [("layer", "error", "gain", "left of it", "gains of outputs", "left of it")]
    for one in gains:
        between = f"{one.lowest:.4f} to {one.highest:.4f}"
        errors = (f"{100 * part:.3f} %" for part in (one.error, one.rest, one.rest_by_output))
        first, second, third = errors
        rows.append((one.layer, first, f"{one.gain:.4f}", second, between, third))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _at(chip: Chip, t_s: float | None) -> Chip:
    return chip if t_s is None else chip.drift_(t_s, "none")


@torch.no_grad()
def _compared(layer: CrossbarLayer, without: CrossbarLayer) -> EffectGain:
    pairs = [
        tuple((tile.weights * tile.scale).numpy().astype(np.float64) for tile in tiles)
        for tiles in zip(layer.tiles, without.tiles, strict=True)
    ]
    shared = [(shown * plain).sum(axis=1, keepdims=True) for shown, plain in pairs]
    own = [(plain**2).sum(axis=1, keepdims=True) for _, plain in pairs]
    norm = float(np.sqrt(sum(part.sum() for part in own)))
    # An output without a weight has no gain.
    gains = [
        np.where(b > 0, a / np.where(b > 0, b, 1), 1.0) for a, b in zip(shared, own, strict=True)
    ]
    gain = float(sum(part.sum() for part in shared)) / norm**2 if norm else 1.0
    some = np.concatenate([part[b > 0] for part, b in zip(gains, own, strict=True)])

    def left(factors: Sequence[float | np.ndarray[tuple[int, ...], np.dtype[np.float64]]]) -> float:
        squares = [((a - f * b) ** 2).sum() for (a, b), f in zip(pairs, factors, strict=True)]
        return float(np.sqrt(sum(squares))) / norm if norm else 0.0

    ones, same = [1.0] * len(pairs), [gain] * len(pairs)
    return EffectGain(
        layer=layer.name,
        gain=gain,
        lowest=float(some.min()) if some.size else 1.0,
        highest=float(some.max()) if some.size else 1.0,
        error=left(ones),
        rest=left(same) / abs(gain) if gain else 0.0,
        rest_by_output=left(gains) / abs(gain) if gain else 0.0,
    )

"""Drift compensation's factor beside the one that the cells need: the ratio of mean conductances.

Over all cells of the layers; several factors count by the conductance that they act on.
"""

from collections.abc import Collection
from dataclasses import dataclass

import torch

from analogsim.crossbar.mapping.layer import CrossbarLayer


@dataclass(frozen=True, kw_only=True)
class Factors:
    """`found` is what the cells' outputs are multiplied with, `needed` what undoes the mean loss.

    `needed` is the cells' mean conductance after programming over that of now.
    """

    found: float
    needed: float


@torch.no_grad()
def factors_of(layers: Collection[CrossbarLayer]) -> Factors:
    """Of programmed layers, all together; 1 and 1 where no cell conducts."""
    programmed = present = lifted = 0.0
    for tile in (tile for layer in layers for tile in layer.tiles):
        assert tile.programmed is not None, "program() sets it"
        if tile.part is not None and tile.part.role == "unit":
            # It has the factors of its place's cells, one for each of their outputs.
            continue
        # By output: a factor is that of a tile or of an output.
        outputs = tile.weights.abs().sum(dim=1, dtype=torch.float64)
        programmed += float(tile.programmed.abs().sum(dtype=torch.float64))
        present += float((outputs / tile.gain).sum())
        lifted += float((outputs * tile.alpha).sum())
    if not present:
        return Factors(found=1.0, needed=1.0)
    return Factors(found=lifted / present, needed=programmed / present)


def kept_factors(layers: Collection[CrossbarLayer]) -> Factors | None:
    """The same; None where present weights would have to be drawn again, which is as much work as
    a drift, as in large networks.
    """
    tiles = [tile for layer in layers for tile in layer.tiles]
    return factors_of(layers) if all(tile.keeps_weights for tile in tiles) else None

"""Effects on a chip's cells, each with the address of its draws.

An effect acts on what the device's law gives and never feeds back into it: a healthy cell drifts
the same whatever its neighbours suffer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.addresses import generator_at
from device_models.effects.contract import Cells, Effect


@dataclass(frozen=True, kw_only=True)
class DrawsAt:
    """The address of an effect's draws on one tile."""

    address: tuple[str | int, ...]

    def generator(self, what: str) -> torch.Generator:
        """A generator of its own for each draw, named by `what`."""
        return generator_at(*self.address, what)


@dataclass(frozen=True, kw_only=True)
class ChipEffects:
    """The effects on one chip, in the order in which current meets them; false without any."""

    effects: tuple[Effect, ...]
    seed: int
    chip: int
    g_max_us: float | None = None

    def __bool__(self) -> bool:
        return bool(self.effects)

    def programmed(self, layer: CrossbarLayer, tile: TileState, weights: Tensor) -> Tensor:
        """(out, in): what programming leaves in the cells, where the law gives `weights`."""
        return self._through(layer, tile, weights, lambda one: one.moment == "programmed")

    def present(self, layer: CrossbarLayer, tile: TileState, weights: Tensor) -> Tensor:
        """(out, in): what the array multiplies with, where the law gives `weights`."""
        return self._through(layer, tile, weights, lambda _: True)

    def start(self, layer: CrossbarLayer, tile: TileState) -> Tensor:
        """(out, in): what the array multiplies with right after programming."""
        assert tile.origin is not None, "program() comes first"
        return self.present(layer, tile, tile.origin)

    @torch.no_grad()
    def _through(
        self,
        layer: CrossbarLayer,
        tile: TileState,
        weights: Tensor,
        acts: Callable[[Effect], bool],
    ) -> Tensor:
        if not any(map(acts, self.effects)):
            return weights
        cells = Cells.of(weights, self.g_max_us)
        met: dict[str, int] = {}
        for effect in self.effects:
            # By its number among those of its name: another effect moves none of its draws.
            name = effect.info.name
            number = met[name] = met.get(name, -1) + 1
            if acts(effect):
                place = (layer.name, tile.slot.index, self.chip)
                draws = DrawsAt(address=(self.seed, "effect", name, number, *place))
                cells = replace(effect.apply(cells, draws), g_max_us=self.g_max_us)
        return cells.weights

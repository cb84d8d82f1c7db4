"""Effects on a chip's cells, each with the address of its draws.

An effect acts on what the device's law gives and never feeds back into it: a healthy cell drifts
the same whatever its neighbours suffer.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.addresses import generator_at
from analogsim.errors import InputError, shown
from device_models.effects.contract import Acts, AimedAtCells, AimedEffect, Cells, Effect


@dataclass(frozen=True, kw_only=True)
class DrawsAt:
    """The address of an effect's draws on one tile, and the tile's name."""

    address: tuple[str | int, ...]
    array: str

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

    def check(self, layers: Iterable[CrossbarLayer]) -> None:
        """Refuse effects that name arrays which there are not. Raises InputError."""
        named = {one: getattr(one, "arrays", ()) for one in self.effects}
        if any(named.values()):
            there = {_array(layer, tile) for layer in layers for tile in layer.tiles}
            for effect, arrays in named.items():
                for array in arrays:
                    if array not in there:
                        raise InputError(
                            f"effect {effect.info.name!r} must name arrays of the network, "
                            f"LAYER/TILE, got {shown(array)}; one of them is {min(there)!r}"
                        )

    @torch.no_grad()
    def aim(self, layer: CrossbarLayer, tile: TileState) -> Tensor:
        """(out, in): what is programmed; the target, but for effects that are known before."""
        target, tile.settled = tile.target, {}
        alone = not layer.periphery.pairs
        for place, (effect, draws) in enumerate(self._each(layer, tile)):
            if effect.moment == "target":
                aimed = cast("AimedEffect", effect)
                if alone and isinstance(aimed, AimedAtCells):
                    target, tile.settled[place] = aimed.settle_cells(target, draws)
                else:
                    target, tile.settled[place] = aimed.settle(target, draws)
        return target

    def programmed(self, layer: CrossbarLayer, tile: TileState, weights: Tensor) -> Tensor:
        """(out, in): what programming leaves in the cells, where the law gives `weights`."""
        return self._through(layer, tile, weights, lambda one: one.moment != "present")

    def present(self, layer: CrossbarLayer, tile: TileState, weights: Tensor) -> Tensor:
        """(out, in): what the array multiplies with, where the law gives `weights`."""
        return self._through(layer, tile, weights, lambda _: True)

    def start(self, layer: CrossbarLayer, tile: TileState) -> Tensor:
        """(out, in): what the array multiplies with right after programming."""
        assert tile.origin is not None, "program() comes first"
        assert tile.programmed is not None, "with origin"
        if not any(one.moment == "present" for one in self.effects):
            return tile.programmed
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
        if not tile.settled and any(one.moment == "target" for one in self.effects):
            # A chip that was loaded.
            self.aim(layer, tile)
        alone = not layer.periphery.pairs
        cells = Cells.of(weights, self.g_max_us, alone=alone)
        for place, (effect, draws) in enumerate(self._each(layer, tile)):
            if acts(effect):
                here: Acts = tile.settled.get(place, effect)
                found = here.apply(cells, draws)
                layout = found.layout or cells.layout
                cells = replace(found, g_max_us=self.g_max_us, layout=layout, alone=alone)
        return cells.weights

    def _each(self, layer: CrossbarLayer, tile: TileState) -> Iterator[tuple[Effect, DrawsAt]]:
        """The effects with their draws on a tile."""
        met: dict[str, int] = {}
        for effect in self.effects:
            # By its number among those of its name: another effect moves none of its draws.
            name = effect.info.name
            number = met[name] = met.get(name, -1) + 1
            place = (layer.name, tile.slot.index, self.chip)
            yield (
                effect,
                DrawsAt(
                    address=(self.seed, "effect", name, number, *place),
                    array=_array(layer, tile),
                ),
            )


def _array(layer: CrossbarLayer, tile: TileState) -> str:
    return f"{layer.name}/{tile.slot.index}"

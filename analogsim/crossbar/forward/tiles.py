"""The one file that calls aihwkit's tiles: the reference forward pass.

Patches are taken and partial sums added as in aihwkit's own convolution and tile array, so that
the tiles see the same inputs in the same order.
"""

from typing import Any

import torch
from torch import Tensor, nn

from analogsim.crossbar.forward.rpu_config import build_rpu_config
from analogsim.crossbar.forward.unit_inputs import read_out
from analogsim.crossbar.mapping.layer import CrossbarLayer, Engine
from analogsim.crossbar.mapping.periphery import TileKind
from analogsim.crossbar.mapping.tile import TileState


class TileEngine(Engine):
    """Each tile is an aihwkit `TorchInferenceTile` or (C++) `InferenceTile`."""

    def __init__(self, layer: CrossbarLayer, kind: TileKind) -> None:
        super().__init__()
        self.kind = kind
        config = build_rpu_config(layer.periphery, kind)
        self.tiles = nn.ModuleList(_new_tile(tile, config) for tile in layer.tiles)
        self.eval()

    def load_(self, layer: CrossbarLayer) -> None:
        """Set the tiles' weights, input ranges and alphas."""
        for tile, state in zip(self.tiles, layer.tiles, strict=True):
            _set_weights(tile, state.weights)
            # Upstream replaces the buffer `alpha` by a plain attribute after its own drift call.
            upstream: Any = tile
            upstream.alpha = state.alpha.to(upstream.alpha.device)
            if upstream.input_range is not None:
                upstream.input_range.data.fill_(state.input_range)

    def read_out(
        self, layer: CrossbarLayer, index: int, weights: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Unit inputs through the periphery; on the C++ tile through the tile itself."""
        if self.kind == "torch":
            return read_out(weights, layer.periphery, generator)
        tile: Any = self.tiles[index]
        _set_weights(tile, weights)
        eye = torch.eye(tile.tile.get_x_size())
        with torch.no_grad():
            output: Tensor = tile.tile.forward(eye, False, False, False, True, False)
        _set_weights(tile, layer.tiles[index].weights)
        return output.T

    def forward(self, layer: CrossbarLayer, x: Tensor) -> Tensor:
        """The tiles' partial sums, digital bias included."""
        geometry = layer.geometry
        vectors, spatial = geometry.patches(x)
        groups: list[Tensor] = []
        for group in range(geometry.groups):
            total: Tensor | None = None
            first = group * geometry.in_features
            for row in _rows(layer, group):
                inputs = layer.tiles[row[0]].slot.inputs
                part = vectors[..., first + inputs.start : first + inputs.stop]
                outputs = [self.tiles[index](part) for index in row]
                partial = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
                total = partial if total is None else total + partial
            assert total is not None
            groups.append(total)
        y = groups[0] if len(groups) == 1 else torch.cat(groups, dim=-1)
        if layer.bias is not None:
            y = y + layer.bias.to(y.device)
        return geometry.image(y, spatial)


def _new_tile(state: TileState, config: Any) -> nn.Module:
    outputs, inputs = state.target.shape
    tile: nn.Module = config.tile_class(outputs, inputs, config, bias=False)
    tile.set_weights(state.target * state.scale)  # type: ignore[operator]
    # Target and scale are stored, so that the tile repeats them bit for bit.
    tile.set_scales(state.scale.reshape(-1))  # type: ignore[operator]
    for parameter in tile.parameters():
        parameter.requires_grad_(False)
    return tile


def _set_weights(tile: Any, weights: Tensor) -> None:
    tile.tile.set_weights(weights)


def _rows(layer: CrossbarLayer, group: int) -> list[list[int]]:
    """Indices of a group's tiles, those with the same inputs together, in order."""
    rows: dict[int, list[int]] = {}
    for tile in layer.tiles:
        if tile.slot.group == group:
            rows.setdefault(tile.slot.inputs.start, []).append(tile.slot.index)
    return list(rows.values())

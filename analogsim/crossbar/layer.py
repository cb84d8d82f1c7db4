"""A layer whose matrix lies on crossbar tiles."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from analogsim.crossbar.geometry import Geometry, geometry_of, matrix_of
from analogsim.crossbar.mapping import TileSlot, assemble, map_weights, tile_slots
from analogsim.crossbar.periphery import Periphery
from device_models.contract import TileContext


@dataclass(kw_only=True)
class TileState:
    """What one tile holds. All tensors lie on the CPU; weights are in tile units, (out, in)."""

    slot: TileSlot
    target: Tensor
    scale: Tensor
    """(out, 1): logical weight = tile weight * scale."""
    weights: Tensor
    """What the tile multiplies with now: the target, then programmed, then drifted."""
    input_range: float = 1.0
    alpha: Tensor = field(default_factory=lambda: torch.ones(1))
    """Drift compensation: one factor, or one for each output."""
    programmed: Tensor | None = None
    drift_parameters: list[Tensor | None] = field(default_factory=list)


class Engine(nn.Module, ABC):
    """Computes a layer's product; keeps what it needs of the tiles in its own buffers."""

    @abstractmethod
    def load_(self, layer: "CrossbarLayer") -> None:
        """Take over the tiles' weights, input ranges and alphas."""

    @abstractmethod
    def read_out(self, layer: "CrossbarLayer", index: int, weights: Tensor) -> Tensor:
        """(in, out): what tile `index` answers to unit inputs while it holds `weights`."""

    @abstractmethod
    def forward(self, layer: "CrossbarLayer", x: Tensor) -> Tensor:
        """The layer's output for `x`, bias included."""


class CrossbarLayer(nn.Module):
    """A linear layer or convolution on tiles, with a digital bias.

    The engine computes the product. `refresh_` must be called after the tiles' weights, ranges
    or alphas have changed.
    """

    bias: Tensor | None

    def __init__(self, name: str, source: nn.Module, periphery: Periphery) -> None:
        super().__init__()
        self.name = name
        self.periphery = periphery
        self.geometry: Geometry = geometry_of(source)
        weight, bias = source.weight, source.bias
        assert isinstance(weight, Tensor)
        assert bias is None or isinstance(bias, Tensor)
        matrix = matrix_of(weight, self.geometry)
        self.weight_std = float(matrix.std()) if matrix.numel() > 1 else 0.0
        self.weight_abs_max = float(matrix.abs().max())
        self.tiles: list[TileState] = []
        for slot in tile_slots(self.geometry, periphery):
            target, scale = map_weights(matrix, slot)
            self.tiles.append(TileState(slot=slot, target=target, scale=scale, weights=target))
        self.register_buffer("bias", None if bias is None else bias.detach().float().clone())
        self.engine: Engine | None = None

    def context(self, tile: TileState) -> TileContext:
        """What a device's law may need to know about the tensor that the tile is a part of."""
        return TileContext(
            weight_std=self.weight_std,
            weight_abs_max=self.weight_abs_max,
            column_scale=tile.scale,
        )

    def logical(self, which: Callable[[TileState], Tensor]) -> Tensor:
        """The layer's weight in torch's shape, from one tensor of each tile, in logical units."""
        parts = [which(tile) * tile.scale for tile in self.tiles]
        return assemble(parts, tuple(tile.slot for tile in self.tiles), self.geometry)

    def weight_error(self) -> float:
        """|W - W_target| / |W_target| (Frobenius norms) of the programmed weights; 0 if W is 0."""
        target = self.logical(lambda tile: tile.target)
        programmed = self.logical(_programmed)
        norm = float(target.norm())
        return float((programmed - target).norm()) / norm if norm else 0.0

    def use_(self, engine: Engine) -> "CrossbarLayer":
        """Compute with `engine` from now on."""
        self.engine = engine
        return self.refresh_()

    def refresh_(self) -> "CrossbarLayer":
        """Hand the tiles' present state to the engine."""
        assert self.engine is not None, "use_() comes first"
        self.engine.load_(self)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output for `x`, shaped as the digital layer's."""
        assert self.engine is not None, "use_() comes first"
        output: Tensor = self.engine(self, x)
        return output

    def extra_repr(self) -> str:
        """Geometry and number of tiles."""
        shape = "x".join(str(n) for n in self.geometry.weight_shape)
        return f"{self.geometry.kind} {shape}, {len(self.tiles)} tiles"


def _programmed(tile: TileState) -> Tensor:
    assert tile.programmed is not None, "program() sets it"
    return tile.programmed

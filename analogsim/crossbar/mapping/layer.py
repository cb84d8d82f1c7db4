"""A layer whose matrix lies on crossbar tiles."""

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from analogsim.crossbar.mapping.geometry import Geometry, geometry_of, matrix_of
from analogsim.crossbar.mapping.joined import FoldedBatchNorm, JoinedBatchNorm
from analogsim.crossbar.mapping.parts import cell_share
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.tile import Matrix, TileState
from analogsim.crossbar.mapping.tiling import assemble, map_weights, tile_slots
from analogsim.errors import InputError
from device_models.contract import TileContext


class Engine(nn.Module, ABC):
    """Computes a layer's product; keeps what it needs of the tiles in its own buffers."""

    @abstractmethod
    def load_(self, layer: "CrossbarLayer") -> None:
        """Take over the tiles' weights, input ranges and alphas."""

    def put_off_(self, layer: "CrossbarLayer") -> None:
        """As `load_`, but where the engine can wait for the next forward pass it does."""
        self.load_(layer)

    def forget_(self) -> None:  # noqa: B027 - most engines keep nothing
        """The layer's gain and offset have changed: take them anew when loading."""

    @abstractmethod
    def read_out(
        self, layer: "CrossbarLayer", index: int, weights: Tensor, generator: torch.Generator
    ) -> Tensor:
        """(out, in): what tile `index` answers to unit inputs while it holds `weights`."""

    @abstractmethod
    def forward(self, layer: "CrossbarLayer", x: Tensor) -> Tensor:
        """The layer's output for `x`, bias included."""


Observer = Callable[["CrossbarLayer", Tensor, Callable[[Tensor], Tensor]], Tensor]
"""Called in place of a layer's forward pass, with the layer, its input and that pass."""


class CrossbarLayer(nn.Module):
    """What a linear layer or convolution on tiles computes with, digital bias included.

    The layer of the network stays what it was: `take_over_` only gives it this object's forward
    pass. The engine computes the product. `refresh_` must be called after the tiles' weights,
    ranges or alphas have changed.

    Attributes:
        tiles: of all places, part by part where weights have several.
        output_bounds: (places, conversions), calibrated ranges of the ADC, where it has some.
        chip: (root seed, number) of the chip that the layer is of.
        bias: the digital bias, (outputs,), float32 on the CPU, or None.
        norm: a BatchNorm in eval mode that the native engines compute together with the layer.
        folded: what stands for a BatchNorm that is folded into the targets.
        dtype: that the engine computes in; other inputs are brought to it and outputs back.
        free_order: outputs may come in any memory order; otherwise in that of the digital layer.
        observer: looks on while there is one.
        low_precision: whether an output was asked for in 16 bits.
    """

    norm: JoinedBatchNorm | None

    def __init__(
        self, name: str, source: nn.Module, periphery: Periphery, *, in_blocks: bool = False
    ) -> None:
        super().__init__()
        self.name = name
        self.periphery = periphery
        self.geometry: Geometry = geometry_of(source)
        if in_blocks:
            self.geometry = self.geometry.in_blocks(
                periphery.max_input_size, periphery.max_output_size
            )
        weight, bias = source.weight, source.bias
        assert isinstance(weight, Tensor)
        assert bias is None or isinstance(bias, Tensor)
        matrix = matrix_of(weight, self.geometry)
        # Without the zeros between blocks.
        weights = matrix if self.geometry.block == 1 else weight.detach().float()
        self.weight_std = float(weights.std()) if weights.numel() > 1 else 0.0
        self.weight_abs_max = float(weights.abs().max())
        self.tiles: list[TileState] = []
        shared = Matrix(values=matrix)
        for slot in tile_slots(self.geometry, periphery):
            part = None if periphery.whole_weights else periphery.parts[slot.part]
            scale = map_weights(matrix, slot, periphery.weight_scaling)[1]
            if part is not None and part.role == "unit":
                scale = scale.mean().reshape(1, 1)
            self.tiles.append(TileState(slot=slot, matrix=shared, scale=scale, part=part))
        self.output_bounds: Tensor | None = None
        self.chip: tuple[int, int] | None = None
        self.bias: Tensor | None = None if bias is None else bias.detach().cpu().float().clone()
        self.norm = None
        self.folded: FoldedBatchNorm | None = None
        self.engine: Engine | None = None
        self.dtype = torch.float32
        self.free_order = True
        self.observer: Observer | None = None
        self.low_precision = False
        self._digital: weakref.ref[nn.Module] | None = None
        self._mapped: tuple[object, ...] = ()
        self._weight_last = is_channels_last(weight)

    def take_over_(self, digital: nn.Module) -> nn.Module:
        """Let `digital`, a layer of the network, compute with this object from now on.

        Its class, attributes, parameters and hooks stay; its parameters are the targets.
        """
        # Not by setattr: a layer of a stranger's class may refuse attributes.
        vars(digital)["forward"] = self.forward
        # No cycle: a chip that nobody holds is gone at once, with all its weights.
        self._digital = weakref.ref(digital)
        self._mapped = _settings(digital)
        return digital

    @property
    def numel(self) -> int:
        """Number of weights."""
        return sum(tile.numel for tile in self.tiles)

    def share_(self, source: nn.Module) -> "CrossbarLayer":
        """Keep no weights of its own where the layer `source` has the same ones."""
        assert isinstance(source.weight, Tensor)
        values = matrix_of(source.weight, self.geometry)
        for matrix in {id(t.matrix): t.matrix for t in self.tiles}.values():
            if matrix is not None and torch.equal(matrix.values, values):
                matrix.values = values
        return self

    def holds(self, weight: Tensor) -> bool:
        """Whether the targets lie in the memory of `weight`."""
        matrix = self.tiles[0].matrix
        return matrix is not None and matrix.values.data_ptr() == weight.data_ptr()

    def context(self, tile: TileState) -> TileContext:
        """What a device's law may need to know about the tensor that the tile is a part of."""
        return TileContext(
            weight_std=self.weight_std,
            weight_abs_max=self.weight_abs_max,
            column_scale=tile.scale,
            layer=self.name,
            cell_share=1.0 if tile.part is None else cell_share(self.periphery.parts, tile.part),
        )

    def affine(self) -> tuple[Tensor, Tensor | None]:
        """Gain and offset (outputs,) that the digital side applies to each output."""
        outputs = self.geometry.groups * self.geometry.out_features
        if self.norm is None or self.norm.affine is None:
            return torch.ones(outputs), self.bias
        gain, offset = self.norm.affine
        return gain, offset if self.bias is None else offset + gain * self.bias

    @property
    def places(self) -> list[list[TileState]]:
        """The tiles of each place in the matrix: one, or one for each part of its weights."""
        parts = len(self.periphery.parts)
        return [self.tiles[i : i + parts] for i in range(0, len(self.tiles), parts)]

    def assemble(self, parts: list[Tensor]) -> Tensor:
        """The layer's weight in torch's shape from the (out, in) weights of each place."""
        return assemble(parts, tuple(place[0].slot for place in self.places), self.geometry)

    def joined(self, place: list[TileState], which: Callable[[TileState], Tensor]) -> Tensor:
        """(out, in): the tile weights of a place from one tensor of each of its tiles."""
        first, *others = place
        if first.part is None:
            return which(first)
        total = which(first) * first.part.coefficient
        for tile in others:
            assert tile.part is not None, "all tiles of a place hold a part"
            total = total + which(tile) * tile.part.coefficient
        return total + self.periphery.offset

    def logical(self, which: Callable[[TileState], Tensor]) -> Tensor:
        """The layer's weight in torch's shape, from one tensor of each tile, in logical units."""
        return self.assemble([self.joined(place, which) * place[0].scale for place in self.places])

    def weight_error(self) -> float:
        """|W - W_target| / |W_target| (Frobenius norms) of the programmed weights; 0 if W is 0."""
        target = self.logical(lambda tile: tile.target)
        programmed = self.logical(_programmed)
        norm = float(target.norm())
        return float((programmed - target).norm()) / norm if norm else 0.0

    def fresh(self) -> "CrossbarLayer":
        """A layer with the same targets (shared), ranges and bias, unprogrammed, no engine."""
        other = CrossbarLayer.__new__(CrossbarLayer)
        nn.Module.__init__(other)
        other.name, other.periphery, other.geometry = self.name, self.periphery, self.geometry
        other.weight_std, other.weight_abs_max = self.weight_std, self.weight_abs_max
        other.bias, other.engine, other.norm, other.observer = self.bias, None, None, None
        other.folded, other.chip, other.output_bounds = None, None, self.output_bounds
        other.dtype, other.free_order = self.dtype, self.free_order
        other.low_precision, other._digital, other._mapped = False, None, ()
        other._weight_last = self._weight_last
        other.tiles = [
            TileState(
                slot=tile.slot,
                matrix=tile.matrix,
                scale=tile.scale,
                input_range=tile.input_range,
                part=tile.part,
                _target=tile._target,
            )
            for tile in self.tiles
        ]
        return other

    def use_(self, engine: Engine) -> "CrossbarLayer":
        """Compute with `engine` from now on."""
        self.engine = engine
        return self.refresh_()

    def lend_(self, engine: Engine) -> "CrossbarLayer":
        """As `use_`, for an engine that takes the tiles' state at its first forward pass."""
        self.engine = engine
        return self

    def refresh_(self) -> "CrossbarLayer":
        """Hand the tiles' present state to the engine."""
        assert self.engine is not None, "use_() comes first"
        self.engine.load_(self)
        return self

    def forward(self, input: Tensor) -> Tensor:
        """The layer's output for `input`, as the digital layer's in shape, type and device."""
        if self.observer is not None:
            return self.observer(self, input, self._forward)
        return self._forward(input)

    def _forward(self, x: Tensor) -> Tensor:
        assert self.engine is not None, "use_() comes first"
        digital = None if self._digital is None else self._digital()
        if digital is not None and _settings(digital) != self._mapped:
            raise InputError(
                f"layer {self.name} must have the settings of its conversion {self._mapped}, got "
                f"{_settings(digital)} in a forward pass; keep it digital"
            )
        if x.dtype is self.dtype and not torch.is_autocast_enabled(x.device.type):
            y = self.engine.forward(self, x)
        else:
            y = self._in_own_type(x)
        if not self.free_order:
            geometry = self.geometry
            # torch's own padding gives its result an order.
            padded = x if geometry.padding_mode == "constant" else geometry.pad(x)
            last = self._weight_last or is_channels_last(padded)
            order = torch.channels_last if last and y.dim() == 4 else torch.contiguous_format
            y = y.contiguous(memory_format=order)
        if self.norm is not None and self.norm.affine is not None:
            self.norm.await_(y)
        if self.folded is not None:
            self.folded.await_(y)
        return y

    def _in_own_type(self, x: Tensor) -> Tensor:
        assert self.engine is not None
        kind, gives = x.device.type, x.dtype
        if torch.is_autocast_enabled(kind):
            gives = torch.get_autocast_dtype(kind)
        self.low_precision |= gives in (torch.float16, torch.bfloat16)
        with torch.autocast(kind, enabled=False):
            return self.engine.forward(self, x.to(self.dtype)).to(gives)

    def __getstate__(self) -> dict[str, Any]:
        """With its layer of the network itself, which a copy finds again."""
        state = dict(self.__dict__)
        state["_digital"] = None if self._digital is None else self._digital()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        digital = state["_digital"]
        found = None if digital is None else weakref.ref(digital)
        super().__setstate__({**state, "_digital": found})  # type: ignore[no-untyped-call]

    def extra_repr(self) -> str:
        """Geometry and number of tiles."""
        shape = "x".join(str(n) for n in self.geometry.weight_shape)
        return f"{self.geometry.kind} {shape}, {len(self.tiles)} tiles"


def _programmed(tile: TileState) -> Tensor:
    assert tile.programmed is not None, "program() sets it"
    return tile.programmed


def _settings(digital: nn.Module) -> tuple[object, ...]:
    """What decides a convolution's product beside its weight; nothing for a linear layer."""
    if not isinstance(digital, nn.Conv1d | nn.Conv2d):
        return ()
    return (digital.stride, digital.padding, digital.dilation, digital.groups, digital.padding_mode)


def is_channels_last(x: Tensor) -> bool:
    """Whether images lie in memory pixel by pixel, and not channel by channel."""
    return (
        x.dim() == 4
        and x.is_contiguous(memory_format=torch.channels_last)
        and not x.is_contiguous()
    )


def crossbar_of(module: nn.Module) -> CrossbarLayer | None:
    """What a layer of a network computes with, where it is on tiles."""
    owner = getattr(vars(module).get("forward"), "__self__", None)
    return owner if isinstance(owner, CrossbarLayer) else None


def crossbar_layers(module: nn.Module) -> dict[str, CrossbarLayer]:
    """The crossbar layers of a network by name, in registration order."""
    found = (crossbar_of(m) for m in module.modules())
    return {layer.name: layer for layer in found if layer is not None}

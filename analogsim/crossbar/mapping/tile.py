"""What one tile holds and multiplies with, and the one way to set that."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from analogsim.crossbar.mapping.parts import Part
from analogsim.crossbar.mapping.tiling import TileSlot
from device_models.effects.contract import Acts

_ONE = torch.ones(1)


@dataclass(kw_only=True)
class Matrix:
    """A layer's logical weights, (groups, out, in), float32 on the CPU; its tiles share them."""

    values: Tensor


@dataclass(kw_only=True)
class TileState:
    """What one tile holds. All tensors lie on the CPU; weights are in tile units, (out, in).

    What the tile multiplies with is set by `hold_` and `compensate_`, and by nothing else.

    Attributes:
        slot: which part of the matrix.
        matrix: of the layer; None where the targets were read from a file.
        scale: (out, 1): logical weight = tile weight * scale.
        input_range: of the DAC.
        baselines: mean answers to unit inputs after programming, by kind of compensation; kept
            once read.
        origin: weights as the device's law has programmed them, from which it drifts.
        drift_parameters: what else the law remembers of programming.
        settled: effects that were known before programming, as they are on this tile of this chip,
            by their places among the chip's.
        part: of the weights, where they have several.
    """

    slot: TileSlot
    matrix: Matrix | None
    scale: Tensor
    input_range: float = 1.0
    baselines: dict[str, Tensor] = field(default_factory=dict)
    origin: Tensor | None = None
    drift_parameters: list[Tensor | None] = field(default_factory=list)
    settled: dict[int, Acts] = field(default_factory=dict)
    part: Part | None = None
    _target: Tensor | None = None
    _weights: Tensor | None = None
    _again: Callable[[], Tensor] | None = None
    _factor: Tensor = field(default_factory=lambda: _ONE)
    _before_adc: bool = False
    _programmed: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(out, in)."""
        return len(self.scale), self.slot.inputs.stop - self.slot.inputs.start

    @property
    def numel(self) -> int:
        """Number of weights."""
        return self.shape[0] * self.shape[1]

    @property
    def given(self) -> Tensor:
        """(out, in): the whole weights of this place as they were given, in tile units."""
        assert self.matrix is not None, "a tile has a matrix or a target"
        slot = self.slot
        return self.matrix.values[slot.group, slot.outputs, slot.inputs] / self.scale

    @property
    def target(self) -> Tensor:
        """What is to be programmed; computed from the matrix each time, so that none is kept."""
        if self._target is not None:
            return self._target
        weights = self.given
        return weights if self.part is None else self.part.encode(weights)

    @target.setter
    def target(self, value: Tensor) -> None:
        if self._target is None and torch.equal(self.target, value):
            return
        self._target, self.matrix, self.settled = value, None, {}

    @property
    def programmed(self) -> Tensor | None:
        """What the cells hold after programming: `origin`, but for what effects did to them."""
        return self.origin if self._programmed is None else self._programmed

    @programmed.setter
    def programmed(self, value: Tensor | None) -> None:
        self._programmed = None if value is self.origin else value

    def hold_(
        self,
        weights: Tensor | None,
        *,
        again: Callable[[], Tensor] | None = None,
        factor: Tensor = _ONE,
        before_adc: bool = False,
    ) -> "TileState":
        """Multiply with `weights` times a drift compensation from now on.

        Args:
            weights: (out, in), what the cells hold; None leaves it to `again`.
            again: computes `weights`, the same bits each time: `let_go_` may then drop them.
            factor: of the compensation, (1,) or one for each output (out,).
            before_adc: whether it amplifies the signal in front of the ADC, and not behind it.
        """
        self._weights, self._again = weights, again
        self._factor, self._before_adc = factor, before_adc
        return self

    def compensate_(self, factor: Tensor, *, before_adc: bool = False) -> "TileState":
        """Hold the same weights with another compensation."""
        return self.hold_(self._weights, again=self._again, factor=factor, before_adc=before_adc)

    @property
    def cells(self) -> Tensor:
        """What the cells hold: the target, then programmed, then drifted."""
        if self._weights is not None:
            return self._weights
        return self.target if self._again is None else self._again()

    @property
    def weights(self) -> Tensor:
        """What the array multiplies with: `cells`, amplified where the compensation does it."""
        return self.cells * self._factor.view(-1, 1) if self._before_adc else self.cells

    @property
    def present(self) -> Tensor:
        """What inputs are multiplied with in all, drift compensation included."""
        return self.weights * self.alpha.view(-1, 1)

    def present_times(self, factors: Tensor) -> Tensor:
        """`present` with each output times a factor, (out,), in one product."""
        return self.weights * (factors[:, None] * self.alpha.view(-1, 1))

    @property
    def behind_adc(self) -> Tensor:
        """(out,): what the digital side multiplies the outputs with: compensation and scale."""
        return self.alpha.reshape(-1) * self.scale.reshape(-1)

    @property
    def alpha(self) -> Tensor:
        """The drift compensation behind the ADC: (1,) or (out,)."""
        return _ONE if self._before_adc else self._factor

    @property
    def gain(self) -> Tensor:
        """The drift compensation in front of the ADC: (1,) or (out,)."""
        return self._factor if self._before_adc else _ONE

    @property
    def keeps_weights(self) -> bool:
        """Whether the present weights lie here, and need not be computed again."""
        return self._weights is not None or self._again is None

    def let_go_(self) -> "TileState":
        """Keep the present weights no longer if they can be computed again."""
        if self._again is not None:
            self._weights = None
        return self

"""The weights of the chips that a network is trained against: a fresh one each step.

What is injected is no law of its own: the layers' tiles are programmed, drift and are compensated
by the very code that evaluates chips. So whatever a chip suffers (the device's law, effects such as
wires and faults, the read-out of the compensation), training suffers it too.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from analogsim.crossbar.chip.blocks import KEEP_PREPARED, Block, blocks_of
from analogsim.crossbar.chip.compensation import COMPENSATIONS, Compensation
from analogsim.crossbar.chip.effects import ChipEffects
from analogsim.crossbar.chip.streamed import StreamedBlock, streamed_blocks
from analogsim.crossbar.chip.weights import Part, drift_weights_, program_weights_
from analogsim.crossbar.forward.engines import new_engine
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.geometry import matrix_of
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.tile import Matrix, TileState
from analogsim.crossbar.mapping.tiling import map_weights
from analogsim.draws.addresses import generator_at, seed_of
from analogsim.errors import DeviceError, InputError
from device_models.contract import Device

Law = Literal["device", "matched", "column"]
"""`device`: what chips of the device hold. `matched`: Gaussian noise with the same root mean square
error in each layer at the same time. `column`: Gaussian noise, a fraction of each column's largest
weight."""


@dataclass(frozen=True, kw_only=True)
class Injection:
    """Which noise a network is trained against.

    Attributes:
        law: see `Law`.
        fraction: of `column`: the noise's standard deviation as a fraction of the largest magnitude
            in each column of a tile.
        scale: the error of every weight is multiplied by it; 1 is the noise as it is.
        times_s: of interest, seconds since programming. A step's time is drawn log-uniformly
            between the first and the last, or among these where the device knows no others.
        compensation: of the drift, as in `Chip.drift_`.
        drop: the fraction of weights that are 0 in a step (drop-connect).
        seed: of all draws; chips of a study with the same seed draw others.
    """

    law: Law = "device"
    fraction: float = 0.0
    scale: float = 1.0
    times_s: tuple[float, ...] = (1.0, 31_536_000.0)
    compensation: Compensation = "global"
    drop: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        problems = []
        if self.law not in get_args(Law):
            problems.append(f"law must be one of {', '.join(get_args(Law))}, got {self.law!r}")
        if self.compensation not in COMPENSATIONS:
            problems.append(
                f"compensation must be one of {', '.join(COMPENSATIONS)}, got {self.compensation!r}"
            )
        for name in ("fraction", "scale"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                problems.append(f"{name} must be finite and at least 0, got {value}")
        if not 0 <= self.drop < 1:
            problems.append(f"drop must be in [0, 1), got {self.drop}")
        if not self.times_s or not all(math.isfinite(t) and t > 0 for t in self.times_s):
            problems.append(f"times must be above 0 s, at least one, got {self.times_s}")
        if problems:
            raise InputError(f"training noise {'; '.join(problems)}; mend these")


class TrainingChips:
    """Chips of a network whose weights change: step k is a chip of its own, at a time of its own.

    Attributes:
        layers: the layers on tiles by name, as the conversion has them.
        injection: which noise.
    """

    def __init__(
        self, analog: AnalogModel, injection: Injection, names: Collection[str] | None = None
    ) -> None:
        """
        Args:
            analog: the converted network; its layers are copied, and it is not changed.
            injection: which noise.
            names: of the layers; None for all.

        Raises:
            DeviceError: the device's law does not cover one of the times.
        """
        self.injection = injection
        self.layers: dict[str, CrossbarLayer] = {}
        for name, layer in analog.layers.items():
            if names is not None and name not in names:
                continue
            own = layer.fresh()
            for tiles in own.places:
                matrix = Matrix(values=torch.empty(0))
                for tile in tiles:
                    tile.matrix = matrix
            self.layers[name] = own.lend_(new_engine(analog, own))
        self._analog = analog
        self._device: Device = analog.device
        for t_s in injection.times_s:
            self._device.check_time(t_s)
        layers = list(self.layers.values())
        if analog.stream == "philox":
            blocks: Sequence[Block | StreamedBlock] = streamed_blocks(layers, direct=False)
        else:
            keep = sum(layer.numel for layer in layers) <= KEEP_PREPARED
            blocks = blocks_of(layers, keep_prepared=keep)
        self._parts = [Part(layers=layers, blocks=blocks)]
        self._between = _is_continuous(self._device, injection.times_s)

    def time(self, step: int) -> float:
        """Seconds since programming of a step's chip: drawn from (seed, step) alone."""
        times = self.injection.times_s
        if len(times) == 1:
            return times[0]
        share = seed_of(self.injection.seed, "hardening time", step) / 2**63
        if not self._between:
            return sorted(times)[int(share * len(times))]
        low, high = math.log(min(times)), math.log(max(times))
        return math.exp(low + share * (high - low))

    @torch.no_grad()
    def weights(
        self, step: int, clean: Mapping[str, Tensor], *, scale: float | None = None
    ) -> dict[str, Tensor]:
        """What the layers multiply with in a step, on the CPU, each in its weight's shape.

        Args:
            step: its number: the draws depend on (seed, step) and on `clean` alone.
            clean: the layers' weights as they are, by name.
            scale: in place of the injection's, as while it rises.
        """
        injection = self.injection
        times = injection.scale if scale is None else scale
        given = {name: weight.detach().cpu().float() for name, weight in clean.items()}
        for name, layer in self.layers.items():
            aim_(layer, given[name])
        if injection.law == "column":
            held = {name: self._column(layer, step) for name, layer in self.layers.items()}
        else:
            held = self._chip(step)
        found = {}
        for name, weight in given.items():
            noisy = held[name]
            if injection.law == "matched":
                spread = (noisy - weight).square().mean().sqrt()
                draws = generator_at(injection.seed, "hardening matched", name, step)
                noisy = weight + spread * torch.randn(weight.shape, generator=draws)
            if times != 1:
                noisy = weight + times * (noisy - weight)
            if injection.drop:
                draws = generator_at(injection.seed, "hardening drop", name, step)
                kept = torch.rand(noisy.shape, generator=draws) >= injection.drop
                noisy = noisy * kept
            found[name] = noisy
        return found

    def _chip(self, step: int) -> dict[str, Tensor]:
        """The present weights of a fresh chip at the step's time, compensation included."""
        effects = ChipEffects(
            effects=self._analog.effects,
            seed=seed_of(self.injection.seed, "hardening"),
            chip=step,
            g_max_us=self._device.largest_us,
        )
        program_weights_(self._parts, self._device, effects)
        drift_weights_(
            self._parts,
            self._device,
            effects,
            self.time(step),
            self.injection.compensation,
            through_tiles=False,
            after=lambda _: None,
        )
        return {name: layer.logical(_present) for name, layer in self.layers.items()}

    def _column(self, layer: CrossbarLayer, step: int) -> Tensor:
        """The weights with a Gaussian error relative to each column's largest."""
        draws = generator_at(self.injection.seed, "hardening column", layer.name, step)

        def noisy(tile: TileState) -> Tensor:
            target = tile.target
            return target + self.injection.fraction * torch.randn(target.shape, generator=draws)

        return layer.logical(noisy)


def aim_(layer: CrossbarLayer, weight: Tensor) -> CrossbarLayer:
    """Let a layer's tiles have `weight`, in torch's shape, as what is to be programmed."""
    matrix = matrix_of(weight, layer.geometry)
    layer.weight_std = float(weight.std()) if weight.numel() > 1 else 0.0
    layer.weight_abs_max = float(weight.abs().max())
    for tile in layer.tiles:
        assert tile.matrix is not None, "a training chip's tiles have a matrix"
        tile.matrix.values = matrix
        tile.scale = map_weights(matrix, tile.slot, layer.periphery.weight_scaling)[1]
        tile.settled = {}
    return layer


def _present(tile: TileState) -> Tensor:
    return tile.present


def _is_continuous(device: Device, times_s: Sequence[float]) -> bool:
    """Whether the device's law covers what lies between the times."""
    try:
        device.check_time(math.sqrt(min(times_s) * max(times_s)))
    except DeviceError:
        return False
    return True

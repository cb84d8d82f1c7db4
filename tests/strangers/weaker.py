"""A device that gives one layer other weights: what that layer's tiles compute then shows."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

import analogsim
from analogsim import AnalogModel
from device_models.constants import Constant
from device_models.contract import Device, DeviceInfo, NoiseLaw, TileContext
from tests.families.checks import WeakerLaw


class _EverySecond(WeakerLaw):
    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        second = (torch.arange(weights.numel()) % 2 == 0).reshape(weights.shape)
        return torch.where(second, weights * self.factor, weights), [None]


@dataclass(frozen=True, kw_only=True)
class Weaker(Device):
    """Every second weight of `layer` is half of what it should be."""

    layer: str
    info: ClassVar[DeviceInfo] = DeviceInfo(
        name="weaker", title="One weak layer", models="Nothing physical.",
        not_modelled="Every device effect.", law="w = target / 2 for every second cell",
        citation="None: a test's device.", valid_times="any",
    )  # fmt: skip

    def constants(self) -> tuple[Constant, ...]:
        """Return nothing."""
        return ()

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return the law of the context's layer."""
        return _EverySecond(0.5 if context.layer == self.layer else 1.0)


def weakened(analog: AnalogModel, layer: str) -> Any:
    """A chip of the network, with that layer weaker."""
    return analogsim.program(dataclasses.replace(analog, device=Weaker(layer=layer)))

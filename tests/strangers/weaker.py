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


class _Law:
    def __init__(self, *, acts: bool) -> None:
        self.acts = acts

    def apply_programming_noise(self, weights: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        uneven = 0.5 + 0.5 * (torch.arange(weights.numel()) % 2).reshape(weights.shape)
        return (weights * uneven if self.acts else weights), [None]

    def apply_drift_noise(
        self, weights: Tensor, drift_noise_parameters: list[Tensor | None], t_inference: float
    ) -> Tensor:
        return weights


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
        return _Law(acts=context.layer == self.layer)


def weakened(analog: AnalogModel, layer: str) -> Any:
    """A chip of the network, with that layer weaker."""
    return analogsim.program(dataclasses.replace(analog, device=Weaker(layer=layer)))

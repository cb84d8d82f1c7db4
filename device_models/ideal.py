"""A perfect memory cell: the reference against which every other device is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from device_models.constants import Constant
from device_models.contract import Device, DeviceInfo, NoiseLaw, TileContext


@dataclass(frozen=True, kw_only=True)
class Ideal(Device):
    """w(t) = w at all times. Models no device effect at all; holds at any t_s >= 0."""

    info: ClassVar[DeviceInfo] = DeviceInfo(
        name="ideal",
        title="Perfect memory cell",
        models="Nothing: every weight is stored and read exactly.",
        not_modelled="Every device effect.",
        law="w(t) = w",
        citation="None: a reference, not a device.",
        valid_times="any finite t >= 0 s",
    )

    knows_cells: ClassVar[bool] = True

    def constants(self) -> tuple[Constant, ...]:
        """Return nothing: the law has no number."""
        return ()

    def cell_law(self, context: TileContext) -> NoiseLaw:
        """Return the identity."""
        return self.noise_law(context)

    def programming_spread(self, x: float, context: TileContext) -> float | None:
        """As stated by the law, in units of the largest weight."""
        return 0.0

    def noise_law(self, context: TileContext) -> NoiseLaw:
        """Return the identity."""
        from device_models.laws.identity import IdentityLaw

        return IdentityLaw()

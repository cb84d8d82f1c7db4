"""The device without each part of its error, to see what that part has to do with the difference.

The difference between a device and Gaussian noise of the same weight error is measured again
without one part, against Gaussian noise of the weight error that is then left. What changes is
that part's share. Shares need not add up: parts act together.
"""

import dataclasses
from dataclasses import dataclass

from device_models.contract import Device, Switch


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A device with one of its switches at 0."""

    switch: Switch
    device: Device


def variants(device: Device) -> tuple[Variant, ...]:
    """The device without each part that it has a switch for and that is switched on."""
    return tuple(
        Variant(switch=switch, device=dataclasses.replace(device, **{switch.option: 0.0}))
        for switch in device.own_switches()
        if getattr(device, switch.option) != 0 and device.noise_scale != 0
    )

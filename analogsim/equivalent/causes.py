"""Which effects of a device can be switched off, and what the difference is without each.

The difference between a device and Gaussian noise of the same weight error is measured again
without one effect, against Gaussian noise of the weight error that is then left. What changes is
that effect's share. Shares need not add up: effects act together.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from device_models.contract import Device

# A device's own switches; `noise_scale` is the whole device.
EFFECTS: Mapping[str, str] = {
    "programming_scale": "programming noise",
    "drift_scale": "drift (its mean and its spread between cells)",
    "nu_std_scale": "the spread of drift exponents between cells",
    "read_scale": "read noise",
}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A device without one of its effects."""

    option: str
    effect: str
    device: Device


def variants(device: Device) -> tuple[Variant, ...]:
    """The device without each effect that it has a switch for and that is switched on."""
    names = {field.name for field in dataclasses.fields(device)}
    return tuple(
        Variant(option=option, effect=effect, device=dataclasses.replace(device, **{option: 0.0}))
        for option, effect in EFFECTS.items()
        if option in names and getattr(device, option) != 0 and device.noise_scale != 0
    )

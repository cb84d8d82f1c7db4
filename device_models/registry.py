"""The devices by name, and the short text form in which a user asks for one.

A spec is `NAME` or `NAME?option=value&option=value`, for example `gaussian?eta=0.1&reference=max`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from device_models import text_form
from device_models.contract import Device
from device_models.errors import DeviceError
from device_models.gaussian import Gaussian
from device_models.ideal import Ideal
from device_models.pcm import Pcm
from device_models.pcm_hermes import PcmHermes
from device_models.rram import Rram
from device_models.rram_cmo import RramCmo
from device_models.text_form import made

DEVICES: dict[str, type[Device]] = {
    "ideal": Ideal,
    "pcm": Pcm,
    "pcm-hermes": PcmHermes,
    "rram": Rram,
    "rram-cmo": RramCmo,
    "gaussian": Gaussian,
}


def parse(spec: str, more: Mapping[str, type[Device]] | None = None) -> Device:
    """Make the device that `spec` asks for; `more` are devices by name beside the built-in ones.

    Raises `DeviceError`, with every problem of the spec, for an unknown device or option, a
    value of the wrong kind, or one that the device refuses.
    """
    name, _, query = spec.partition("?")
    device = (DEVICES | dict(more or {})).get(name)
    if device is None:
        raise DeviceError(_unknown_device(name))
    return made(device, device, query, spec, what="preset")


def with_options(device: Device, query: str) -> Device:
    """A device with other options: `noise_scale=0.5&...`, what stands behind the `?` of a spec.

    Raises `DeviceError` as `parse`.
    """
    change = partial(replace, device)
    return made(type(device), change, query, f"{device.info.name}?{query}", what="preset")


def spec_of(device: Device) -> str:
    """Return the shortest spec that `parse` turns into an equal device."""
    return text_form.spec_of(device)


def _unknown_device(name: str) -> str:
    known = ", ".join(DEVICES)
    lower = name.casefold()
    if "preset" in lower:
        instead = "rram" if "reram" in lower else "pcm"
        return (
            f"preset must be one of {known}, got {name!r}; aihwkit's presets of that kind "
            "describe training, and have no noise model for inference (programming them fails, "
            f"drifting them changes nothing): use for example {instead!r}"
        )
    near = get_close_matches(lower, DEVICES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else "'analogsim presets' lists them"
    return f"preset must be one of {known}, got {name!r}; {hint}"

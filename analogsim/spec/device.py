"""The device that a preset names: one of analogsim's, or one of the user's own files.

A preset that is a TOML file is another spelling of the device and options in it, and of no other
consequence: nothing that is written down names the file.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from analogsim.errors import InputError
from analogsim.spec.device_toml import is_device_toml, plain_preset
from device_models.contract import Device
from device_models.registry import parse

_FILE = ".py:"


def is_device_file(preset: str) -> bool:
    """Whether a preset is `FILE.py:NAME`, or `FILE.py` where the name was forgotten."""
    place = preset.partition("?")[0]
    return _FILE in place or place.endswith(".py")


def device_of(preset: str) -> Device:
    """The device of a preset; runs the file that it names.

    Raises:
        DeviceError: there is no such device or option.
        InputError: the user's file cannot be used.
    """
    preset = plain_preset(preset)
    if not is_device_file(preset):
        return parse(preset)
    # Torch takes seconds.
    from analogsim.inputs.user_device import load_device

    return load_device(preset)


def devices_of_presets(presets: Sequence[str]) -> tuple[Device, ...]:
    """The devices of a list of presets. Raises InputError for two classes of one name."""
    devices = tuple(map(device_of, presets))
    classes: dict[str, tuple[type[Device], str]] = {}
    for preset, device in zip(presets, devices, strict=True):
        known, first = classes.setdefault(device.info.name, (type(device), preset))
        if known is not type(device):
            raise InputError(
                f"presets {first} and {preset} must have different names, got {device.info.name!r} "
                "for both; change one in its DeviceInfo"
            )
    return devices


def seen_from(presets: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Presets of the working folder, as a spec file in `folder` must write them."""
    plain = map(plain_preset, presets)
    return tuple(
        os.path.relpath(preset, folder) if is_device_file(preset) else preset for preset in plain
    )


def beside(presets: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Presets of a spec file in `folder`, as they are called from the working folder."""
    return tuple(
        str(folder / preset)
        if (is_device_file(preset) or is_device_toml(preset)) and folder != Path()
        else preset
        for preset in presets
    )

"""A device that a user's own file makes: `path/to/file.py:thing`, with options or without.

`thing` is a `device_models.Device` or gives one when it is called without arguments. A device's
class keeps the digests of the files that it came from, so that records can say which code it was.
"""

import re
from pathlib import Path

from analogsim.errors import InputError
from analogsim.inputs.user_file import file_digests, load_object
from device_models.contract import Device, DeviceInfo
from device_models.registry import DEVICES, with_options

# What a spec, a list of presets and a file name can hold.
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
# Names of the controls that stand beside devices in the records.
_TAKEN = "gaussian-"

_loaded: dict[tuple[Path, str], tuple[dict[str, str], Device]] = {}
"""Devices of this process: a command asks several times, and is to get one class."""


def load_device(spec: str) -> Device:
    """The device of `FILE.py:NAME` or `FILE.py:NAME?option=value`.

    The file runs with the rights of the user who names it. Within a process it runs once, until
    it or a file beside it that it imports changes.

    Raises:
        InputError: no such file or name, code that fails, or what it gives is no device with a
            name of its own.
        DeviceError: an option that the device does not have, or refuses.
    """
    place, _, query = spec.partition("?")
    device = _remembered(place)
    return with_options(device, query) if query else device


def _remembered(place: str) -> Device:
    path, _, name = place.rpartition(":")
    key = (Path(path).resolve(), name)
    folder = key[0].parent
    if key in _loaded:
        files, device = _loaded[key]
        paths = [folder / one for one in files]
        if all(one.is_file() for one in paths) and file_digests(paths, folder) == files:
            return device
    found = load_object(place, what="preset", ready=Device)
    device = _checked(found.value, place)
    own = type(device)
    if own not in DEVICES.values():
        own.source_files = found.files
    _loaded[key] = (found.files, device)
    return device


def _checked(value: object, place: str) -> Device:
    where = f"preset {place}"
    if not isinstance(value, Device):
        raise InputError(
            f"{where} must be a device_models.Device, or a callable that gives one, got "
            f"{type(value).__name__}; derive your class from Device"
        )
    info = getattr(value, "info", None)
    if not isinstance(info, DeviceInfo):
        raise InputError(
            f"{where} must say what it is in `info`, a DeviceInfo, got {type(info).__name__}; "
            "add it to the class"
        )
    if not _NAME.search(info.name):
        raise InputError(
            f"{where} name must be letters, digits, '.', '_' and '-', got {info.name!r}; change "
            "it in its DeviceInfo"
        )
    built_in = DEVICES.get(info.name)
    if info.name.startswith(_TAKEN) or (built_in is not None and type(value) is not built_in):
        raise InputError(
            f"{where} name must be its own, got {info.name!r}, which analogsim uses itself; "
            "change it in its DeviceInfo"
        )
    return value

"""The devices by name, and the short text form in which a user asks for one.

A spec is `NAME` or `NAME?option=value&option=value`, for example `gaussian?eta=0.1&reference=max`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from functools import partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

from device_models.contract import Device
from device_models.errors import DeviceError
from device_models.gaussian import Gaussian
from device_models.ideal import Ideal
from device_models.pcm import Pcm
from device_models.pcm_hermes import PcmHermes
from device_models.rram import Rram
from device_models.rram_cmo import RramCmo

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
    return _made(device, device, query, spec)


def with_options(device: Device, query: str) -> Device:
    """A device with other options: `noise_scale=0.5&...`, what stands behind the `?` of a spec.

    Raises `DeviceError` as `parse`.
    """
    change = partial(replace, device)
    return _made(type(device), change, query, f"{device.info.name}?{query}")


def _made(device: type[Device], make: Callable[..., Device], query: str, spec: str) -> Device:
    name = device.info.name
    values: dict[str, Any] = {}
    problems: list[str] = []
    for item in query.split("&") if query else []:
        option, equals, text = item.partition("=")
        try:
            if option in values:
                raise DeviceError(
                    f"preset {name!r} option {option!r} must be given once, got {spec!r}; "
                    "keep one of its values"
                )
            values[option] = _read(device, option, text if equals else None)
        except DeviceError as problem:
            problems.append(str(problem))
    try:
        made = make(**values)
    except DeviceError as problem:
        problems.append(str(problem))
    if problems:
        raise DeviceError("\n".join(problems))
    return made


def spec_of(device: Device) -> str:
    """Return the shortest spec that `parse` turns into an equal device."""
    given = []
    for field in fields(device):
        value = getattr(device, field.name)
        if value != field.default:
            given.append(f"{field.name}={str(value).lower() if isinstance(value, bool) else value}")
    return device.info.name + ("?" + "&".join(given) if given else "")


def _read(device: type[Device], option: str, text: str | None) -> Any:
    """Turn the text of one option into the type of its field."""
    name = device.info.name
    options = [field.name for field in fields(device)]
    if option not in options:
        raise DeviceError(
            f"preset {name!r} option must be one of {', '.join(options)}, got {option!r}; "
            f"write for example '{name}?noise_scale=0.5'"
        )
    hint = get_type_hints(device)[option]
    if get_origin(hint) is Literal:
        values = {str(value): value for value in get_args(hint)}
        rule = " or ".join(values)
    elif hint is bool:
        values = {"true": True, "false": False}
        rule = "true or false"
    else:
        values = {}
        rule = "a number"
    if text in values:
        return values[text]
    if not values and text is not None:
        try:
            return float(text)
        except ValueError:
            pass
    raise DeviceError(
        f"preset {name!r} {option} must be {rule}, got {text!r}; "
        f"write for example '{name}?{option}={next(iter(values), '0.5')}'"
    )


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

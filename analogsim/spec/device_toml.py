"""A preset as a TOML file: `device = "pcm"`, and options of that device as further keys."""

from pathlib import Path
from typing import Any

from analogsim import bounded
from analogsim.errors import InputError, shown


def is_device_toml(preset: str) -> bool:
    """Whether a preset is `FILE.toml`."""
    return preset.partition("?")[0].endswith(".toml")


def plain_preset(preset: str) -> str:
    """The preset that a TOML file stands for, `NAME?option=value&...`; any other as it is.

    A `FILE.py:NAME` in the file is relative to it. Options behind the file's own question mark go
    before those in it.

    Raises:
        InputError: the file cannot be read, names no device, or has a value that is no option's.
    """
    if not is_device_toml(preset):
        return preset
    place, _, query = preset.partition("?")
    path = Path(place)
    content = _read(path)
    device = content.pop("device", None)
    if not isinstance(device, str) or is_device_toml(device):
        raise InputError(
            f"preset file {path} device must be the name of one, got {shown(device)}; write for "
            'example device = "pcm"'
        )
    name, _, own = device.partition("?")
    if ".py" in name:
        device = f"{path.parent / name}?{own}" if own else str(path.parent / name)
    asked = {item.partition("=")[0] for item in query.split("&")}
    items = [f"{key}={_text(path, key, content[key])}" for key in content if key not in asked]
    items += [query] if query else []
    if not items:
        return device
    return f"{device}{'&' if own else '?'}{'&'.join(items)}"


def _text(path: Path, key: str, value: object) -> str:
    if not key.isidentifier():
        raise InputError(
            f"preset file {path} keys must be device and options, got {shown(key)}; see "
            "analogsim presets NAME"
        )
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) or (isinstance(value, str) and not {*value} & {*"?&,"}):
        return str(value)
    raise InputError(
        f"preset file {path} {key} must be a number, true, false or a word, got {shown(value)}; "
        "mend it"
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return bounded.parse_toml(bounded.read_text(path))
    except OSError as error:
        raise InputError(
            f"preset file {path} must be readable, got '{error.strerror}'; check the path"
        ) from error
    except ValueError as error:
        raise InputError(
            f"preset file {path} must be TOML, got '{error}'; mend the file"
        ) from error

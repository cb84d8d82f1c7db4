"""What a point of a sweep changes: the periphery, the device, or the seed, found by name."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from analogsim.crossbar.mapping.periphery import (
    OF_CONVERTERS,
    STANDARD,
    Periphery,
    TileKind,
    from_dict,
)
from analogsim.draws.seed import MOST_SEED
from analogsim.errors import InputError, shown
from analogsim.experiment.axes import Axes, Point, Value, value_text
from device_models.contract import Device
from device_models.errors import DeviceError
from device_models.registry import with_options

Part = Literal["seed", "periphery", "device"]
_FIELDS = tuple(f.name for f in dataclasses.fields(Periphery) if f.name != "name")
# Of an ideal periphery these are unused; aihwkit's torch tile has no place for the others.
_UNUSED = (*_FIELDS[1 : _FIELDS.index("ir_drop") + 1], *OF_CONVERTERS)
_CPP_ONLY = ("read_noise", "ir_drop")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What chips are made with: the periphery, the device, and the root seed."""

    periphery: Periphery
    device: Device
    seed: int

    def at(self, point: Point) -> "Setting":
        """The setting at a point of a sweep.

        Raises:
            InputError, DeviceError: a name that is none of this setting's, or a value that it
                cannot have.
        """
        found = self
        for name, value in point.items():
            found = found._with(name, value)
        return found

    def _with(self, name: str, value: Value) -> "Setting":
        part, field = _find(name, [self.device])
        where = f"{name} = {value_text(value)}"
        if part == "seed":
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_SEED:
                raise InputError(
                    f"sweep {where}: seed must be a whole number from 0 to {MOST_SEED}, got "
                    f"{shown(value)}; mend it"
                )
            return dataclasses.replace(self, seed=value)
        if part == "periphery":
            fields = {**dataclasses.asdict(self.periphery), field: value}
            return dataclasses.replace(self, periphery=from_dict(fields, where=f"sweep {where}"))
        try:
            device = with_options(self.device, f"{field}={value_text(value)}")
        except DeviceError as error:
            raise DeviceError(f"sweep {where}: {error}") from error
        return dataclasses.replace(self, device=device)


def check_axes(
    axes: Axes, periphery: Periphery | None, devices: Sequence[Device], tile: TileKind
) -> None:
    """Refuse an axis that is none, that changes nothing, or with a value that cannot be.

    Args:
        axes: of a sweep.
        periphery: that it starts from; None if it is not known yet.
        devices: those of the study.
        tile: aihwkit's class of tile.

    Raises:
        InputError, DeviceError: with the axis and the value.
    """
    base = periphery or STANDARD
    for name, values in axes.items():
        part, field = _find(name, devices)
        if part == "periphery" and periphery is not None:
            if base.perfect and field in _UNUSED and "perfect" not in axes:
                raise InputError(
                    f"sweep {name} must change something, got the periphery {base.name!r}, which "
                    "has no converters, bounds or noise; use --periphery standard"
                )
            if field in _CPP_ONLY and tile == "torch":
                raise InputError(
                    f"sweep {name} must change something, got aihwkit's torch tile, which has no "
                    f"{field}; use --tile cpp"
                )
        for value in values:
            for device in devices:
                Setting(periphery=base, device=device, seed=0).at({name: value})


def _find(name: str, devices: Sequence[Device]) -> tuple[Part, str]:
    """Whose setting a name is, and its field there."""
    if name == "seed":
        return "seed", name
    owner, dot, field = name.rpartition(".")
    options = [{one.name for one in dataclasses.fields(device)} for device in devices]
    if owner == "periphery" and field in _FIELDS:
        return "periphery", field
    names = {device.info.name for device in devices}
    have = [field in known for known in options]
    if dot and owner in names and all(have) and len(names) == 1:
        return "device", field
    if not dot and field in _FIELDS and not any(have):
        return "periphery", field
    if not dot and all(have) and field not in _FIELDS:
        return "device", field
    raise InputError(_unknown(name, field, names, any(have)))


def _unknown(name: str, field: str, names: set[str], some: bool) -> str:
    if some and field in _FIELDS:
        rule = f"one of {', '.join(f'{one}.{field}' for one in ('periphery', *sorted(names)))}"
        return f"sweep {name} must be {rule}, got a name that both have; write whose it is"
    if some and len(names) > 1:
        return (
            f"sweep {name} must be an option of every device, got {', '.join(sorted(names))}; "
            "sweep it in a run of the devices that have it"
        )
    near = get_close_matches(field, _FIELDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see analogsim presets NAME for a device's"
    return (
        f"sweep name must be seed, bn, compensation, a field of the periphery "
        f"({', '.join(_FIELDS)}) or an option of the device, got {shown(name)}; {hint}"
    )

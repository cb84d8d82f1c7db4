"""What a point of a sweep changes: periphery, device, effects or seed, found by name."""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from analogsim.crossbar.mapping.effect_words import check_effects, left_to_wires
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery, TileKind
from analogsim.crossbar.mapping.periphery_text import (
    FIELDS,
    UNUSED_IF_IDEAL,
    fields_in_name,
    from_dict,
)
from analogsim.draws.seed import MOST_SEED
from analogsim.errors import InputError, shown
from analogsim.experiment.axes import Axes, Point, Value, value_text
from device_models.contract import Device
from device_models.effects.contract import Effect
from device_models.effects.registry import EFFECTS, parse_effect, with_effect_options
from device_models.effects.shorthand import SHORTHANDS, spec_of_shorthand
from device_models.effects.wires import Wires
from device_models.errors import DeviceError
from device_models.registry import with_options

Part = Literal["seed", "periphery", "device", "effect"]
# aihwkit's torch tile has no place for these.
_OF_PRODUCTS = ("read_noise", "ir_drop")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What chips are made with: periphery, device, effects on the cells, and the root seed."""

    periphery: Periphery
    device: Device
    seed: int
    effects: tuple[Effect, ...] = ()

    def at(self, point: Point) -> "Setting":
        """The setting at a point of a sweep.

        Raises:
            InputError, DeviceError: a name that is none of this setting's, or a value that it
                cannot have.
        """
        found = self
        for name, value in point.items():
            found = found._with(name, value)
        edge = left_to_wires(found.periphery, found.effects)
        return dataclasses.replace(found, periphery=edge)

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
        if part == "effect":
            return dataclasses.replace(self, effects=_swept(self.effects, name, value))
        try:
            device = with_options(self.device, f"{field}={value_text(value)}")
        except DeviceError as error:
            raise DeviceError(f"sweep {where}: {error}") from error
        return dataclasses.replace(self, device=device)


def unswept(effects: Sequence[Effect], axes: Collection[str]) -> tuple[Effect, ...]:
    """Without what the axes of a sweep set: the same at each of its points."""
    gone = {SHORTHANDS[axis].effect for axis in axes if axis in SHORTHANDS}
    kept = tuple(effect for effect in effects if effect.info.name not in gone)
    for axis in axes:
        name, _, option = axis.partition(".")
        if name in EFFECTS and name not in gone:
            kept = _swept(kept, axis, getattr(EFFECTS[name](), option))
    return kept


def _swept(effects: Sequence[Effect], axis: str, value: Value) -> tuple[Effect, ...]:
    """The effects with one at another value; where there was none it is the last but for wires."""
    where = f"sweep {axis} = {value_text(value)}"
    name, dot, option = axis.partition(".")
    name = name if dot else SHORTHANDS[name].effect
    there = [effect for effect in effects if effect.info.name == name]
    if len(there) > 1:
        raise InputError(
            f"{where} must be of one effect, got {len(there)} named {name}; write one of them"
        )
    try:
        if dot:
            before = there[0] if there else EFFECTS[name]()
            made = with_effect_options(before, f"{option}={value_text(value)}")
        else:
            made = parse_effect(spec_of_shorthand(axis, value_text(value)))
    except DeviceError as error:
        raise DeviceError(f"{where}: {error}") from error
    if not there:
        # As options and keys of a spec have it: current meets wires last.
        wires = [] if isinstance(made, Wires) else [e for e in effects if isinstance(e, Wires)]
        return (*(e for e in effects if e not in wires), made, *wires)
    return tuple(made if effect is there[0] else effect for effect in effects)


def check_axes(
    axes: Axes,
    periphery: Periphery | None,
    devices: Sequence[Device],
    tile: TileKind,
    effects: Sequence[Effect] = (),
) -> None:
    """Refuse an axis that is none, that changes nothing, or with a value that cannot be.

    Args:
        axes: of a sweep.
        periphery: that it starts from; None if it is not known yet.
        devices: those of the study.
        tile: the law of the products.
        effects: that it starts from.

    Raises:
        InputError, DeviceError: with the axis and the value.
    """
    names = {name.partition(".")[0] for name in axes} | {one.info.name for one in effects}
    base = periphery or STANDARD
    for name, values in axes.items():
        part, field = _find(name, devices)
        if part == "periphery" and periphery is not None:
            if field in fields_in_name(periphery.name):
                raise InputError(
                    f"sweep {name} must be set in one place, got the periphery "
                    f"{periphery.name!r}, too; leave {field} out of its name"
                )
            if base.perfect and field in UNUSED_IF_IDEAL and "perfect" not in axes:
                raise InputError(
                    f"sweep {name} must change something, got the periphery {base.name!r}, which "
                    "has no converters, bounds or noise; use --periphery standard"
                )
            if field in _OF_PRODUCTS and tile == "torch":
                raise InputError(
                    f"sweep {name} must change something, got aihwkit's torch tile, which has no "
                    f"{field}; use --tile native"
                )
            if field == "ir_drop" and "wires" in names:
                raise InputError(
                    f"sweep {name} must change something, got the effect wires, which has all IR "
                    "drop; leave one out"
                )
            if field == "read_noise" and tile == "native" and all(map(_states_noise, devices)):
                raise InputError(
                    f"sweep {name} must change something, got devices that state the read noise of "
                    "their products themselves; sweep their product_scale"
                )
        for value in values:
            for device in devices:
                start = Setting(periphery=base, device=device, seed=0, effects=tuple(effects))
                there = start.at({name: value})
                check_effects(there.effects, there.device)


def _states_noise(device: Device) -> bool:
    return device.product_noise() is not None


def _find(name: str, devices: Sequence[Device]) -> tuple[Part, str]:
    """Whose setting a name is, and its field there."""
    if name == "seed":
        return "seed", name
    if name in SHORTHANDS:
        return "effect", name
    owner, dot, field = name.rpartition(".")
    options = [{one.name for one in dataclasses.fields(device)} for device in devices]
    if owner == "periphery" and field in FIELDS:
        return "periphery", field
    if owner in EFFECTS and field in EFFECTS[owner].__dataclass_fields__:
        return "effect", field
    names = {device.info.name for device in devices}
    have = [field in known for known in options]
    if dot and owner in names and all(have) and len(names) == 1:
        return "device", field
    if not dot and field in FIELDS and not any(have):
        return "periphery", field
    if not dot and all(have) and field not in FIELDS:
        return "device", field
    raise InputError(_unknown(name, field, names, any(have)))


def _unknown(name: str, field: str, names: set[str], some: bool) -> str:
    if some and field in FIELDS:
        rule = f"one of {', '.join(f'{one}.{field}' for one in ('periphery', *sorted(names)))}"
        return f"sweep {name} must be {rule}, got a name that both have; write whose it is"
    if some and len(names) > 1:
        return (
            f"sweep {name} must be an option of every device, got {', '.join(sorted(names))}; "
            "sweep it in a run of the devices that have it"
        )
    near = get_close_matches(field, FIELDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see analogsim presets NAME for a device's"
    return (
        f"sweep name must be seed, bn, compensation, {', '.join(SHORTHANDS)}, a field of the "
        f"periphery ({', '.join(FIELDS)}), an option of the device or EFFECT.OPTION, got "
        f"{shown(name)}; {hint}"
    )

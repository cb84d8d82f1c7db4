"""What a chip's effects are, in words for whoever reads its numbers, and in a spec."""

import dataclasses
from collections.abc import Sequence

from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.errors import InputError
from device_models.contract import Device
from device_models.effects.contract import WHEN, Choosy, Effect
from device_models.effects.registry import spec_of_effect
from device_models.effects.wires import Wires
from device_models.errors import DeviceError


def effects_entry(effects: Sequence[Effect]) -> dict[str, list[str]]:
    """The effects as a folder and a run's spec name them; nothing where there are none.

    Raises:
        DeviceError: one is not in the table of effects.
    """
    return {"effects": [spec_of_effect(one) for one in effects]} if effects else {}


def effect_notes(effects: Sequence[Effect], device: Device) -> list[str]:
    """What each effect does and does not model, and what `device` is to it."""
    notes = [
        f"Effect {effect!r}, {WHEN[effect.moment]}: {effect.info.law} ({effect.info.citation}). "
        f"Not modelled: {effect.info.not_modelled}"
        for effect in effects
    ]
    notes += [note for effect in effects for note in getattr(effect, "notes", ())]
    if effects and device.cells_a_weight == 1:
        notes.append(
            f"Effects act on pairs of cells whose idle one is at zero: {device.info.name} has one "
            "cell a weight, which conducts at weight 0 too. What they do to it is another device's."
        )
    return notes


def check_effects(effects: Sequence[Effect], device: Device) -> None:
    """Raise `DeviceError` for an effect that `device` cannot have, or an order that none has."""
    wired = False
    for effect in effects:
        wires = isinstance(effect, Wires)
        if wired and (wires or effect.moment != "present"):
            raise DeviceError(
                f"effect 'wires' must come behind what is in the cells, and once, got "
                f"{effect.info.name!r} behind it; name wires last"
            )
        wired |= wires
        if isinstance(effect, Choosy):
            effect.check_device(device)


def left_to_wires(periphery: Periphery, effects: Sequence[Effect]) -> Periphery:
    """The periphery, without its own IR drop where wires are an effect: it would count twice."""
    if not any(isinstance(one, Wires) for one in effects):
        return periphery
    return dataclasses.replace(periphery, ir_drop=0.0)


def refuse_effects(effects: Sequence[Effect], where: str, why: str) -> None:
    """Raise `InputError` for any effects, where a study cannot yet tell what they do."""
    if effects:
        named = ", ".join(one.info.name for one in effects)
        raise InputError(f"{where} must have no effects, got {named}: {why}; leave them out")

"""The effects by name, and the short text form in which a user asks for one.

A spec is `NAME` or `NAME?option=value&option=value`, as a device's: `stuck?rate_off=0.01`.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from device_models.effects.contract import Effect
from device_models.effects.faults import Faults
from device_models.effects.gain_error import GainError
from device_models.effects.levels import Levels
from device_models.effects.stuck import Stuck
from device_models.effects.wires import Wires
from device_models.effects.write_verify import WriteVerify
from device_models.errors import DeviceError
from device_models.text_form import made, spec_of

EFFECTS: dict[str, type[Effect]] = {
    "faults": Faults,
    "stuck": Stuck,
    "gain_error": GainError,
    "levels": Levels,
    "write_verify": WriteVerify,
    "wires": Wires,
}


def parse_effect(spec: str) -> Effect:
    """Make the effect that `spec` asks for.

    Raises `DeviceError`, with every problem of the spec, for an unknown effect or option, a
    value of the wrong kind, or one that the effect refuses.
    """
    name, _, query = spec.partition("?")
    effect = EFFECTS.get(name)
    if effect is None:
        near = get_close_matches(name.casefold(), EFFECTS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else "'analogsim presets' lists them"
        raise DeviceError(f"effect must be one of {', '.join(EFFECTS)}, got {name!r}; {hint}")
    return made(effect, effect, query, spec, what="effect")


def with_effect_options(effect: Effect, query: str) -> Effect:
    """An effect with other options: what stands behind the `?` of a spec.

    Raises `DeviceError` as `parse_effect`.
    """
    change = partial(replace, effect)
    return made(type(effect), change, query, f"{effect.info.name}?{query}", what="effect")


def spec_of_effect(effect: Effect) -> str:
    """Return the shortest spec that `parse_effect` turns into an equal effect.

    Raises `DeviceError` for an effect that is not in the table.
    """
    name = effect.info.name
    if EFFECTS.get(name) is not type(effect):
        raise DeviceError(
            f"effect must be one of {', '.join(EFFECTS)} to be named in a file, got "
            f"{type(effect).__name__}; add it to device_models/effects/registry.py"
        )
    return spec_of(effect)

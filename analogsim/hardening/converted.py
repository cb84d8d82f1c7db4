"""The network on tiles that a training's noise is taken from, and which of its layers."""

import fnmatch
from collections.abc import Sequence
from typing import Any

from torch import nn

from analogsim.crossbar.conversion.calibration_inputs import Calibration
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.streams import StreamName
from analogsim.errors import InputError
from device_models.contract import Device
from device_models.effects.contract import Effect


def converted(
    network: nn.Module,
    preset: str | Device,
    periphery: str | Periphery,
    *,
    calibrate: Calibration | None,
    effects: tuple[str | Effect, ...] = (),
    keep_digital: tuple[str, ...] = (),
    **options: Any,
) -> AnalogModel:
    """The network on tiles, with draws from the fast stream where device and effects have it."""

    def made(stream: StreamName) -> AnalogModel:
        return convert(
            network,
            preset,
            periphery,
            calibrate=calibrate,
            effects=effects,
            keep_digital=keep_digital,
            stream=stream,
            **options,
        )

    try:
        return made("philox")
    except InputError as error:
        if not str(error).startswith("stream 'philox'"):
            raise
    return made("aihwkit")


def chosen_layers(patterns: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The layers on tiles that patterns (`fnmatch`) match, in their order; none is all.

    Raises:
        InputError: a pattern that matches none.
    """
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise InputError(
                f"layers to harden must be layers on tiles, got {pattern!r}, which matches none; "
                f"choose of {', '.join(names)}"
            )
    chosen = {name for pattern in patterns for name in fnmatch.filter(names, pattern)}
    return tuple(name for name in names if name in chosen or not patterns)

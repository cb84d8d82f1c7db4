"""Where the normals of programming and drift come from, and which chips can have which."""

import functools
from collections.abc import Sequence
from typing import Literal, get_args

from analogsim.crossbar.mapping.periphery import STANDARD, Periphery
from analogsim.errors import InputError
from device_models.contract import Device
from device_models.effects.contract import Effect
from device_models.pcm import Pcm

StreamName = Literal["aihwkit", "philox"]
"""`aihwkit` repeats aihwkit's draws, and its weights bit for bit. `philox` draws from the
reproducible stream (`gaussian.stream`) in one compiled pass: other draws of the same law, with one
read noise a weight where aihwkit draws one for each device of a pair."""


def check_stream(
    stream: str,
    device: Device,
    effects: Sequence[Effect] = (),
    periphery: Periphery = STANDARD,
) -> None:
    """Refuse a stream that is none, that device or effects do not have, or that needs numba.

    Raises:
        InputError: one of these.
    """
    if stream not in get_args(StreamName):
        raise InputError(
            f"stream must be one of {', '.join(get_args(StreamName))}, got {stream!r}; choose one"
        )
    if stream == "aihwkit":
        return
    if not isinstance(device, Pcm):
        raise InputError(
            f"stream 'philox' must have a device with a compiled law (pcm), got "
            f"{device.info.name!r}; use stream 'aihwkit' for it"
        )
    if effects:
        named = ", ".join(effect.info.name for effect in effects)
        raise InputError(
            f"stream 'philox' must have no effects, got {named}: its compiled law knows none; use "
            "stream 'aihwkit'"
        )
    if not periphery.plain:
        raise InputError(
            "stream 'philox' must have whole weights in pairs, inputs at once, a uniform ADC and a "
            f"fixed output range, got periphery {periphery.name!r}; use stream 'aihwkit' for it"
        )
    if not _has_numba():
        raise InputError(
            "stream 'philox' must have numba, got none installed; install the extra: "
            "pip install 'analogsim-aimc[fast]', or use stream 'aihwkit'"
        )


def check_cells(periphery: Periphery, device: Device, effects: Sequence[Effect]) -> None:
    """Refuse cells that stand alone where the device's law or an effect's option knows only pairs.

    Raises:
        InputError: one of these.
    """
    if periphery.pairs:
        return
    what = f"periphery weight_encoding {periphery.weight_encoding!r}"
    if not device.knows_cells:
        raise InputError(
            f"{what} must have a device whose law is known for one cell alone, got "
            f"{device.info.name!r}; use weight_encoding 'pair', or a device such as pcm"
        )
    for effect in effects:
        if options := getattr(effect, "only_pairs", ()):
            raise InputError(
                f"{what} must have effects on cells that stand alone, got {effect.info.name} with "
                f"{', '.join(options)}, which is of pairs; leave it out, or use weight_encoding "
                "'pair'"
            )


@functools.cache
def _has_numba() -> bool:
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True

"""What the sources of the periphery are called, and the one that a device may state itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from analogsim.attribution.source import Setting, Source, absent
from device_models.registry import with_options

Fields = dict[str, Any]
PRODUCT_NOISE = "product-noise"
_LAW = {"ir-drop": "IR drop along the columns", PRODUCT_NOISE: "read noise of each product"}


def has_law(full: Setting) -> bool:
    """Whether products have IR drop and read noise where they are asked for."""
    return full.tile == "native"


def titles_of(full: Setting) -> dict[str, str]:
    """By name, in the order of a table."""
    errors = {"adc-errors": "errors of the ADC's codes"}
    return {
        "input-range": "clipping at the input ranges",
        "dac": "DAC steps",
        **(_LAW if has_law(full) else {}),
        "output-noise": "output noise",
        "adc": "ADC steps",
        **(errors if full.periphery.has_code_table else {}),
        "output-bound": "clipping at the output bound",
    }


def own_product_noise(full: Setting) -> Source:
    """The read noise of each product that the device states itself."""
    name, title, device = PRODUCT_NOISE, _LAW[PRODUCT_NOISE], full.device
    law = device.product_noise()
    if law is None or law.sigma == 0:
        return absent(name, title, f"switched off or absent in '{device.info.name}'")
    why = f"it is of the law of '{device.info.name}', which has no switch for the rest alone"
    if not hasattr(device, "product_scale"):
        return absent(name, title, why)
    silent = with_options(device, "product_scale=0.0")
    return Source(name=name, title=title, why_not_alone=why, without=replace(full, device=silent))


def lacking(full: Setting, name: str, what: str) -> Source:
    """A source that the periphery does not have."""
    return absent(name, titles_of(full)[name], f"periphery '{full.periphery.name}' has no {what}")


def noise_sources(full: Setting, source: Callable[[str, Fields, Fields], Source]) -> list[Source]:
    """IR drop and read noise, where the law of the products has them, and output noise.

    `source` makes one of its name, the fields that alone are on, and those that switch it off.
    """
    edge, found = full.periphery, []
    named = [("output-noise", "output_noise", "output noise")]
    if has_law(full):
        named = [("ir-drop", "ir_drop", "IR drop"), (PRODUCT_NOISE, "read_noise", "read noise"),
                 *named]  # fmt: skip
    for name, field, what in named:
        if name == PRODUCT_NOISE and full.device.product_noise() is not None:
            found.append(own_product_noise(full))
        elif value := getattr(edge, field):
            found.append(source(name, {field: value}, {field: 0.0}))
        else:
            found.append(lacking(full, name, what))
    return found

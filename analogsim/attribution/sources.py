"""The sources of error of a chip, and how each one is switched on alone or off alone.

A source of the device is a switch that it declares; one of the array is an effect on its cells; one
of the periphery is a field of `Periphery`. What a law or a periphery cannot give alone is said in
words and never counted as zero.

Alone, a source of the device stands in a perfect periphery, without effects. An effect alone acts
on cells that hold exactly what was to be programmed, in a perfect periphery. Weights in slices stay
in slices everywhere: what rounding them costs is a source, and the others are counted from there.
For the periphery see `periphery_sources` and `converter_sources`.
"""

from dataclasses import replace

from analogsim.attribution.converter_sources import converter_sources
from analogsim.attribution.periphery_sources import periphery_sources
from analogsim.attribution.source import (
    Setting,
    Source,
    absent,
    everything_off,
    is_quiet,
    off,
    perfect,
    switches_of,
)
from analogsim.attribution.titles import titles_of
from device_models.contract import USUAL_SWITCHES, Device, Switch


def sources(full: Setting, *, rows: int, reach: float = 0.0) -> tuple[Source, ...]:
    """All sources in the order of a table: those that a chip does not have, too.

    Args:
        full: everything that the user asked for; its periphery is perfect or has static ranges.
        rows: most inputs of a tile, which bounds its outputs.
        reach: the largest output that a tile may have, in ranges of its ADC; where these differ.
    """
    edge = full.periphery
    bits = _weight_bits(full) if edge.bits_per_cell else None
    of_cells = [*_device_sources(full, bits), *_effect_sources(full, bits)]
    if edge.perfect:
        why = f"periphery '{edge.name}' has none"
        others = [absent(name, title, why) for name, title in titles_of(full).items()]
    elif edge.plain:
        others = periphery_sources(full, rows)
    else:
        others = converter_sources(full, reach, bits)
    return (*([] if bits is None else [bits]), *of_cells, *others)


def _weight_bits(full: Setting) -> Source:
    """What slices round away before anything is programmed: all others are counted from there."""
    return Source(
        name="weight-bits",
        title=f"rounding of weights to {full.periphery.weight_bits} bits",
        alone=everything_off(full),
        why_not_without="weights that are not cut into slices have other cells, with other draws",
    )


def _device_sources(full: Setting, bits: Source | None) -> list[Source]:
    device = full.device
    name = device.info.name
    found = []
    own = switches_of(device)
    for switch in dict.fromkeys((*USUAL_SWITCHES, *own)):
        source, title = switch.name, switch.title
        if is_quiet(device) or (switch in own and getattr(device, switch.option) == 0):
            found.append(absent(source, title, f"switched off or absent in '{name}'"))
        elif switch not in own:
            why = (
                f"the law of '{name}' has no switch for it (see 'device'); the device leaves out: "
                f"{device.info.not_modelled}"
            )
            found.append(absent(source, title, why))
        else:
            alone = _without(device, *(one for one in own if one != switch))
            without = _without(device, switch)
            found.append(_of_device(source, title, full, alone, without, bits))
    if not is_quiet(device) and not own:
        title = f"all that '{name}' does to the weights"
        found.append(_of_device("device", title, full, device, off(device), bits))
    return found


def _of_device(
    name: str, title: str, full: Setting, alone: Device, without: Device, bits: Source | None
) -> Source:
    return Source(
        name=name,
        title=title,
        base=bits,
        alone=replace(full, device=alone, periphery=perfect(full.periphery), effects=()),
        without=replace(full, device=without),
    )


def _effect_sources(full: Setting, bits: Source | None) -> list[Source]:
    found = []
    names = [effect.info.name for effect in full.effects]
    for place, effect in enumerate(full.effects):
        name, title = names[place], effect.info.title
        if names.count(name) > 1:
            # One of them by itself would draw what the other draws.
            why = (
                f"there are {names.count(name)} effects {name}, whose draws differ by their number"
            )
            found.append(absent(f"{name}-{names[:place].count(name) + 1}", title, why))
            continue
        others = full.effects[:place] + full.effects[place + 1 :]
        found.append(
            Source(
                name=name,
                title=title,
                base=bits,
                alone=replace(everything_off(full), effects=(effect,)),
                without=replace(full, effects=others),
            )
        )
    return found


def _without(device: Device, *switches: Switch) -> Device:
    return replace(device, **{switch.option: 0.0 for switch in switches})

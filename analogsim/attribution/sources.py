"""The sources of error of a chip, and how each one is switched on alone or off alone.

A source of the device is a switch that it declares; one of the array is an effect on its cells; one
of the periphery is a field of `Periphery`. What a law or a periphery cannot give alone is said in
words and never counted as zero.

Alone, a source of the device stands in a perfect periphery, without effects. An effect alone acts
on cells that hold exactly what was to be programmed, in a perfect periphery. A source of the
periphery stands in one whose converters keep their calibrated input ranges and have nothing else:
the ranges are the unit of the outputs, so they cannot be taken away from under the ADC or the
output noise. What the ranges clip is a source of its own, and the loss of the others is counted
from there. Without it, the ranges and the DAC's step stay, and the DAC has codes enough for every
input.
"""

from dataclasses import dataclass, replace

from torch import Generator, linspace

from analogsim.crossbar.mapping.periphery import Periphery, TileKind, step
from analogsim.crossbar.mapping.product_law import product_law
from device_models.contract import USUAL_SWITCHES, Device, Switch
from device_models.effects.contract import Cells, Effect
from device_models.ideal import Ideal
from device_models.registry import with_options

# Most bits of a converter, see `Periphery`.
_MOST_BITS = 16
# No output reaches it: a tile has at most some thousand rows, each worth about 1. Nor does any
# input of sense, in units of its range.
_NO_BOUND = 1e6


_TITLES = {"ir-drop": "IR drop along the columns", "product-noise": "read noise of each product"}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is switched on: a device, effects on its cells, periphery, and the law of products."""

    device: Device
    periphery: Periphery
    tile: TileKind = "torch"
    effects: tuple[Effect, ...] = ()

    @property
    def same_for_every_chip(self) -> bool:
        """Whether nothing random is left."""
        law = product_law(self.periphery, self.tile, self.device)
        quiet = self.periphery.perfect or (self.periphery.output_noise == 0 and law.read is None)
        cells = self.device.largest_us
        return quiet and is_quiet(self.device) and not any(draws(e, cells) for e in self.effects)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source, and the chips that measure it.

    Attributes:
        name, title: for files, and in words.
        alone: everything else off; None where that cannot be, for the reason `why_not_alone`.
        base: what `alone` is compared with; None is the digital network.
        without: it alone off; None where that cannot be, for the reason `why_not_without`.
    """

    name: str
    title: str
    alone: Setting | None = None
    base: Setting | None = None
    without: Setting | None = None
    why_not_alone: str = ""
    why_not_without: str = ""


def is_quiet(device: Device) -> bool:
    """Whether the device does nothing to a weight."""
    switches = _switches(device)
    off = bool(switches) and all(getattr(device, one.option) == 0 for one in switches)
    return isinstance(device, Ideal) or device.noise_scale == 0 or off


class _Watched:
    """Draws that remember whether they were asked for any."""

    asked = False
    array = ""

    def generator(self, what: str) -> Generator:
        self.asked = True
        return Generator().manual_seed(0)


def draws(effect: Effect, g_max_us: float | None) -> bool:
    """Whether the effect asks for random numbers, so that chips differ by it: tried on cells."""
    watched = _Watched()
    effect.apply(Cells.of(linspace(-1, 1, 64).view(8, 8), g_max_us), watched)
    return watched.asked


def everything_off(full: Setting) -> Setting:
    """The chip that should compute as the digital network does."""
    quiet, perfect = _off(full.device), _perfect(full.periphery)
    return replace(full, device=quiet, periphery=perfect, effects=())


def sources(full: Setting, *, rows: int) -> tuple[Source, ...]:
    """All sources in the order of a table: those that a chip does not have, too.

    Args:
        full: everything that the user asked for; its periphery is perfect or has static ranges.
        rows: most inputs of a tile, which bounds its outputs.
    """
    return (*_device_sources(full), *_effect_sources(full), *_periphery_sources(full, rows))


def _device_sources(full: Setting) -> list[Source]:
    device = full.device
    name = device.info.name
    found = []
    own = _switches(device)
    for switch in dict.fromkeys((*USUAL_SWITCHES, *own)):
        source, title = switch.name, switch.title
        if is_quiet(device) or (switch in own and getattr(device, switch.option) == 0):
            found.append(_absent(source, title, f"switched off or absent in '{name}'"))
        elif switch not in own:
            why = (
                f"the law of '{name}' has no switch for it (see 'device'); the device leaves out: "
                f"{device.info.not_modelled}"
            )
            found.append(_absent(source, title, why))
        else:
            alone = _without(device, *(one for one in own if one != switch))
            found.append(_of_device(source, title, full, alone, _without(device, switch)))
    if not is_quiet(device) and not own:
        title = f"all that '{name}' does to the weights"
        found.append(_of_device("device", title, full, device, _off(device)))
    return found


def _of_device(name: str, title: str, full: Setting, alone: Device, without: Device) -> Source:
    return Source(
        name=name,
        title=title,
        alone=replace(full, device=alone, periphery=_perfect(full.periphery), effects=()),
        without=replace(full, device=without),
    )


def _effect_sources(full: Setting) -> list[Source]:
    found = []
    names = [effect.info.name for effect in full.effects]
    for place, effect in enumerate(full.effects):
        name, title = names[place], effect.info.title
        if names.count(name) > 1:
            # One of them by itself would draw what the other draws.
            why = (
                f"there are {names.count(name)} effects {name}, whose draws differ by their number"
            )
            found.append(_absent(f"{name}-{names[:place].count(name) + 1}", title, why))
            continue
        others = full.effects[:place] + full.effects[place + 1 :]
        found.append(
            Source(
                name=name,
                title=title,
                alone=replace(everything_off(full), effects=(effect,)),
                without=replace(full, effects=others),
            )
        )
    return found


def _periphery_sources(full: Setting, rows: int) -> list[Source]:
    edge, quiet = full.periphery, _off(full.device)
    titles = {
        "input-range": "clipping at the input ranges",
        "dac": "DAC steps",
        **(_TITLES if _has_law(full) else {}),
        "output-noise": "output noise",
        "adc": "ADC steps",
        "output-bound": "clipping at the output bound",
    }
    if edge.perfect:
        why = f"periphery '{edge.name}' has none"
        return [_absent(name, title, why) for name, title in titles.items()]
    bare = replace(
        edge,
        name=f"{edge.name} (input ranges only)",
        dac_bits=0,
        adc_bits=0,
        output_noise=0.0,
        output_bound=_NO_BOUND,
    )
    if _has_law(full):
        bare = replace(bare, ir_drop=0.0, read_noise=0.0)
    base = replace(full, device=quiet, periphery=bare, effects=())

    def source(name: str, on: dict[str, float], off: dict[str, float]) -> Source:
        return Source(
            name=name,
            title=titles[name],
            alone=replace(base, periphery=_edit(bare, on, f"{edge.name} (only {name})")),
            base=base,
            without=replace(full, periphery=_edit(edge, off, f"{edge.name} (without {name})")),
        )

    def absent(name: str, what: str) -> Source:
        return _absent(name, titles[name], f"periphery '{edge.name}' has no {what}")

    def of_products() -> list[Source]:
        """IR drop and read noise, where the law of the products has them."""
        if not _has_law(full):
            return []
        drop = source("ir-drop", {"ir_drop": edge.ir_drop}, {"ir_drop": 0.0})
        drop = drop if edge.ir_drop else absent("ir-drop", "IR drop")
        if full.device.product_noise() is not None:
            return [drop, _own_product_noise(full)]
        read = source("product-noise", {"read_noise": edge.read_noise}, {"read_noise": 0.0})
        return [drop, read if edge.read_noise else absent("product-noise", "read noise")]

    ranges = Source(
        name="input-range",
        title=titles["input-range"],
        alone=base,
        # The range stays what it is, the unit of the outputs: only what it clips is let through.
        without=replace(
            full,
            periphery=_edit(edge, {"input_bound": _NO_BOUND}, f"{edge.name} (without input-range)"),
        ),
    )
    dac = source("dac", {"dac_bits": edge.dac_bits}, {"dac_bits": 0})
    noise = source("output-noise", {"output_noise": edge.output_noise}, {"output_noise": 0.0})
    found = [
        ranges,
        dac if edge.dac_bits else absent("dac", "DAC"),
        *of_products(),
        noise if edge.output_noise else absent("output-noise", "output noise"),
    ]
    if not edge.adc_bits:
        clip = source(
            "output-bound", {"output_bound": edge.output_bound}, {"output_bound": _NO_BOUND}
        )
        return [*found, absent("adc", "ADC"), clip]
    wide = widened(edge, rows)
    if wide is None:
        both = {"adc_bits": edge.adc_bits, "output_bound": edge.output_bound}
        adc = source("adc", both, {"adc_bits": 0, "output_bound": _NO_BOUND})
        why = (
            f"an ADC of {edge.adc_bits} bits has no wider form with the same step; it is counted "
            "with 'adc'"
        )
        return [*found, adc, _absent("output-bound", titles["output-bound"], why)]
    clip = source("output-bound", {"output_bound": edge.output_bound}, wide)
    return [*found, source("adc", wide, {"adc_bits": 0}), clip]


def _has_law(full: Setting) -> bool:
    """Whether products have IR drop and read noise where they are asked for."""
    return full.tile == "native" and full.periphery.plain


def _own_product_noise(full: Setting) -> Source:
    """The read noise of each product that the device states itself."""
    name, title, device = "product-noise", _TITLES["product-noise"], full.device
    law = device.product_noise()
    if law is None or law.sigma == 0:
        return _absent(name, title, f"switched off or absent in '{device.info.name}'")
    why = f"it is of the law of '{device.info.name}', which has no switch for the rest alone"
    if not hasattr(device, "product_scale"):
        return _absent(name, title, why)
    silent = with_options(device, "product_scale=0.0")
    return Source(name=name, title=title, why_not_alone=why, without=replace(full, device=silent))


def widened(edge: Periphery, rows: int) -> dict[str, float] | None:
    """Fields of an ADC with the same step that clips no output; None if there is none.

    The bound of an ADC is its largest code. 16 bits with the same step reach far beyond it.
    """
    unit = step(edge.adc_bits, edge.output_bound)
    bound = unit * ((1 << _MOST_BITS) - 2) / 2
    # A tile's outputs are sums of at most `rows` products of about 1.
    if edge.adc_bits == _MOST_BITS or bound < rows:
        return None
    return {"adc_bits": _MOST_BITS, "output_bound": bound}


def _perfect(edge: Periphery) -> Periphery:
    if edge.perfect:
        return edge
    return replace(edge, name=f"{edge.name} (all off)", perfect=True)


def _edit(edge: Periphery, fields: dict[str, float], name: str) -> Periphery:
    """Another periphery has another name: the records say it."""
    return replace(edge, name=name, **fields)  # type: ignore[arg-type]  # bits: whole


def _switches(device: Device) -> tuple[Switch, ...]:
    """Those that are part of no other, which together are the whole device."""
    return tuple(switch for switch in device.own_switches() if not switch.part_of)


def _without(device: Device, *switches: Switch) -> Device:
    return replace(device, **{switch.option: 0.0 for switch in switches})


def _off(device: Device) -> Device:
    return replace(device, noise_scale=0.0)


def _absent(name: str, title: str, why: str) -> Source:
    return Source(name=name, title=title, why_not_alone=why, why_not_without=why)

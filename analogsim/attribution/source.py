"""A source of error, and the chips that are made to measure it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Generator, linspace

from analogsim.crossbar.mapping.periphery import Periphery, TileKind
from analogsim.crossbar.mapping.product_law import product_law
from device_models.contract import Device, Switch
from device_models.effects.contract import Cells, Effect
from device_models.ideal import Ideal


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
        edge = self.periphery
        noisy = edge.output_noise > 0 or law.read is not None or edge.draws_converters
        quiet = edge.perfect or not noisy
        cells = self.device.largest_us
        return quiet and is_quiet(self.device) and not any(draws(e, cells) for e in self.effects)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source, and the chips that measure it.

    Attributes:
        name, title: for files, and in words.
        alone: everything else off; None where that cannot be, for the reason `why_not_alone`.
        base: whose `alone` this one's is compared with; None is the digital network.
        without: it alone off; None where that cannot be, for the reason `why_not_without`.
    """

    name: str
    title: str
    alone: Setting | None = None
    base: "Source | None" = None
    without: Setting | None = None
    why_not_alone: str = ""
    why_not_without: str = ""


def is_quiet(device: Device) -> bool:
    """Whether the device does nothing to a weight."""
    switches = switches_of(device)
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
    return replace(full, device=off(full.device), periphery=perfect(full.periphery), effects=())


def perfect(edge: Periphery) -> Periphery:
    """Without converters, noise and bounds."""
    if edge.perfect:
        return edge
    return replace(edge, name=f"{edge.name} (all off)", perfect=True)


def edited(edge: Periphery, fields: Mapping[str, Any], name: str) -> Periphery:
    """Another periphery has another name: the records say it."""
    return replace(edge, name=name, **fields)


def switches_of(device: Device) -> tuple[Switch, ...]:
    """Those that are part of no other, which together are the whole device."""
    return tuple(switch for switch in device.own_switches() if not switch.part_of)


def off(device: Device) -> Device:
    """The device without any error."""
    return replace(device, noise_scale=0.0)


def absent(name: str, title: str, why: str) -> Source:
    """A source that cannot be measured, for a reason in words."""
    return Source(name=name, title=title, why_not_alone=why, why_not_without=why)

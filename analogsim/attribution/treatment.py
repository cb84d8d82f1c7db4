"""What is done to a chip to learn what something costs, and the accuracies that come of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from analogsim.attribution.networks import Forms
from analogsim.attribution.source import Setting, Source, everything_off
from analogsim.attribution.sources import sources
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.experiment.condition import Condition
from device_models.contract import Device
from device_models.registry import spec_of

Kind = Literal["source", "layer"]
Mode = Literal["alone", "without"]


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """Chips of one form of the network on one device.

    Attributes:
        condition: what is programmed, and how the records call it.
        same_for_every_chip: nothing in it is random, so that one chip is all of them.
        digital: the layers that are kept digital, where that is the treatment.
    """

    condition: Condition
    same_for_every_chip: bool
    digital: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the field `preset` of its records says."""
        return self.condition.preset


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """What a source or a layer costs, as the difference of two treatments' accuracies.

    The loss is (better - worse), chip by chip. A None is the digital network. `why` is given
    where it cannot be measured, and both sides are then None.
    """

    kind: Kind
    name: str
    title: str
    mode: Mode
    better: Treatment | None
    worse: Treatment | None
    why: str = ""

    @property
    def treatments(self) -> tuple[Treatment, ...]:
        """Those of its sides that are chips."""
        return tuple(side for side in (self.better, self.worse) if side is not None)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Makes treatments of a converted network on one device."""

    forms: Forms
    device: Device

    @property
    def preset(self) -> str:
        """The device as the user writes it."""
        return spec_of(self.device)

    @property
    def setting(self) -> Setting:
        """Everything on."""
        full = self.forms.full
        return Setting(
            device=self.device, periphery=full.periphery, tile=full.tile, effects=full.effects
        )

    def full(self) -> Treatment:
        """The chip as the user asked for it: that of `analogsim drift`, under its name."""
        return self._made(self.preset, self.forms.full, self.setting)

    def none(self) -> Treatment:
        """Every source off: as good as the digital network, or something is wrong."""
        return self._treatment("every source off", everything_off(self.setting))

    def by_source(self) -> list[Contrast]:
        """Each source alone, then all but it."""
        known = sources(self.setting, rows=self.forms.tile_rows, reach=self.forms.reach)
        return [*map(self._alone, known), *map(self._all_but, known)]

    def by_layer(self, names: Sequence[str]) -> list[Contrast]:
        """Each layer alone analog, then each kept digital."""
        alone = [
            Contrast(
                kind="layer",
                name=name,
                title=name,
                mode="alone",
                better=None,
                worse=self.only([name]),
            )
            for name in names
        ]
        without = [
            Contrast(
                kind="layer",
                name=name,
                title=name,
                mode="without",
                better=self.keeping([name]),
                worse=self.full(),
            )
            for name in names
        ]
        return [*alone, *without]

    def only(self, names: Collection[str]) -> Treatment:
        """These layers alone are analog."""
        return self._layers(f"only {_named(names)}", names)

    def keeping(self, names: Collection[str]) -> Treatment | None:
        """These layers are digital; None if none is left analog."""
        rest = [name for name in self.forms.names if name not in names]
        if not rest:
            return None
        return replace(self._layers(f"without {_named(names)}", rest), digital=tuple(names))

    def _alone(self, source: Source) -> Contrast:
        return Contrast(
            kind="source",
            name=source.name,
            title=source.title,
            mode="alone",
            better=None if source.base is None else self._only(source.base),
            worse=self._only(source),
            why=source.why_not_alone,
        )

    def _all_but(self, source: Source) -> Contrast:
        without = source.without
        better = None if without is None else self._treatment(f"without {source.name}", without)
        return Contrast(
            kind="source",
            name=source.name,
            title=source.title,
            mode="without",
            better=better,
            worse=None if better is None else self.full(),
            why=source.why_not_without,
        )

    def _only(self, source: Source) -> Treatment | None:
        alone = source.alone
        return None if alone is None else self._treatment(f"only {source.name}", alone)

    def _treatment(self, name: str, setting: Setting) -> Treatment:
        analog = self.forms.form(setting.periphery, self.forms.names)
        analog = replace(analog, effects=setting.effects)
        return self._made(f"{self.preset}: {name}", analog, setting)

    def _layers(self, name: str, names: Collection[str]) -> Treatment:
        analog = self.forms.form(self.setting.periphery, names)
        return self._made(f"{self.preset}: {name}", analog, self.setting)

    def _made(self, name: str, analog: AnalogModel, setting: Setting) -> Treatment:
        return Treatment(
            condition=Condition.of(name, analog, setting.device),
            same_for_every_chip=setting.same_for_every_chip,
        )


def distinct(contrasts: Sequence[Contrast]) -> list[Treatment]:
    """Every treatment once, by name, in the order of first use."""
    found: Mapping[str, Treatment] = {
        treatment.name: treatment for one in contrasts for treatment in one.treatments
    }
    return list(found.values())


def _named(names: Collection[str]) -> str:
    return f"layer{'s' if len(names) > 1 else ''} {', '.join(names)}"

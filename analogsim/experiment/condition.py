"""A condition: what has chips of its own, and the conditions that a study spans."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analogsim.crossbar.conversion.again import ConvertAgain, same_tiles, with_periphery
from analogsim.crossbar.forward.engines import choose_forward
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.effect_words import check_effects
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.streams import check_stream
from analogsim.experiment.axes import Place, Point, place_of, value_text
from analogsim.experiment.setting import Setting
from analogsim.experiment.study import Study
from device_models.contract import Device

Name = tuple[str, str, Place]
"""Device, treatment of BatchNorm, and point of a sweep, as the records bear them."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A network on a device, under the names that its trials bear.

    Attributes:
        preset: the device as the study names it; a sweep may change its options.
        bn: treatment of BatchNorm.
        point: of a sweep; empty without one.
        network: with its device, converted for the tiles of `periphery`; conditions share it.
        periphery: what its chips have.
        seed: root seed of its chips, where a sweep sets it; else None, that of the study.
    """

    preset: str
    bn: str
    network: AnalogModel
    periphery: Periphery
    seed: int | None = None
    point: Point = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> Name:
        """What tells a condition of a study from the others."""
        return self.preset, self.bn, place_of(self.point)

    @property
    def labels(self) -> dict[str, str]:
        """The axes of tables and curves, and this condition's place on each."""
        point = {axis: value_text(value) for axis, value in self.point.items()}
        return {"device": self.preset, "BN": self.bn, **point}

    @classmethod
    def of(cls, preset: str, analog: AnalogModel, device: Device) -> "Condition":
        """A network on a device, outside of any sweep, under this name."""
        network = dataclasses.replace(analog, device=device)
        periphery = analog.periphery
        return cls(preset=preset, bn=str(analog.bn), network=network, periphery=periphery)

    def analog(self) -> AnalogModel:
        """What is programmed. A copy of its own where the periphery is not the network's."""
        return with_periphery(self.network, self.periphery)


def conditions_of(
    study: Study, analogs: Mapping[str, AnalogModel], convert_again: ConvertAgain | None = None
) -> list[Condition]:
    """Every condition of a study: devices, then treatments of BatchNorm, then points of its sweep.

    What a point does not change is not converted again, and takes no memory: points share the
    weights, and where they differ in the device, the seed or the converters the network too.

    Args:
        study: what is asked.
        analogs: the converted network for each treatment of BatchNorm.
        convert_again: for points whose tiles or input ranges are others; without it such points
            are refused.

    Raises:
        InputError, DeviceError: a point that cannot be, or that needs `convert_again`.
    """
    made = {bn: [analog] for bn, analog in analogs.items()}

    def on(bn: str, periphery: Periphery) -> AnalogModel:
        for known in made[bn]:
            if same_tiles(known.periphery, periphery):
                if known.periphery != periphery:
                    # Raises where the chosen products cannot have it.
                    choose_forward(periphery, known.tile, known.forward)
                return known
        made[bn].append(with_periphery(analogs[bn], periphery, convert_again))
        return made[bn][-1]

    found = []
    for preset, device in zip(study.presets, study.devices, strict=True):
        for bn, analog in analogs.items():
            base = Setting(
                periphery=analog.periphery,
                device=device,
                seed=study.seed,
                effects=analog.effects,
            )
            for point in study.points or ({},):
                setting = base.at(point)
                check_effects(setting.effects, setting.device)
                check_stream(analog.stream, setting.device, setting.effects)
                network = dataclasses.replace(
                    on(bn, setting.periphery), device=setting.device, effects=setting.effects
                )
                found.append(
                    Condition(
                        preset=preset,
                        bn=bn,
                        network=network,
                        periphery=setting.periphery,
                        point=point,
                        seed=setting.seed if "seed" in point else None,
                    )
                )
    return found


def by_bn(conditions: Sequence[Condition]) -> dict[str, AnalogModel]:
    """The first network of each treatment of BatchNorm."""
    found: dict[str, AnalogModel] = {}
    for condition in conditions:
        if condition.bn not in found:
            found[condition.bn] = condition.analog()
    return found

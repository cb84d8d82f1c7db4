"""What a device can switch off alone, as it says itself; all at once leaves nothing."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch

from analogsim.attribution.sources import Setting, is_quiet, sources
from analogsim.crossbar.mapping.periphery import IDEAL
from analogsim.equivalent.causes import variants
from device_models import DEVICES, PROGRAMMING, DeviceError, Switch, parse
from device_models.pcm import Pcm
from tests.device_models.law_checks import DAY_S, drift, program, uniform_weights

DRIFT_SPREAD = "the spread of drift exponents between cells"
SWITCHED = [name for name, device in DEVICES.items() if device().own_switches()]


@dataclass(frozen=True, kw_only=True)
class Leaky(Pcm):
    """A device with a switch that no other has, and one of the usual ones."""

    switches: ClassVar[tuple[Switch, ...]] = (
        Switch(option="leak_scale", name="leak", title="a leak"),
        PROGRAMMING,
    )

    leak_scale: float = 1.0


def test_what_each_device_can_switch_off() -> None:
    names = {name: [one.name for one in DEVICES[name]().own_switches()] for name in DEVICES}
    usual = ["programming", "drift", "read-noise"]
    assert names == {
        "ideal": [],
        "pcm": ["programming", "drift", "drift-spread", "read-noise"],
        "pcm-hermes": usual,
        "rram": [],
        "rram-cmo": usual,
        "gaussian": [],
    }


@pytest.mark.parametrize("name", SWITCHED)
def test_with_all_switches_at_zero_nothing_is_left(name: str) -> None:
    device = parse(name)
    whole = {one.option: 0.0 for one in device.own_switches() if not one.part_of}
    weights = uniform_weights(5, 9)
    programmed, memory = program(replace(device, **whole), weights)
    assert torch.equal(programmed, weights)
    assert torch.equal(drift(replace(device, **whole), programmed, memory, DAY_S), weights)


@pytest.mark.parametrize("name", SWITCHED)
def test_each_switch_moves_the_weights_of_a_day(name: str) -> None:
    def weights_of(device: object) -> torch.Tensor:
        programmed, memory = program(device, uniform_weights(20, 30))
        return drift(device, programmed, memory, DAY_S)

    device = parse(name)
    for one in device.own_switches():
        moved = weights_of(replace(device, **{one.option: 0.0})) - weights_of(device)
        assert float(moved.norm()) > 1e-2, one


def test_a_device_s_own_switch_is_a_source_and_a_cause() -> None:
    device = Leaky()
    found = {one.name: one for one in sources(Setting(device=device, periphery=IDEAL), rows=9)}
    assert list(found)[:4] == ["programming", "drift", "read-noise", "leak"]
    assert found["leak"].title == "a leak"
    assert found["leak"].alone is not None
    assert found["leak"].alone.device == replace(device, programming_scale=0.0)
    assert found["leak"].without is not None
    assert found["leak"].without.device == replace(device, leak_scale=0.0)
    assert "has no switch for it" in found["drift"].why_not_alone
    assert [(one.switch.title, one.device) for one in variants(device)] == [
        ("a leak", replace(device, leak_scale=0.0)),
        ("programming noise", replace(device, programming_scale=0.0)),
    ]
    assert is_quiet(replace(device, leak_scale=0.0, programming_scale=0.0))
    assert not is_quiet(replace(device, leak_scale=0.0))


def test_causes_have_the_words_and_the_order_of_the_device() -> None:
    assert [(one.switch.option, one.switch.title) for one in variants(parse("pcm"))] == [
        ("programming_scale", "programming noise"),
        ("drift_scale", "drift (its mean and its spread between cells)"),
        ("nu_std_scale", DRIFT_SPREAD),
        ("read_scale", "read noise"),
    ]
    # Part of another switch: no source of its own.
    titles = [one.title for one in sources(Setting(device=parse("pcm"), periphery=IDEAL), rows=9)]
    assert DRIFT_SPREAD not in titles


def test_a_switch_without_a_field_is_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Wrong(Pcm):
        switches: ClassVar[tuple[Switch, ...]] = (
            Switch(option="leek_scale", name="leak", title="a leak"),
        )

    with pytest.raises(
        DeviceError, match="switches must be fields of the device, got 'leek_scale'"
    ):
        Wrong()

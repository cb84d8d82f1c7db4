"""What a point of a sweep changes, and the names that it may use."""

import dataclasses

import pytest

from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD, TileKind
from analogsim.errors import AnalogsimError
from analogsim.experiment.axes import Axes, Value
from analogsim.experiment.setting import Setting, check_axes
from device_models.effects.registry import parse_effect
from device_models.registry import parse

BASE = Setting(periphery=STANDARD, device=parse("pcm"), seed=3)


def test_a_point_changes_periphery_device_and_seed_and_nothing_else() -> None:
    at = BASE.at({"adc_bits": 5, "pcm.drift_scale": 0.5, "read_scale": 0, "seed": 7})
    assert at.periphery.as_dict() == STANDARD.as_dict() | {"adc_bits": 5}
    assert at.device == parse("pcm?drift_scale=0.5&read_scale=0")
    assert at.seed == 7
    assert BASE.at({}) == BASE
    assert BASE.at({"periphery.output_noise": 0}).periphery.output_noise == 0


@pytest.mark.parametrize(
    ("axes", "presets", "said"),
    [
        ({"adc_bit": (4,)}, "pcm", "got 'adc_bit'; did you mean 'adc_bits'?"),
        ({"name": (4,)}, "pcm", "sweep name must be seed, bn, compensation, faults, "),
        ({"rram.noise_scale": (1,)}, "pcm", "got 'rram.noise_scale'"),
        ({"drift_scale": (1,)}, "pcm rram", "must be an option of every device, got pcm, rram"),
        ({"pcm.noise_scale": (1,)}, "pcm rram", "must be an option of every device"),
        ({"adc_bits": (8, 17)}, "pcm", "adc_bits must be 0 or 2 to 16, got 17"),
        ({"adc_bits": (8.5,)}, "pcm", "sweep adc_bits = 8.5: adc_bits must be a int, got 8.5"),
        ({"noise_scale": (-1,)}, "pcm", "sweep noise_scale = -1: preset 'pcm' noise_scale must"),
        ({"noise_scale": ("x",)}, "pcm", "noise_scale must be a number, got 'x'"),
        ({"seed": (-1,)}, "pcm", "seed must be a whole number from 0 to"),
        ({"seed": (True,)}, "pcm", "got True"),
    ],
)
def test_what_is_no_setting_is_refused(axes: Axes, presets: str, said: str) -> None:
    with pytest.raises(AnalogsimError) as error:
        check_axes(axes, STANDARD, list(map(parse, presets.split())), "torch")
    assert said in str(error.value)


@pytest.mark.parametrize("tile", ["native", "torch", "cpp"])
def test_an_axis_that_changes_nothing_is_refused(tile: TileKind) -> None:
    devices = [parse("pcm")]
    with pytest.raises(AnalogsimError, match="the periphery 'ideal', which has no converters"):
        check_axes({"adc_bits": (4, 8)}, IDEAL, devices, tile)
    check_axes({"adc_bits": (4, 8), "perfect": (True, False)}, IDEAL, devices, tile)
    check_axes({"max_input_size": (64, 128)}, IDEAL, devices, tile)
    if tile != "torch":
        check_axes({"ir_drop": (0, 1)}, STANDARD, devices, tile)
    else:
        with pytest.raises(AnalogsimError, match="torch tile, which has no ir_drop; use --tile n"):
            check_axes({"ir_drop": (0, 1)}, STANDARD, devices, tile)


@pytest.mark.parametrize(
    ("point", "effect"),
    [
        ({"faults": "on=1%"}, "faults?on=0.01"),
        ({"faults.on": 0.01}, "faults?on=0.01"),
        ({"gain_error.std": 0.1}, "gain_error?std=0.1"),
    ],
    ids=str,
)
def test_an_effect_that_is_swept_stands_where_its_option_would_put_it(
    point: dict[str, Value], effect: str
) -> None:
    stuck, wires = parse_effect("stuck?rate_on=0.1"), parse_effect("wires?r_row=1")
    swept = dataclasses.replace(BASE, effects=(stuck, wires)).at(point).effects
    assert swept == (stuck, parse_effect(effect), wires)
    assert dataclasses.replace(BASE, effects=(stuck,)).at({"wires": "1ohm"}).effects[0] == stuck

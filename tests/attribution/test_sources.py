"""What each source's chips are made of, and what is said where one cannot stand alone."""

import dataclasses

import pytest

from analogsim.attribution.periphery_sources import widened
from analogsim.attribution.source import Setting, everything_off, is_quiet
from analogsim.attribution.sources import sources
from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD, Periphery, step
from device_models.effects import GainError, Stuck, Wires
from device_models.registry import parse

NAMES = ["input-range", "dac", "output-noise", "adc", "output-bound"]


def of(preset, periphery=STANDARD, rows=512, effects=(), tile="torch"):
    full = Setting(device=parse(preset), periphery=periphery, effects=effects, tile=tile)
    return {source.name: source for source in sources(full, rows=rows)}


def test_pcm_has_three_sources_and_the_standard_periphery_five():
    assert list(of("pcm")) == ["programming", "drift", "read-noise", *NAMES]


def test_the_native_tile_has_two_more():
    found = of("pcm", tile="native")
    assert list(found)[3:] == [*NAMES[:2], "ir-drop", "product-noise", *NAMES[2:]]
    bare = found["input-range"].alone.periphery
    assert (bare.ir_drop, bare.read_noise) == (0.0, 0.0)
    for name, field, value in (
        ("ir-drop", "ir_drop", 1.0),
        ("product-noise", "read_noise", 0.0175),
    ):
        source = found[name]
        assert source.base == found["input-range"]
        assert source.alone.periphery == dataclasses.replace(
            bare, name=f"standard (only {name})", **{field: value}
        )
        assert source.without.periphery == _edit(f"standard (without {name})", {field: 0.0})
    assert not found["product-noise"].alone.same_for_every_chip
    assert found["ir-drop"].alone.same_for_every_chip


def test_a_device_s_own_read_noise_of_products_is_its_law():
    source = of("rram", tile="native")["product-noise"]
    assert source.alone is None
    assert "it is of the law of 'rram'" in source.why_not_alone
    assert source.without.device == parse("rram?product_scale=0")
    assert source.without.periphery == STANDARD
    none = of("rram?product_scale=0", tile="native")["product-noise"]
    assert none.why_not_without == "switched off or absent in 'rram'"


@pytest.mark.parametrize(
    ("name", "switch"),
    [("programming", "programming_scale"), ("drift", "drift_scale"), ("read-noise", "read_scale")],
)
def test_a_device_s_source_is_its_own_switch(name, switch):
    source = of("pcm?noise_scale=2")[name]
    others = {"programming_scale", "drift_scale", "read_scale"} - {switch}
    assert getattr(source.alone.device, switch) == 1
    assert all(getattr(source.alone.device, other) == 0 for other in others)
    assert getattr(source.without.device, switch) == 0
    assert all(getattr(source.without.device, other) == 1 for other in others)
    assert source.alone.device.noise_scale == source.without.device.noise_scale == 2
    assert source.alone.periphery.perfect
    assert source.without.periphery == STANDARD
    assert source.base is None


def test_a_source_of_the_periphery_is_one_field():
    found = of("pcm")
    bare = {"dac_bits": 0, "adc_bits": 0, "output_noise": 0.0, "output_bound": 1e6}
    for name, alone, without in (
        ("dac", {"dac_bits": 8}, {"dac_bits": 0}),
        ("output-noise", {"output_noise": 0.04}, {"output_noise": 0.0}),
        ("adc", widened(STANDARD, rows=512), {"adc_bits": 0}),
        ("output-bound", {"output_bound": 10.0}, widened(STANDARD, rows=512)),
    ):
        source = found[name]
        assert source.alone.periphery == _edit(f"standard (only {name})", bare | alone)
        assert source.without.periphery == _edit(f"standard (without {name})", without)
    ranges = _edit("standard (input ranges only)", bare)
    assert found["input-range"].alone.periphery == ranges
    wide = _edit("standard (without input-range)", {"input_bound": 1e6})
    assert found["input-range"].without.periphery == wide
    assert found["input-range"].without.device == parse("pcm")
    for name in NAMES[1:]:
        assert found[name].base == found["input-range"]
        assert is_quiet(found[name].alone.device)
        assert found[name].without.device == parse("pcm")


def _edit(name, fields):
    return Periphery(name=name, **fields)


def test_an_adc_without_its_bound_has_the_same_step():
    found = of("pcm")
    wide = found["adc"].alone.periphery
    assert step(wide.adc_bits, wide.output_bound) == pytest.approx(step(8, 10.0), rel=1e-15)
    assert wide.output_bound == pytest.approx(10 * 65534 / 254)
    assert found["output-bound"].without.periphery.output_bound == wide.output_bound
    # 2**12 - 2 steps leave 16 times the bound: 160, which 512 inputs might reach and 100 not.
    fine = Periphery(name="fine", adc_bits=12)
    assert widened(fine, rows=512) is None
    assert widened(fine, rows=100)["output_bound"] == pytest.approx(10 * 65534 / 4094)
    assert widened(Periphery(name="finest", adc_bits=16), rows=1) is None


def test_an_adc_that_cannot_be_widened_is_counted_with_its_bound():
    found = of("pcm", Periphery(name="fine", adc_bits=12))
    assert found["adc"].alone.periphery.adc_bits == 12
    assert found["adc"].alone.periphery.output_bound == 10
    assert found["adc"].without.periphery.output_bound == 1e6
    assert found["output-bound"].alone is found["output-bound"].without is None
    assert "an ADC of 12 bits has no wider form" in found["output-bound"].why_not_alone


def test_what_cannot_be_switched_is_said():
    found = of("rram")
    assert list(found) == ["programming", "drift", "read-noise", "device", *NAMES]
    for name in ("programming", "drift", "read-noise"):
        assert found[name].alone is found[name].without is None
        assert "the law of 'rram' has no switch for it" in found[name].why_not_alone
        assert "Read noise that stays from" in found[name].why_not_without
    assert found["device"].alone.device == parse("rram")
    assert is_quiet(found["device"].without.device)


@pytest.mark.parametrize(
    ("preset", "absent"),
    [
        ("ideal", ["programming", "drift", "read-noise"]),
        ("pcm?noise_scale=0", ["programming", "drift", "read-noise"]),
        ("pcm?read_scale=0", ["read-noise"]),
    ],
)
def test_what_is_off_is_said(preset, absent):
    found = of(preset)
    device = parse(preset).info.name
    for name in absent:
        assert found[name].why_not_alone == f"switched off or absent in '{device}'"
    assert "device" not in found


def test_a_periphery_without_a_part_says_so():
    assert {of("pcm", IDEAL)[name].why_not_alone for name in NAMES} == {
        "periphery 'ideal' has none"
    }
    bare = Periphery(name="bare", dac_bits=0, adc_bits=0, output_noise=0.0, read_noise=0.0)
    found = of("pcm", bare)
    assert found["dac"].why_not_alone == "periphery 'bare' has no DAC"
    assert found["adc"].why_not_alone == "periphery 'bare' has no ADC"
    assert found["output-noise"].why_not_alone == "periphery 'bare' has no output noise"
    assert found["output-bound"].without.periphery.output_bound == 1e6


@pytest.mark.parametrize(
    ("preset", "periphery", "same"),
    [
        ("pcm", STANDARD, False),
        ("pcm", IDEAL, False),
        ("ideal", STANDARD, False),
        ("ideal", IDEAL, True),
        ("ideal", Periphery(name="quiet", output_noise=0.0, read_noise=0.0), True),
        ("pcm?noise_scale=0", IDEAL, True),
        ("pcm?programming_scale=0&drift_scale=0&read_scale=0", IDEAL, True),
        ("pcm?programming_scale=0&drift_scale=0", IDEAL, False),
    ],
)
def test_only_without_noise_are_all_chips_the_same(preset, periphery, same):
    setting = Setting(device=parse(preset), periphery=periphery)
    assert setting.same_for_every_chip is same
    assert everything_off(setting).same_for_every_chip


def test_effects_are_sources_between_the_device_and_the_periphery():
    wires, stuck = Wires(r_row=1.0), Stuck(rate_on=0.1)
    found = of("pcm", effects=(stuck, wires))
    assert list(found) == ["programming", "drift", "read-noise", "stuck", "wires", *NAMES]
    alone = found["wires"].alone
    assert (alone.effects, alone.periphery.perfect, is_quiet(alone.device)) == (
        (wires,),
        True,
        True,
    )
    assert found["wires"].without == Setting(
        device=parse("pcm"), periphery=STANDARD, effects=(stuck,)
    )
    assert found["wires"].base is None
    for name in ("drift", *NAMES):
        assert found[name].alone.effects == ()
        assert found[name].without.effects == (stuck, wires)


def test_wires_are_the_same_for_every_chip_and_faults_are_not():
    found = of("pcm", effects=(Stuck(rate_on=0.1), Wires(r_row=1.0), GainError()))
    assert found["wires"].alone.same_for_every_chip
    assert not found["stuck"].alone.same_for_every_chip
    assert everything_off(
        Setting(device=parse("pcm"), periphery=STANDARD, effects=(Stuck(rate_on=0.1),))
    ).same_for_every_chip


def test_two_effects_of_one_name_are_told_apart_and_not_measured():
    found = of("pcm", effects=(GainError(std=0.1), GainError(std=0.2)))
    for name in ("gain_error-1", "gain_error-2"):
        assert found[name].alone is None
        assert "there are 2 effects gain_error" in found[name].why_not_without

import dataclasses

import pytest

from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD, Periphery, step
from analogsim.crossbar.mapping.periphery_text import from_dict, parse
from analogsim.errors import InputError
from device_models.registry import parse as parse_device


def test_standard_is_the_setting_of_rasch_2023():
    assert (STANDARD.dac_bits, STANDARD.adc_bits) == (8, 8)
    assert (STANDARD.output_noise, STANDARD.output_bound) == (0.04, 10.0)
    assert (STANDARD.max_input_size, STANDARD.ir_drop, STANDARD.read_noise) == (512, 1.0, 0.0175)
    assert step(8, 1.0) == 2 / 254


def test_names():
    assert parse("ideal") is IDEAL
    assert parse("standard") is STANDARD


def test_a_file_starts_from_standard(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("adc_bits = 6\noutput_noise = 0.1\n")
    edge = parse(str(path))
    assert edge == Periphery(name="mine", adc_bits=6, output_noise=0.1)


def test_round_trip():
    assert from_dict(STANDARD.as_dict(), where="here") == STANDARD
    assert from_dict(IDEAL.as_dict(), where="here") == IDEAL


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adc_bit = 6", r"mine\.toml: periphery fields .* got adc_bit"),
        ("adc_bits = 1", "adc_bits must be 0 or 2 to 16, got 1"),
        ("adc_bits = true", "adc_bits must be a int, got True"),
        ("output_noise = -0.5", "output_noise must be at least 0, got -0.5"),
        ("output_noise = nan", "output_noise must be at least 0, got nan"),
        ("output_bound = 0", "output_bound must be above 0, got 0"),
        ('input_scaling = "mine"', "input_scaling must be 'static' or 'dynamic', got 'mine'"),
        ("adc_bits = ", "mine.toml must be TOML, got 'Invalid value"),
    ],
)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        parse(str(path))


def test_bad_names(tmp_path):
    with pytest.raises(InputError, match="standard, ideal|ideal, standard.*got 'perfect'"):
        parse("perfect")
    with pytest.raises(InputError, match=r"none\.toml must be readable, got 'No such file"):
        parse(str(tmp_path / "none.toml"))


def test_what_a_tile_cannot_do_is_said():
    said = " ".join(STANDARD.not_modelled("torch"))
    assert "IR drop (ir_drop = 1)" in said
    assert "read_noise = 0.0175" in said
    assert STANDARD.not_modelled("native") == STANDARD.not_modelled("cpp") == ()


def test_what_the_cpp_tile_adds_to_other_devices_is_said():
    names = ("pcm", "rram", "gaussian")
    (said,) = STANDARD.added("cpp", list(map(parse_device, names)))
    assert "(read_noise = 0.0175) is added to rram, gaussian, too" in said
    assert STANDARD.added("cpp", [parse_device("pcm"), parse_device("pcm-hermes")]) == ()
    assert STANDARD.added("torch", [parse_device("rram")]) == ()
    assert IDEAL.added("cpp", [parse_device("rram")]) == ()
    assert dataclasses.replace(STANDARD, read_noise=0.0).added("cpp", [parse_device("rram")]) == ()


def test_whose_read_noise_a_product_has_is_said():
    """Never that of the periphery and of the device at once, and never in silence."""
    devices = list(map(parse_device, ("pcm", "rram", "gaussian")))
    own, given = STANDARD.added("native", devices)
    assert "that of rram itself (sigma = 0.01 of a full cell), in place of the periphery's" in own
    assert "(read_noise = 0.0175) is added to gaussian, too: a device that states none" in given
    assert STANDARD.added("native", devices[:1]) == ()
    assert IDEAL.added("native", devices) == ()


def test_an_ideal_periphery_says_what_is_off():
    assert "off by choice" in IDEAL.not_modelled("torch")[0]

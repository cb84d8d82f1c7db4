import dataclasses

import pytest

from analogsim.crossbar.mapping.periphery import (
    IDEAL,
    STANDARD,
    Periphery,
    from_dict,
    parse,
    step,
)
from analogsim.errors import InputError


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
    assert STANDARD.not_modelled("cpp") == ()


def test_what_the_cpp_tile_adds_to_other_devices_is_said():
    (said,) = STANDARD.added("cpp", ["pcm", "rram", "gaussian"])
    assert "(read_noise = 0.0175) is added to rram, gaussian, too" in said
    assert STANDARD.added("cpp", ["pcm", "pcm-hermes"]) == ()
    assert STANDARD.added("torch", ["rram"]) == ()
    assert IDEAL.added("cpp", ["rram"]) == ()
    assert dataclasses.replace(STANDARD, read_noise=0.0).added("cpp", ["rram"]) == ()


def test_an_ideal_periphery_says_what_is_off():
    assert "off by choice" in IDEAL.not_modelled("torch")[0]

"""A periphery as text: names, single fields behind a `?`, files."""

import dataclasses
import re
from pathlib import Path

import pytest

from analogsim.cli.main import run
from analogsim.crossbar.mapping.periphery import IDEAL, PERIPHERIES, STANDARD
from analogsim.crossbar.mapping.periphery_text import FIELDS, fields_in_name, parse
from analogsim.errors import InputError
from analogsim.experiment.records import read_records
from analogsim.experiment.setting import check_axes
from device_models.pcm import Pcm


def test_fields_are_set_and_the_name_is_canonical() -> None:
    made = parse("standard?output_noise=0&adc_bits=4")
    assert made == dataclasses.replace(
        STANDARD, adc_bits=4, output_noise=0.0, name="standard?adc_bits=4&output_noise=0.0"
    )
    assert parse(made.name) == made
    assert parse("standard?adc_bits=4&output_noise=0e0").as_dict() == made.as_dict()


@pytest.mark.parametrize("text", ["standard?adc_bits=8", "standard?output_noise=0.040"])
def test_a_field_as_it_is_anyway_is_the_periphery_itself(text: str) -> None:
    assert parse(text) == STANDARD


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("standard?input_scaling=dynamic", "input_scaling", "dynamic"),
        ("standard?perfect=true", "perfect", True),
        ("standard?max_input_size=0", "max_input_size", 0),
        ("ideal?max_input_size=128", "max_input_size", 128),
        ("ideal?perfect=false", "perfect", False),
    ],
)
def test_values_have_the_type_of_their_field(text: str, field: str, value: object) -> None:
    made = parse(text)
    base = PERIPHERIES[text.partition("?")[0]]
    assert getattr(made, field) == value
    assert type(getattr(made, field)) is type(value)
    assert dataclasses.replace(made, name=base.name, **{field: getattr(base, field)}) == base
    assert made.name == text


def test_an_accelerator_with_another_field_still_says_what_is_not_modelled() -> None:
    last = PERIPHERIES["isaac"].not_modelled("native")[-1]
    assert last.startswith("of isaac itself: ")
    assert parse("isaac?adc_bits=6").not_modelled("native")[-1] == last


def test_a_file_with_the_name_has_the_same_settings(tmp_path: Path) -> None:
    file = tmp_path / "four.toml"
    file.write_text('name = "standard?adc_bits=4"\nadc_bits = 4\n')
    assert parse(str(file)).as_dict() == parse("standard?adc_bits=4").as_dict()
    file.write_text("adc_bits = 4\n")
    assert parse(f"{file}?dac_bits=6") == dataclasses.replace(
        STANDARD, name="four?dac_bits=6", adc_bits=4, dac_bits=6
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("standard?adc_bit=4", f"field must be one of {', '.join(FIELDS[:3])}.*got 'adc_bit'"),
        ("standard?name=x", "field must be one of .* got 'name'"),
        ("standard?adc_inl=1", "field must be one of .* got 'adc_inl'"),
        ("standard?", "field must be one of .* got ''"),
        ("standard?adc_bits=4&adc_bits=5", "set each field once, got adc_bits twice"),
        ("standard?adc_bits=4x", "adc_bits must be a int, got '4x'"),
        ("standard?adc_bits", "adc_bits must be a int, got ''"),
        ("standard?perfect=yes", "perfect must be a bool, got 'yes'"),
        ("standard?adc_bits=1", "adc_bits must be 0 or 2 to 16, got 1"),
        ("standard?output_noise=nan", "output_noise must be at least 0, got nan"),
        ("standard?input_scaling=x", "input_scaling must be 'static' or 'dynamic', got 'x'"),
        ("ideal?adc_bits=4&dac_bits=4", "set what it uses, got adc_bits, dac_bits of an ideal"),
        ("standrd?adc_bits=4", "periphery must be ideal, standard, .* got 'standrd'"),
        (f"standard?adc_bits={'9' * 5000}", "must be a int, got '9{70}"),
    ],
)
def test_wrong_texts_are_told(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse(text)
    assert re.search(said, str(error.value))
    assert len(str(error.value)) < 2000


def test_a_field_that_the_name_sets_is_not_swept() -> None:
    edge = parse("standard?adc_bits=4")
    assert fields_in_name(edge.name) == {"adc_bits"}
    check_axes({"dac_bits": (4, 6)}, edge, [Pcm()], "native")
    for axis in ("adc_bits", "periphery.adc_bits"):
        said = f"sweep {axis} must be set in one place, got the periphery 'standard.adc_bits=4'"
        with pytest.raises(InputError, match=said):
            check_axes({axis: (4, 6)}, edge, [Pcm()], "native")


def test_fields_in_the_name_of_an_ideal_periphery_are_those_it_uses() -> None:
    assert parse("ideal?weight_scaling=tile").perfect
    assert parse("ideal?perfect=true") == IDEAL


def test_name_file_and_sweep_give_the_same_chips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("four.toml").write_text("adc_bits = 4\n")
    words = ["drift", "zoo:digits_cnn", "--data", "digits", "--times", "1s,1d", "--chips", "2"]
    words += ["--limit", "40", "--compensation", "none,global", "--workers", "1"]
    for name, more in (
        ("name", ["--periphery", "standard?adc_bits=4"]),
        ("file", ["--periphery", "four.toml"]),
        ("sweep", ["--set", "adc_bits=4"]),
    ):
        assert run([*words, *more, "-o", name]) == 0
    found = {
        folder: [
            (one.chip, one.t_s, one.compensation, one.correct, one.factor)
            for one in read_records(Path(folder))
        ]
        for folder in ("name", "file", "sweep")
    }
    assert found["name"] == found["file"] == found["sweep"]
    assert len(found["name"]) == 8
    assert {one.periphery for one in read_records(Path("name"))} == {"standard?adc_bits=4"}

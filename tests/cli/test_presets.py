"""`analogsim presets`."""

import dataclasses
import json

import pytest
from click.testing import CliRunner, Result

from analogsim.cli.presets import presets
from analogsim.errors import DeviceError
from device_models.effects import EFFECTS
from device_models.registry import DEVICES


def run(*args: str) -> Result:
    return CliRunner().invoke(presets, args, catch_exceptions=False)


def squeeze(text: str) -> str:
    return " ".join(text.split())


def test_the_list_has_every_device_with_its_times_and_source() -> None:
    text = squeeze(run().stdout)
    for name, device in DEVICES.items():
        info = device.info
        assert squeeze(f"{name} {info.title} valid times: {info.valid_times}") in text
        assert squeeze(info.citation) in text


def test_the_list_as_json() -> None:
    listed = json.loads(run("--json").stdout)["presets"]
    assert [entry["name"] for entry in listed] == list(DEVICES)
    assert set(listed[0]) == {"name", "title", "valid_times", "citation"}


@pytest.mark.parametrize("name", EFFECTS)
def test_effects_are_listed_and_said_in_full(name: str) -> None:
    info = EFFECTS[name].info
    assert squeeze(f"{name} {info.title} {info.citation}") in squeeze(run().stdout)
    text = squeeze(run(name).stdout)
    for said in dataclasses.asdict(info).values():
        assert squeeze(said) in text
    content = json.loads(run(name, "--json").stdout)
    assert content["moment"] == EFFECTS[name].moment
    assert content["options"] == dataclasses.asdict(EFFECTS[name]())  # type: ignore[call-overload]
    assert name in [entry["name"] for entry in json.loads(run("--json").stdout)["effects"]]


@pytest.mark.parametrize("name", DEVICES)
def test_one_device_is_said_in_full(name: str) -> None:
    text = squeeze(run(name).stdout)
    info = DEVICES[name].info
    for said in (info.title, info.models, info.not_modelled, info.law, info.citation):
        assert squeeze(said) in text
    for constant in DEVICES[name]().constants():
        value = constant.value
        shown = f"{value:.12g}" if isinstance(value, float) else value
        unit = "" if constant.unit == "1" else constant.unit
        said = f"{constant.symbol} {shown} {unit} {constant.option} {constant.meaning}"
        assert squeeze(said) in text
        assert squeeze(f"constants from {constant.source}") in text


@pytest.mark.parametrize("name", DEVICES)
def test_one_device_as_json(name: str) -> None:
    content = json.loads(run(name, "--json").stdout)
    assert content["name"] == name
    assert content["options"]["noise_scale"] == 1.0
    made = DEVICES[name]().constants()
    assert [entry["value"] for entry in content["constants"]] == [one.value for one in made]
    for entry in content["constants"]:
        assert set(entry) == {"symbol", "value", "unit", "meaning", "source", "option"}


@pytest.mark.parametrize(
    "args", [(), *((name,) for name in (*DEVICES, *EFFECTS))], ids=lambda a: a[:1]
)
def test_lines_fit_80_columns_in_a_pipe(args: tuple[str, ...]) -> None:
    lines = run(*args).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_a_device_may_be_asked_for_with_options() -> None:
    content = json.loads(run("gaussian?eta=0.25", "--json").stdout)
    assert content["options"]["eta"] == 0.25


def test_which_constants_can_be_set_is_said() -> None:
    text = squeeze(run("pcm").stdout)
    assert "nu_mean (not set), nu_std (not set) and the constants, by the name beside each" in text
    assert "g_max 25 uS g_max_us conductance of the largest weight of a tile" in text
    text = squeeze(run("pcm?nu_mean=0.03&g_max_us=40").stdout)
    assert "(2020); with g_max 40 uS in place of 25, nu_mean 0.03 in place of the fit" in text
    assert "nu_mean 0.03 nu_mean mean nu of all cells" in text
    assert "nu_mean_slope" not in text


def test_an_unknown_device_is_our_error_and_suggests() -> None:
    with pytest.raises(DeviceError, match=r"got 'gausian'; did you mean 'gaussian'"):
        run("gausian")

"""The text form of a device, and what is refused."""

import aihwkit.simulator.presets as aihwkit_presets
import pytest

from device_models import (
    DEVICES,
    DeviceError,
    Gaussian,
    Ideal,
    Pcm,
    PcmHermes,
    Rram,
    RramCmo,
    parse,
    spec_of,
)


@pytest.mark.parametrize(
    ("spec", "device"),
    [
        ("ideal", Ideal()),
        ("pcm", Pcm()),
        ("pcm?noise_scale=0.5&read_scale=0", Pcm(noise_scale=0.5, read_scale=0.0)),
        ("pcm-hermes", PcmHermes(num_devices=2)),
        ("pcm-hermes?num_devices=1", PcmHermes(num_devices=1)),
        ("rram", Rram(interpolate=False, gain="corrected")),
        ("rram?interpolate=true&gain=aihwkit", Rram(interpolate=True, gain="aihwkit")),
        ("rram-cmo", RramCmo(acceptance_range=0.2)),
        ("rram-cmo?acceptance_range=2", RramCmo(acceptance_range=2.0)),
        ("gaussian", Gaussian(eta=0.05, reference="std")),
        ("gaussian?eta=0.1&reference=max", Gaussian(eta=0.1, reference="max")),
        ("gaussian?eta=1e-2", Gaussian(eta=0.01)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_spec_makes_its_device_and_comes_back(spec, device):
    assert parse(spec) == device
    assert parse(spec_of(device)) == device


def test_the_shortest_spec_leaves_defaults_out():
    assert spec_of(Rram(interpolate=True)) == "rram?interpolate=true"
    assert spec_of(Gaussian(eta=0.05)) == "gaussian"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("pmc", "pcm"), ("rramm", "rram"), ("PCM", "pcm"), ("hermes", "pcm-hermes"),
     ("gauss", "gaussian"), ("rram_cmo", "rram-cmo"), ("ideale", "ideal")],
)  # fmt: skip
def test_an_unknown_name_suggests_the_nearest(typed, meant):
    with pytest.raises(DeviceError, match=f"preset must be one of ideal, .*, got '{typed}'; "
                                          f"did you mean '{meant}'"):  # fmt: skip
        parse(typed)


@pytest.mark.parametrize("typed", ["", "zzzzzz"])
def test_a_name_near_nothing_points_at_the_list(typed):
    with pytest.raises(DeviceError, match=f"got '{typed}'; 'analogsim presets' lists them"):
        parse(typed)


def test_every_training_preset_of_aihwkit_is_refused_in_words():
    names = [name for name in dir(aihwkit_presets) if "Preset" in name]
    assert "PCMPreset" in names
    assert len(names) > 20
    for name in names:
        with pytest.raises(DeviceError, match=f"got '{name}'; .* describe training"):
            parse(name)


@pytest.mark.parametrize(
    ("typed", "instead"), [("PCMPreset", "pcm"), ("ReRamESPreset", "rram"), ("EcRamPreset", "pcm")]
)
def test_a_training_preset_points_at_a_device(typed, instead):
    with pytest.raises(DeviceError, match=f"use for example '{instead}'"):
        parse(typed)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "pcm?eta=1",
            r"'pcm' option must be one of noise_scale, .*nu_std_scale, g_max_us, .*, got 'eta'",
        ),
        ("pcm?", None),
        ("pcm?noise_scale=much", r"'pcm' noise_scale must be a number, got 'much'"),
        ("pcm?noise_scale=", r"'pcm' noise_scale must be a number, got ''"),
        ("pcm?noise_scale", r"'pcm' noise_scale must be a number, got None"),
        ("rram?interpolate=yes", r"'rram' interpolate must be true or false, got 'yes'"),
        ("rram?gain=none", r"'rram' gain must be corrected or aihwkit, got 'none'"),
        ("gaussian?reference=mean", r"'gaussian' reference must be std or max, got 'mean'"),
        ("pcm-hermes?num_devices=3", r"'pcm-hermes' num_devices must be 1 or 2, got '3'"),
        ("rram-cmo?acceptance_range=1", r"acceptance_range must be 0.2 or 2 .*, got 1.0"),
        ("pcm?read_scale=1&read_scale=0", r"option 'read_scale' must be given once, got 'pcm\?"),
        ("gaussian?eta=nan", r"'gaussian' eta must be finite and >= 0, got nan"),
    ],
)
def test_a_bad_option_is_named(spec, message):
    if message is None:
        assert parse(spec) == Pcm()
        return
    with pytest.raises(DeviceError, match=message):
        parse(spec)


def test_every_problem_of_a_spec_is_reported_at_once():
    with pytest.raises(DeviceError) as caught:
        parse("gaussian?eta=-1&reference=mean&sigma=2&noise_scale=-3")
    message = str(caught.value)
    for part in ("eta must be", "got -1.0", "got 'mean'", "got 'sigma'", "got -3.0"):
        assert part in message


def test_a_device_checks_what_python_hands_it():
    with pytest.raises(DeviceError, match="gain must be 'corrected' or 'aihwkit', got 'none'"):
        Rram(gain="none")
    with pytest.raises(DeviceError, match="reference must be 'std' or 'max', got 'mean'"):
        Gaussian(reference="mean")
    with pytest.raises(DeviceError, match="num_devices must be 1 or 2, got 3"):
        PcmHermes(num_devices=3)


def test_the_devices_are_those_that_the_manual_names():
    assert list(DEVICES) == ["ideal", "pcm", "pcm-hermes", "rram", "rram-cmo", "gaussian"]

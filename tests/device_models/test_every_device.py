"""What holds for each device, whatever its law."""

import subprocess
import sys

import pytest
import torch

from device_models import DEVICES, Device, DeviceError, TileContext, parse
from tests.device_models.law_checks import (
    DAY_S,
    YEAR_S,
    context_of,
    drift,
    program,
    uniform_weights,
)

SPECS = [
    "ideal",
    "pcm",
    "pcm-hermes",
    "pcm-hermes?num_devices=1",
    "rram",
    "rram?gain=aihwkit",
    "rram-cmo",
    "rram-cmo?acceptance_range=2",
    "gaussian",
    "gaussian?reference=max",
]
NOISY = [spec for spec in SPECS if spec != "ideal"]
TILES = {
    "zero": torch.zeros(3, 4),
    "one by one": torch.ones(1, 1),
    "one by one, negative": torch.full((1, 1), -0.3),
    "one by one, zero": torch.zeros(1, 1),
    "constant": torch.full((3, 4), 0.7),
    "constant, negative": torch.full((3, 4), -1.0),
    "one row": torch.tensor([[-1.0, 0.0, 0.5]]),
    "one column": torch.tensor([[-1.0], [1.0], [1.0]]),
}


def times_of(device: Device) -> list[float]:
    return [1.0, DAY_S, 2 * DAY_S] if device.info.name == "rram" else [1.0, DAY_S, YEAR_S]


def test_importing_and_listing_devices_needs_no_torch():
    code = (
        "import sys, device_models as d\n"
        "for cls in d.DEVICES.values(): cls().constants(), cls().check_time(1.0)\n"
        "d.parse('rram?interpolate=true')\n"
        "print(sorted({'torch', 'aihwkit', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("spec", NOISY)
def test_noise_scale_zero_is_the_identity_bit_for_bit(spec):
    device = parse(spec + ("&" if "?" in spec else "?") + "noise_scale=0")
    weights = uniform_weights(5, 9)
    programmed, memory = program(device, weights)
    assert torch.equal(programmed, weights)
    for t_s in times_of(device):
        assert torch.equal(drift(device, programmed, memory, t_s), weights)


@pytest.mark.parametrize("spec", ["ideal", *(f"{name}?noise_scale=0" for name in DEVICES)])
def test_a_noiseless_device_draws_nothing(spec):
    weights = uniform_weights(5, 9)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    law = parse(spec).noise_law(context_of(weights))
    programmed, memory = law.apply_programming_noise(weights)
    law.apply_drift_noise(programmed, memory, 1.0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("tile", TILES)
def test_shapes_and_finite_values_on_degenerate_tiles(spec, tile):
    device, weights = parse(spec), TILES[tile]
    programmed, memory = program(device, weights)
    states = [programmed, *(drift(device, programmed, memory, t_s) for t_s in times_of(device))]
    for state in states:
        assert state.shape == weights.shape
        assert state.dtype == torch.float32
        assert torch.isfinite(state).all()
    assert all(torch.isfinite(entry).all() for entry in memory if entry is not None)


@pytest.mark.parametrize("spec", SPECS)
def test_the_same_seed_gives_the_same_chip_and_arguments_stay_as_they_were(spec):
    device, weights = parse(spec), uniform_weights(6, 8)
    original = weights.clone()
    programmed, memory = program(device, weights, seed=4)
    kept = [programmed.clone(), *(entry.clone() for entry in memory if entry is not None)]
    t_s = times_of(device)[-1]
    drifted = drift(device, programmed, memory, t_s, seed=5)

    again, memory_again = program(device, weights, seed=4)
    assert torch.equal(again, programmed)
    assert torch.equal(drift(device, again, memory_again, t_s, seed=5), drifted)
    assert torch.equal(weights, original)
    now = [programmed, *(entry for entry in memory if entry is not None)]
    assert all(torch.equal(first, second) for first, second in zip(kept, now, strict=True))
    assert drifted.data_ptr() != programmed.data_ptr() != weights.data_ptr()


@pytest.mark.parametrize("spec", NOISY)
def test_another_seed_is_another_chip(spec):
    device, weights = parse(spec), uniform_weights(6, 8)
    first, second = (program(device, weights, seed=seed)[0] for seed in (1, 2))
    # Every weight has noise of its own: nearly all differ, and both stay near the target.
    assert (first != second).float().mean() > 0.9
    assert (first - weights).abs().max() < 0.6
    assert (second - weights).abs().max() < 0.6


@pytest.mark.parametrize("name", DEVICES)
def test_each_device_says_what_it_is(name):
    device = DEVICES[name]()
    info = device.info
    assert info.name == name
    for text in (info.title, info.models, info.not_modelled, info.law, info.citation):
        assert text
    assert "t " in info.valid_times
    symbols = [constant.symbol for constant in device.constants()]
    assert len(symbols) == len(set(symbols))
    for constant in device.constants():
        assert constant.unit, constant
        assert constant.meaning, constant
        assert constant.source, constant


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("t_s", [-1.0, float("nan"), float("inf")])
def test_no_device_accepts_an_impossible_time(name, t_s):
    with pytest.raises(DeviceError, match=rf"'{name}' time must be .*, got {t_s} s; "):
        DEVICES[name]().check_time(t_s)


@pytest.mark.parametrize("name", ["ideal", "pcm", "pcm-hermes", "gaussian"])
@pytest.mark.parametrize("t_s", [0.0, 1.0, 3_600.0, YEAR_S])
def test_these_devices_accept_any_time_from_zero(name, t_s):
    DEVICES[name]().check_time(t_s)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("value", [-0.5, float("nan"), float("inf")])
def test_a_scale_below_zero_is_refused(name, value):
    message = rf"'{name}' noise_scale must be finite and >= 0, got {value}; 0 switches"
    with pytest.raises(DeviceError, match=message):
        DEVICES[name](noise_scale=value)


@pytest.mark.parametrize("name", ["pcm", "pcm-hermes", "rram-cmo"])
@pytest.mark.parametrize("switch", ["programming_scale", "drift_scale", "read_scale"])
def test_a_switch_below_zero_is_refused(name, switch):
    with pytest.raises(DeviceError, match=rf"'{name}' {switch} must be finite and >= 0, got -2.0"):
        parse(f"{name}?{switch}=-2")


def test_context_measures_the_layer():
    weight = torch.tensor([[1.0, -3.0], [2.0, 0.0]])
    context = TileContext.of(weight, torch.ones(2, 1))
    # Mean 0, squares 14, three degrees of freedom.
    assert context.weight_std == pytest.approx((14 / 3) ** 0.5, rel=1e-6)
    assert context.weight_abs_max == 3.0


def test_context_of_a_single_weight_has_no_spread():
    context = TileContext.of(torch.tensor([[0.4]]), torch.ones(1, 1))
    assert context.weight_std == 0.0
    assert context.weight_abs_max == pytest.approx(0.4)

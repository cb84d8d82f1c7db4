"""CMO/HfOx RRAM against the fit of Falcone et al. 2025, written a second time, and aihwkit."""

import math

import pytest
import torch
from aihwkit.inference.noise.reram import ReRamCMONoiseModel

from device_models import DeviceError, RramCmo
from tests.device_models.law_checks import (
    DAY_S,
    HOUR_S,
    YEAR_S,
    anchored_weights,
    assert_mean,
    assert_same_distribution,
    assert_spread,
    drift,
    program,
    uniform_weights,
)

# aihwkit takes numpy's log10 of a torch tensor, which numpy 2 warns about.
upstream_warns = pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning")

G_MIN_US, G_MAX_US = 9.0, 88.199997
# A tile whose weights span [-1, 1] has this many uS for each unit of weight.
US_PER_WEIGHT = (G_MAX_US - G_MIN_US) / 2
RANGES = [0.2, 2.0]
TIMES_S = [1.0, DAY_S, YEAR_S]


def conductance_us(weight):
    return G_MIN_US + (weight + 1) * US_PER_WEIGHT


def sigma_programming_us(g_us, acceptance_range):
    c_0, c_1 = {0.2: (0.00081107, 0.00106879), 2.0: (0.0112185391, 0.01129027418)}[acceptance_range]
    return c_0 + c_1 * g_us


def relaxation_us(t_s):
    """Mean and spread."""
    return -0.08900206 * math.log(t_s), 0.04201137 * math.log(t_s) + 0.41183342


def sigma_read_us(g_us, t_s):
    return 0.0277316483 * math.log10(g_us) * math.sqrt(math.log((t_s + 1e-6) / 2e-6))


@pytest.mark.parametrize("acceptance_range", RANGES)
def test_programmed_weights_equal_those_of_aihwkit_draw_for_draw(acceptance_range):
    weights = uniform_weights(16, 24)
    torch.manual_seed(5)
    upstream = ReRamCMONoiseModel(acceptance_range=acceptance_range)
    expected, _ = upstream.apply_programming_noise(weights)
    device = RramCmo(acceptance_range=acceptance_range)
    assert torch.equal(program(device, weights, seed=5)[0], expected)


@pytest.mark.parametrize("acceptance_range", RANGES)
def test_constants_are_those_of_aihwkit(acceptance_range):
    upstream = ReRamCMONoiseModel(acceptance_range=acceptance_range)
    device = RramCmo(acceptance_range=acceptance_range)
    c = {constant.symbol: constant.value for constant in device.constants()}
    assert (c["g_min"], c["g_max"]) == (upstream.g_min, upstream.g_max)
    assert [c["c_0"], c["c_1"]] == upstream.coeff_dict[acceptance_range]
    assert {"mean": [c["a"]], "std": [c["b"], c["c"]]} == upstream.decay_dict
    assert {"K": c["K"], "t_read": c["t_read"]} == upstream.read_dict


@pytest.mark.parametrize("t_s", TIMES_S)
def test_relaxation_is_one_draw_a_cell_for_the_life_of_a_chip(t_s):
    weights = uniform_weights(30, 40)
    device = RramCmo(programming_scale=0.0, read_scale=0.0)
    programmed, (z, span) = program(device, weights)
    assert span is None
    mean, spread = relaxation_us(t_s)
    g = (conductance_us(weights) + mean + spread * z).clamp(G_MIN_US, G_MAX_US)
    expected = (g - G_MIN_US) / US_PER_WEIGHT - 1
    for seed in (1, 2):
        drifted = drift(device, programmed, [z, span], t_s, seed=seed)
        torch.testing.assert_close(drifted, expected, rtol=0, atol=5e-7)


def test_read_noise_is_drawn_anew():
    weights = uniform_weights(30, 40)
    device = RramCmo(programming_scale=0.0, drift_scale=0.0)
    programmed, memory = program(device, weights)
    g = conductance_us(weights)
    for seed in (1, 2):
        torch.manual_seed(seed)
        noise = 0.0277316483 * torch.log10(g) * math.sqrt(math.log((DAY_S + 1e-6) / 2e-6))
        noisy = (g + noise * torch.randn_like(g)).clamp(G_MIN_US, G_MAX_US)
        expected = (noisy - G_MIN_US) / US_PER_WEIGHT - 1
        drifted = drift(device, programmed, memory, DAY_S, seed=seed)
        torch.testing.assert_close(drifted, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("acceptance_range", RANGES)
@pytest.mark.parametrize("weight", [-0.5, 0.0, 0.7])
def test_programming_spread_at_a_conductance(weight, acceptance_range):
    """n = 40,000, twelve comparisons; sees 2 %."""
    weights = anchored_weights(weight, 40_000)
    programmed, _ = program(RramCmo(acceptance_range=acceptance_range), weights)
    error_us = (programmed - weights)[1:] * US_PER_WEIGHT
    expected = sigma_programming_us(conductance_us(weight), acceptance_range)
    assert_spread(error_us, expected, comparisons=12)
    assert_mean(error_us, 0.0, comparisons=12)


@pytest.mark.parametrize("t_s", [1.0, HOUR_S, YEAR_S])
@pytest.mark.parametrize("weight", [-0.5, 0.0, 0.7])
def test_spread_and_shift_at_a_conductance(weight, t_s):
    """n = 40,000, 18 comparisons; sees 2 %. Programming switched off, so the scale is exact."""
    device, weights = RramCmo(programming_scale=0.0), anchored_weights(weight, 40_000)
    programmed, memory = program(device, weights)
    error_us = (drift(device, programmed, memory, t_s) - weights)[1:] * US_PER_WEIGHT
    mean, spread = relaxation_us(t_s)
    expected = math.hypot(spread, sigma_read_us(conductance_us(weight) + mean, t_s))
    assert_spread(error_us, expected, comparisons=18)
    assert_mean(error_us, mean, comparisons=18)


@upstream_warns
@pytest.mark.parametrize("acceptance_range", RANGES)
@pytest.mark.parametrize("t_s", TIMES_S)
def test_the_distribution_at_each_time_is_that_of_aihwkit(acceptance_range, t_s):
    """Two samples of n = 40,000, six comparisons: sees a spread wrong by 10 % (control there)."""
    weights = uniform_weights(200, 200)
    upstream = ReRamCMONoiseModel(acceptance_range=acceptance_range)
    torch.manual_seed(21)
    expected, rows = upstream.apply_programming_noise(weights)
    expected = upstream.apply_drift_noise(expected, rows, t_s)

    device = RramCmo(acceptance_range=acceptance_range)
    programmed, memory = program(device, weights, seed=22)
    drifted = drift(device, programmed, memory, t_s, seed=23)
    assert drifted.shape == expected.shape == weights.shape
    assert_same_distribution(drifted - weights, expected - weights, comparisons=6)


@pytest.mark.parametrize(("acceptance_range", "stretch"), [(0.2, 0.004), (2.0, 0.04)])
def test_mapping_the_programmed_range_anew_stretches_the_noise_this_much(acceptance_range, stretch):
    """Upstream's habit, kept. 512 x 512 Gaussian weights, each output scaled to a largest of 1.

    Some 256 weights sit at +1; their largest error is near 2.8 sigma, or 2.8 uS of 79 uS at 2 %.
    The mean over five chips of a largest error has a spread of about a tenth.
    """
    generator = torch.Generator().manual_seed(12)
    weights = torch.randn(512, 512, generator=generator)
    weights = weights / weights.abs().amax(1, keepdim=True)
    device = RramCmo(acceptance_range=acceptance_range)
    chips = [program(device, weights, seed=seed)[0] for seed in range(5)]
    spans = torch.stack([(chip.max() - chip.min()) / 2 for chip in chips])
    assert float(spans.mean()) - 1 == pytest.approx(stretch, rel=0.25)


@pytest.mark.parametrize("value", [1.0, 0.25, 0.0, -1.0])
def test_a_constant_tile_uses_the_whole_range_of_tile_weights(value):
    """n = 40,000, eight comparisons: noise as in a tile whose weights span [-1, 1]."""
    device, weights = RramCmo(acceptance_range=2.0), torch.full((400, 100), value)
    programmed, memory = program(device, weights)
    error_us = (programmed - weights) * US_PER_WEIGHT
    assert_spread(error_us, sigma_programming_us(conductance_us(value), 2.0), comparisons=8)

    assert torch.equal(memory[1], torch.tensor([-1.0, 1.0]))
    if abs(value) < 1:
        mean, spread = relaxation_us(DAY_S)
        moved_us = (drift(device, programmed, memory, DAY_S) - programmed) * US_PER_WEIGHT
        expected = math.hypot(spread, sigma_read_us(conductance_us(value) + mean, DAY_S))
        assert_spread(moved_us, expected, comparisons=8)


def test_nothing_becomes_nan_when_the_noise_is_far_too_large():
    device, weights = RramCmo(noise_scale=20.0), uniform_weights(50, 60)
    programmed, memory = program(device, weights)
    assert torch.isfinite(drift(device, programmed, memory, YEAR_S)).all()


@upstream_warns
def test_upstream_still_gives_nan_for_a_constant_tile():
    """aihwkit 1.1.0 and 1.2.0. When this fails, look again at what a constant tile should do."""
    programmed, _ = ReRamCMONoiseModel().apply_programming_noise(torch.ones(2, 3))
    assert torch.isnan(programmed).all()


@upstream_warns
def test_upstream_still_drifts_up_before_one_second():
    """aihwkit 1.1.0 and 1.2.0: the reason for refusing these times."""
    upstream = ReRamCMONoiseModel(prog_noise_scale=0.0, read_noise_scale=0.0)
    weights = anchored_weights(0.0, 10_000)
    programmed, rows = upstream.apply_programming_noise(weights)
    torch.manual_seed(0)
    moved = upstream.apply_drift_noise(programmed, rows, 1e-3)[1:]
    assert_mean(moved * US_PER_WEIGHT, 0.08900206 * math.log(1e3))


def test_upstream_still_replaces_its_own_default_range_in_silence():
    """aihwkit 1.1.0 and 1.2.0: 0.02 is not in its table, and becomes 0.2. Ours is explicit."""
    assert ReRamCMONoiseModel(acceptance_range=2e-2).acceptance_range == 0.2
    assert RramCmo().acceptance_range == 0.2


@pytest.mark.parametrize("t_s", [0.0, 0.5, -1.0, float("nan"), float("inf")])
def test_a_time_before_one_second_is_refused(t_s):
    with pytest.raises(DeviceError, match=f"time must be finite and >= 1 s, got {t_s} s; the"):
        RramCmo().check_time(t_s)


def test_the_law_itself_refuses_such_a_time():
    programmed, memory = program(RramCmo(), uniform_weights(3, 4))
    with pytest.raises(DeviceError, match="got 0.5 s; the relaxation is fitted"):
        drift(RramCmo(), programmed, memory, 0.5)


@pytest.mark.parametrize("acceptance_range", [0.02, 1.0, 0.0])
def test_another_acceptance_range_is_refused(acceptance_range):
    message = f"acceptance_range must be 0.2 or 2 .percent., got {acceptance_range}; only"
    with pytest.raises(DeviceError, match=message):
        RramCmo(acceptance_range=acceptance_range)


def test_noise_scale_multiplies_the_switches():
    weights = uniform_weights(8, 9)
    first = program(RramCmo(noise_scale=0.5, drift_scale=0.4), weights)
    second = program(RramCmo(programming_scale=0.5, drift_scale=0.2, read_scale=0.5), weights)
    assert torch.equal(first[0], second[0])
    assert torch.equal(
        drift(RramCmo(noise_scale=0.5, drift_scale=0.4), *first, DAY_S),
        drift(RramCmo(programming_scale=0.5, drift_scale=0.2, read_scale=0.5), *second, DAY_S),
    )


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_cell_alone_holds_its_value_between_the_ends_of_the_range(value):
    """0 at 9 uS, 1 at 88.2 uS, whatever the others hold. n = 40,000; alpha 1e-4: 1.4 %."""
    device, span = RramCmo(acceptance_range=2.0, read_scale=0.0), 88.199997 - 9.0
    cells = torch.full((200, 200), value)
    law = device.cell_law(None)
    torch.manual_seed(0)
    programmed, memory = law.apply_programming_noise(cells)
    sigma = (0.0112185391 + 0.01129027418 * (9.0 + value * span)) / span
    if 0 < value < 1:
        assert float((programmed - value).std()) == pytest.approx(sigma, rel=0.014)
    else:
        # Half of the cells would lie beyond the end, and are held there.
        share = float((programmed == value).float().mean())
        assert share == pytest.approx(0.5, abs=0.01)
    later = law.apply_drift_noise(programmed, memory, 3600.0)
    z, _ = memory
    log_t = math.log(3600.0)
    moved = -0.08900206 * log_t + (0.04201137 * log_t + 0.41183342) * z
    want = (programmed + moved / span).clamp(0, 1)
    torch.testing.assert_close(later, want, rtol=0, atol=2e-6)


def test_a_cell_alone_is_exact_without_noise():
    cells = torch.rand(20, 30, generator=torch.Generator().manual_seed(1))
    law = RramCmo(noise_scale=0.0).cell_law(None)
    assert torch.equal(law.apply_programming_noise(cells)[0], cells)

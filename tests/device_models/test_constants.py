"""Constants of the built-in laws as options: what they reach, their domains, and what is said.

Where aihwkit has the law, its class with the same numbers and seeds is the reference.
"""

import math
from dataclasses import replace

import pytest
import torch
from aihwkit.inference.noise.hermes import HermesNoiseModel
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from aihwkit.inference.noise.reram import ReRamCMONoiseModel, ReRamWan2022NoiseModel

from device_models import DEVICES, DeviceError, Pcm, PcmHermes, Rram, RramCmo, parse, spec_of
from device_models.constants import changes_of, cited, options_of
from tests.device_models.law_checks import (
    DAY_S,
    YEAR_S,
    anchored_weights,
    assert_mean,
    assert_spread,
    context_of,
    drift,
    program,
    uniform_weights,
)

WEIGHTS = uniform_weights(16, 24)
# aihwkit 1.1.0 alone: indexing with a list, which torch 2.10 to 2.12 warns about.
hermes_warns = pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")


def same_as(upstream, device, times_s):
    """Programmed and, where there are times, drifted weights, draw for draw."""
    torch.manual_seed(5)
    expected, memory = upstream.apply_programming_noise(WEIGHTS)
    programmed, ours = program(device, WEIGHTS, seed=5)
    assert torch.equal(programmed, expected)
    for t_s in times_s:
        torch.manual_seed(6)
        drifted = upstream.apply_drift_noise(expected, memory, t_s)
        assert torch.equal(drift(device, programmed, ours, t_s, seed=6), drifted)


PCM = {"g_max_us": 40.0, "c_0_us": 0.4, "c_1_us": 1.5, "c_2_us": -0.9, "t_0_s": 5.0,
       "t_read_s": 1e-6}  # fmt: skip


def test_pcm_hands_them_to_aihwkit():
    upstream = PCMLikeNoiseModel(prog_coeff=[0.4, 1.5, -0.9], g_max=40.0, t_0=5.0, t_read=1e-6)
    same_as(upstream, Pcm(**PCM), (0.0, 1.0, DAY_S, YEAR_S))
    assert type(Pcm(**PCM).noise_law(context_of(WEIGHTS))) is PCMLikeNoiseModel


def test_g_max_alone_makes_the_noise_smaller_beside_the_weights():
    """Coefficients stay in uS. aihwkit with g_max alone scales them along: nothing changes."""
    narrow, wide = (program(Pcm(g_max_us=g), WEIGHTS)[0] for g in (25.0, 40.0))
    kept = (narrow.sign() == WEIGHTS.sign()) & (narrow - WEIGHTS).ne(0) & (WEIGHTS.abs() > 0.3)
    ratio = ((wide - WEIGHTS) / (narrow - WEIGHTS))[kept]
    torch.testing.assert_close(ratio, torch.full_like(ratio, 25 / 40), rtol=1e-3, atol=0)
    torch.manual_seed(0)
    along = PCMLikeNoiseModel(g_max=40.0).apply_programming_noise(WEIGHTS)[0]
    torch.testing.assert_close(along, narrow, rtol=0, atol=1e-6)


@hermes_warns
@pytest.mark.parametrize("num_devices", [1, 2])
def test_hermes_hands_them_to_aihwkit(num_devices):
    upstream = HermesNoiseModel(
        prog_coeff=[0.2, 1.0, -0.5, 0.1], num_devices=num_devices, g_max=9.0, t_0=7.0, t_read=1e-6
    )
    device = PcmHermes(
        num_devices=num_devices, g_max_us=9.0, t_0_s=7.0, t_read_s=1e-6,
        c_0_us=0.2, c_1_us=1.0, c_2_us=-0.5, c_3_us=0.1,
    )  # fmt: skip
    same_as(upstream, device, (0.0, DAY_S))
    assert device.largest_us == 9.0


def test_hermes_keeps_the_fit_of_its_number_of_cells():
    device = PcmHermes(t_read_s=1e-6)
    assert device.largest_us == 20.7
    assert replace(device, num_devices=1).largest_us == 10.35


def test_rram_has_aihwkit_s_law_at_other_numbers():
    spread = {1.0: [0.5, 3.0, -2.0, 0.3, 0.1]}
    upstream = ReRamWan2022NoiseModel(coeff_dic=spread, g_max=60.0)
    options = {f"c_{power}_at_1s_us": value for power, value in enumerate(spread[1.0])}
    same_as(upstream, Rram(g_max_us=60.0, **options), ())


def test_rram_drifts_and_reads_with_its_own_numbers():
    device = Rram(g_max_us=60.0, c_0_at_86400s_us=2.0, sigma_product=0.03)
    programmed, memory = program(device, WEIGHTS, seed=3)
    torch.manual_seed(3)
    expected = torch.zeros_like(WEIGHTS)
    for sign in (1, -1):
        x, z = (sign * WEIGHTS).clamp(min=0.0), torch.randn_like(WEIGHTS)
        sigma = 2.0 + 22.086 * x - 50.773 * x**2 + 47.095 * x**3 - 16.458 * x**4
        expected += sign * (x + sigma / 60 * z).clamp(min=0.0)
    torch.testing.assert_close(
        drift(device, programmed, memory, DAY_S), expected, rtol=0, atol=5e-7
    )
    assert device.product_noise().sigma == 0.03


def test_rram_cmo_has_aihwkit_s_law_at_other_numbers():
    upstream = ReRamCMONoiseModel(coeff_dict={0.2: [0.05, 0.002]}, g_max=60.0, g_min=5.0,
                                  acceptance_range=0.2)  # fmt: skip
    same_as(upstream, RramCmo(g_min_us=5.0, g_max_us=60.0, c_0_us=0.05, c_1=0.002), ())


def test_rram_cmo_relaxes_and_reads_with_its_own_numbers():
    device = RramCmo(programming_scale=0.0, g_min_us=5.0, g_max_us=65.0, a_us=-0.2, b_us=0.1,
                     c_us=0.3, k_us=0.05, t_read_s=1e-5, sigma_product=0.02)  # fmt: skip
    programmed, memory = program(device, WEIGHTS)
    log_t = math.log(DAY_S)
    g = 5 + (WEIGHTS + 1) * 30 - 0.2 * log_t + (0.1 * log_t + 0.3) * memory[0]
    torch.manual_seed(9)
    read = math.sqrt(math.log((DAY_S + 1e-5) / 2e-5))
    g = g + 0.05 * g.clamp(min=1.0).log10() * read * torch.randn_like(g)
    expected = (g.clamp(5, 65) - 5) / 30 - 1
    drifted = drift(device, programmed, memory, DAY_S, seed=9)
    torch.testing.assert_close(drifted, expected, rtol=0, atol=2e-6)
    assert device.product_noise().sigma == 0.02


def test_one_nu_for_all_cells():
    """n = 40,000, four comparisons: at any conductance mean 0.08 and spread 0.01."""
    device = Pcm(nu_mean=0.08, nu_std=0.01, programming_scale=0.0)
    for x in (0.05, 1.0):
        _, (nu, _) = program(device, anchored_weights(x, 40_000))
        assert_mean(nu[1:], 0.08, comparisons=4)
        assert_spread(nu[1:], 0.01, comparisons=4)


def test_fits_of_nu_and_q_follow():
    device = Pcm(programming_scale=0.0, nu_mean_slope=-0.03, nu_mean_min=0.01, nu_std=0.0,
                 q_factor=0.02, q_exponent=0.3, q_max=0.05)  # fmt: skip
    programmed, memory = program(device, WEIGHTS)
    x = WEIGHTS.abs()
    nu = (-0.03 * x.log() + 0.0244).clamp(0.01, 0.1)
    kept = WEIGHTS.abs() > 1e-3
    left = torch.where(WEIGHTS > 0, memory[0], memory[1])
    torch.testing.assert_close(left[kept], nu[kept], rtol=1e-5, atol=0)
    drifted = drift(device, programmed, memory, DAY_S, seed=2)
    torch.manual_seed(2)
    plus, minus = torch.randn_like(x), torch.randn_like(x)
    q = (0.02 / x**0.3).clamp(max=0.05) * math.sqrt(math.log((DAY_S + 20 + 250e-9) / 5e-7))
    gain = (1 + q * torch.where(WEIGHTS > 0, plus, minus)).clamp(min=0.0)
    expected = WEIGHTS * ((DAY_S + 20) / 20) ** -nu * gain
    torch.testing.assert_close(drifted[kept], expected[kept], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("spec", ["pcm", "rram"])
def test_single_cells_follow(spec):
    """g in units of g_max: half the noise at twice the g_max, draw for draw."""
    cells = torch.full((4, 5), 0.6)
    found = []
    for factor in (1, 2):
        device = parse(spec)
        device = replace(device, g_max_us=factor * device.g_max_us)
        torch.manual_seed(1)
        found.append(device.cell_law(context_of(cells)).apply_programming_noise(cells)[0] - cells)
    torch.testing.assert_close(found[1], found[0] / 2, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in DEVICES if options_of(DEVICES[name])])
def test_names_are_the_symbol_with_its_unit_and_round_trip(name):
    device = DEVICES[name]()
    for one in device.constants():
        if one.option:
            unit = "" if one.unit == "1" else f"_{one.unit.lower()}"
            symbol = one.symbol.lower().replace("(", "_at_").replace(" s)", "s")
            assert one.option == symbol + unit
            other = replace(device, **{one.option: float(one.value) * 0.999})
            assert spec_of(other) == f"{name}?{one.option}={float(one.value) * 0.999}"
            assert parse(spec_of(other)) == other
            assert f"{one.symbol} " in changes_of(other)
    assert spec_of(device) == name
    assert changes_of(device) == ""
    assert cited(device) == device.info.citation


def test_whole_numbers_are_the_same_device():
    assert spec_of(Pcm(g_max_us=40)) == spec_of(parse("pcm?g_max_us=40")) == "pcm?g_max_us=40.0"


def test_options_stand_in_one_order():
    assert spec_of(parse("pcm?nu_mean=0.03&g_max_us=40&noise_scale=2")) == (
        "pcm?noise_scale=2.0&g_max_us=40.0&nu_mean=0.03"
    )


def test_what_is_changed_is_said_with_its_unit():
    assert changes_of(Pcm(g_max_us=40.0)) == "with g_max 40 uS in place of 25"
    assert cited(Rram(sigma_product=0.02)).endswith("; with sigma_product 0.02 in place of 0.01")
    assert changes_of(Pcm(nu_mean=0.03)) == "with nu_mean 0.03 in place of the fit"
    assert changes_of(PcmHermes(num_devices=1, g_max_us=9.0)).endswith("9 uS in place of 10.35")
    assert changes_of(Pcm(noise_scale=0.5)) == ""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pcm?g_max=40", "got 'g_max'; did you mean 'g_max_us'"),
        ("pcm?t_0=4", "got 't_0'; did you mean 't_0_s'"),
        ("pcm?nu_men=0.1", "got 'nu_men'; did you mean 'nu_mean'"),
        ("pcm?g_max_us=-3", "g_max_us must be finite and > 0, got -3.0; the published value is 25"),
        ("pcm?g_max_us=wide", "g_max_us must be a number, got 'wide'"),
        ("pcm?c_1_us=nan", "c_1_us must be a finite number, got nan; .* 1.965 uS"),
        ("pcm?q_exponent=7", "q_exponent must be finite and >= 0 and at most 5, got 7.0"),
        ("pcm?nu_mean=-0.1", "nu_mean must be finite and >= 0, got -0.1; leave it out"),
        ("pcm?c_2_us=-9", r"sigma_prog = .* must be >= 0 uS .*, got -6.772 uS at x = 1"),
        ("pcm?t_read_s=30", "t_read_s must be at most t_0_s = 20, got 30"),
        ("pcm?nu_mean_min=0.3", "nu_mean_min must be at most nu_mean_max = 0.1, got 0.3"),
        ("pcm?nu_mean=0.03&nu_mean_max=1", "nu_mean must stand alone, got nu_mean_max too"),
        ("pcm-hermes?g_max_us=30", "g_max_us must be at most 20.7 uS, .*, got 30"),
        ("pcm-hermes?c_0_us=-1", "sigma_prog must be >= 0 uS .*, got -1 uS at x = 0"),
        ("pcm-hermes?t_0_s=1e-9", "t_read_s must be at most t_0_s = 1e-09, got 5.12e-07"),
        ("rram?c_0_at_1s_us=-1", "sigma at 1 s must be >= 0 uS .*, got -1 uS at x = 0"),
        ("rram-cmo?g_min_us=0.5", "g_min_us must be finite and >= 1, got 0.5"),
        ("rram-cmo?g_max_us=4", "g_max_us must be above g_min_us = 9 uS, got 4"),
        ("rram-cmo?c_1=-1", r"sigma_prog = c_0 \+ c_1 g must be >= 0 uS .*, got -8.999 uS at 9"),
    ],
)
def test_what_is_outside_its_domain_is_refused(spec, message):
    with pytest.raises(DeviceError, match=message):
        parse(spec)


def test_python_is_checked_too():
    with pytest.raises(DeviceError, match="g_max_us must be finite and > 0, got 'wide'"):
        Pcm(g_max_us="wide")
    with pytest.raises(DeviceError, match="c_0_us must be a finite number, got True"):
        Pcm(c_0_us=True)

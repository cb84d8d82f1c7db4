"""The compiled PCM law: its formula in float64, and the distribution of aihwkit's class.

Distribution: 20,000 weights a level and time, two samples, Kolmogorov and Smirnov at ALPHA divided
by the number of comparisons. The statistic that is still accepted is 0.026; a spread of 10 % more
moves it by 0.023 and more, and the negative control by 25 % is found.
"""

import functools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from analogsim.crossbar.chip.compensation import Method
from analogsim.crossbar.chip.effects import ChipEffects
from analogsim.crossbar.chip.stream_settings import edge_of
from analogsim.crossbar.chip.streamed import streamed_blocks
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.forward.unit_inputs import convert_answers_
from analogsim.crossbar.mapping.geometry import geometry_of
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import IDEAL
from analogsim.crossbar.mapping.periphery_text import parse
from analogsim.draws import stream
from analogsim.draws.addresses import seed_of
from analogsim.draws.stream import Address, Stream, tensor_index
from device_models import parse as parse_device

pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
ALPHA = 1e-4
DAY_S, YEAR_S = 86_400.0, 365 * 86_400.0
LEVELS = (0.02, 0.1, 0.3, 0.6, 1.0)
N = 20_000
SEED, CHIP = 5, 3
EFFECTS = ChipEffects(effects=(), seed=SEED, chip=CHIP)


def one_layer(weights, device="pcm", periphery=IDEAL):
    """A block of one layer whose tiles hold `weights` (out, in)."""
    linear = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
    linear.weight.data = weights
    layer = CrossbarLayer("here", linear, periphery).use_(PerfectEngine())
    (block,) = streamed_blocks([layer], direct=periphery.perfect)
    return block, parse_device(device).fused_law()


def normals(purpose, n, *address, draw=0):
    key = seed_of(SEED, *address)
    at = Address(seed=key, tensor=tensor_index("here/0"), trial=draw, stream=purpose)
    return stream.normals(at, 0, n).astype(np.float64)


def drift_(block, law, t_s, kind):
    block.drift_(law, EFFECTS, t_s, Method.of(kind, block.layers[0].periphery))


def drawn(block, law, t_s):
    block.program_(law, EFFECTS)
    drift_(block, law, t_s, "global")
    return block.layers[0].tiles[0]


@pytest.mark.parametrize(
    "device", ["pcm", "pcm?noise_scale=0.5&drift_scale=2", "pcm?nu_std_scale=1.5&read_scale=0"]
)
@pytest.mark.parametrize("t_s", [0.0, 1.0, DAY_S, YEAR_S])
def test_formula(device, t_s):
    torch.manual_seed(0)
    weights = torch.randn(37, 61)
    weights[0, 0] = 0.0
    block, law = one_layer(weights, device)
    tile = drawn(block, law, t_s)
    n = weights.numel()
    w = tile.target.double().numpy().reshape(-1)
    largest = np.abs(w).max()
    x = np.abs(w) / largest
    z, other, z_nu = (normals(Stream.PCM_PROGRAM, n, "program", CHIP, draw=d) for d in range(3))
    c_0, c_1, c_2 = (c * law.programming_scale / law.g_max_us for c in law.programming_us)
    g = np.maximum(x + (c_0 + c_1 * x + c_2 * x**2) * z, 0) - np.maximum(c_0 * other, 0)
    programmed = np.where(w >= 0, g, -g) * largest
    np.testing.assert_allclose(tile.programmed.reshape(-1), programmed, rtol=3e-6, atol=3e-7)
    log_x = np.log(np.maximum(np.where(g < 0, 0, x), 1e-7))
    mean, spread = (
        np.clip(slope * log_x + offset, low, high)
        for slope, offset, low, high in (law.nu_mean, law.nu_std)
    )
    nu = law.drift_scale * np.abs(mean + spread * z_nu)
    np.testing.assert_allclose(tile.drift_parameters[0].reshape(-1), nu, rtol=3e-6, atol=3e-7)

    # From the programmed weights as they are in float32.
    w = tile.programmed.double().numpy().reshape(-1)
    t = t_s + law.t_0_s
    factor, exponent, most = law.q
    with np.errstate(divide="ignore"):
        q = np.minimum(factor / (np.abs(w) / np.abs(w).max()) ** exponent, most)
    read = law.read_scale * math.sqrt(math.log((t + law.t_read_s) / (2 * law.t_read_s)))
    z = normals(Stream.PCM_DRIFT, n, "drift", CHIP, t_s)
    kept = (t / law.t_0_s) ** -tile.drift_parameters[0].double().numpy().reshape(-1)
    expected = w * kept * np.maximum(1 + q * read * z, 0)
    np.testing.assert_allclose(tile.weights.reshape(-1), expected, rtol=5e-6, atol=1e-7)
    alpha = np.abs(w).mean() / np.abs(expected).mean()
    assert float(tile.alpha) == pytest.approx(alpha, rel=1e-5)


def test_exp_and_ln_against_float64():
    from analogsim.crossbar.chip import pcm_jit

    y = np.linspace(-86, 20, 2001, dtype=np.float32)
    got = np.array([pcm_jit._exp(v) for v in y], dtype=np.float64)
    np.testing.assert_allclose(got, np.exp(y.astype(np.float64)), rtol=2e-7)
    assert float(pcm_jit._exp(np.float32(-1e30))) == pytest.approx(math.exp(-87), rel=1e-6)
    x = np.geomspace(1e-7, 1, 2001, dtype=np.float32)
    got = np.array([pcm_jit._ln(v) for v in x], dtype=np.float64)
    np.testing.assert_allclose(got, np.log(x.astype(np.float64)), rtol=2e-7, atol=1e-7)


def levels(device):
    """Per level and quantity: samples of the compiled law and of aihwkit's class."""
    weights = torch.tensor(LEVELS).repeat_interleave(N).reshape(-1, 500)
    weights[:, ::2] *= -1
    # One scale for the whole tile: its levels are conductances.
    periphery = IDEAL.__class__(
        name="one", perfect=True, weight_scaling="tile", max_input_size=0, max_output_size=0
    )
    block, law = one_layer(weights, device, periphery)
    block.program_(law, EFFECTS)
    tile = block.layers[0].tiles[0]
    upstream = parse_device("pcm").noise_law(block.layers[0].context(tile))
    torch.manual_seed(11)
    programmed, both = upstream.apply_programming_noise(weights)
    sign = weights.sign()
    left = torch.where(programmed >= 0, both[0], both[1])
    found = [
        ("programmed", tile.programmed * sign, programmed * sign),
        ("nu", tile.drift_parameters[0], left),
    ]
    for t_s in (1.0, DAY_S, YEAR_S):
        drift_(block, law, t_s, "global")
        drifted = upstream.apply_drift_noise(programmed, both, t_s)
        found.append((f"{t_s:g} s", tile.weights * sign, drifted * sign))
        alpha = programmed.abs().mean() / drifted.abs().mean()
        found.append((f"alpha {t_s:g} s", tile.alpha, alpha.reshape(1)))
    return found


def p_values(found):
    pairs = [
        (ours.reshape(5, N)[level].numpy(), theirs.reshape(5, N)[level].numpy())
        for name, ours, theirs in found
        if not name.startswith("alpha")
        for level in range(5)
    ]
    return [float(stats.ks_2samp(a, b, method="asymp").pvalue) for a, b in pairs], pairs


def test_distribution_of_aihwkits_class():
    found = levels("pcm")
    values, pairs = p_values(found)
    assert len(values) == 25
    assert min(values) > ALPHA / len(values)
    # Means within 5 standard errors of their difference (alpha 6e-7 each).
    for a, b in pairs:
        error = math.sqrt((a.var() + b.var()) / N)
        assert abs(float(a.mean()) - float(b.mean())) < 5 * error
        assert float(a.std() / b.std()) == pytest.approx(1, abs=0.06)
    # Each alpha is a mean over 100,000 weights: its standard error is below 2e-3.
    for name, ours, theirs in found:
        if name.startswith("alpha"):
            assert float(ours) == pytest.approx(float(theirs), rel=5e-3)


def test_another_distribution_is_seen():
    values, _ = p_values(levels("pcm?noise_scale=1.25"))
    assert min(values) < ALPHA / len(values)


@pytest.mark.parametrize("kind", ["global", "column", "exact"])
def test_compensation_reads_through_the_periphery(kind):
    torch.manual_seed(1)
    edge = parse("standard")
    block, law = one_layer(torch.randn(9, 301), "pcm", edge)
    block.program_(law, EFFECTS)
    drift_(block, law, DAY_S, kind)
    tile = block.layers[0].tiles[0]

    def answers(weights, *address):
        z = normals(Stream.READ_OUT, weights.numel(), *address).astype(np.float32)
        given = torch.from_numpy(z).view(weights.shape)
        return convert_answers_(given, weights, edge).abs()

    before = tile.target.abs()
    if kind != "exact":
        before = answers(tile.programmed, "baseline", CHIP)
    now = answers(tile.weights, "compensation", CHIP, DAY_S)
    over = functools.partial(torch.mean, dim=1) if kind == "column" else torch.mean
    expected = over(before) / over(now)
    # A rounding of the ADC to the other side moves one of 301 answers by its step.
    torch.testing.assert_close(tile.alpha, expected.reshape(tile.alpha.shape), rtol=1e-4, atol=0)
    assert tuple(edge_of(edge)) != (0, 0, 0, 0)


def test_geometry_of_the_test_layer():
    block, _ = one_layer(torch.randn(4, 6))
    assert block.table.tolist() == [[0, 4, 6, tensor_index("here/0"), 0, 0, 6, 0, 1]]
    assert geometry_of(torch.nn.Linear(6, 4)) == block.layers[0].geometry

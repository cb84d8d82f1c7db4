"""Output noise, ADC and digital factors in one compiled pass, against numpy and the tile."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward import converter, native
from analogsim.crossbar.forward.converter import LEAST_OUTPUTS, Converter, usable
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery
from analogsim.draws import stream
from analogsim.draws.addresses import seeded
from analogsim.draws.stream import Address, Stream

pytest.importorskip("numba")


def outputs(*shape, seed=0, scale=30.0):
    torch.manual_seed(seed)
    return torch.randn(*shape) * scale


def flat(x):
    return x.permute(0, 2, 3, 1).reshape(-1).numpy()


def expected_normals(count, address):
    """What a call under the seed of `address` draws."""
    with seeded(address):
        key = int(torch.randint(1 << 62, ()))
    return stream.normals(Address(seed=key, tensor=0, trial=0, stream=Stream.OUTPUT), 0, count)


def convert_outputs(y, total=None, *, address="here", **how):
    channels = y.shape[1]
    settings = {
        "sigma": 0.5,
        "bound": 40.0,
        "rounded": True,
        "factor": torch.linspace(0.5, 2.0, channels),
        "offset": torch.linspace(-1.0, 1.0, channels),
    } | how
    with seeded(address):
        return Converter(**settings)(y.clone(), total)


@pytest.mark.parametrize("shape", [(3, 16, 17, 5), (2, 17, 9, 11), (1, 512, 3, 3), (5, 1, 7, 7)])
@pytest.mark.parametrize("rounded", [True, False], ids=["adc", "no adc"])
def test_equals_the_formula_with_the_streams_normals(shape, rounded):
    y, total = outputs(*shape), outputs(*shape, seed=1)
    z = expected_normals(y.numel(), "here").astype(np.float64)
    v = flat(y).astype(np.float64) + 0.5 * z
    v = np.clip(np.rint(v) if rounded else v, -40.0, 40.0)
    channels = shape[1]
    factor = np.tile(np.linspace(0.5, 2.0, channels), y.numel() // channels)
    v = v * factor + np.tile(np.linspace(-1.0, 1.0, channels), y.numel() // channels)
    for added in (None, total):
        got = flat(convert_outputs(y, added, rounded=rounded))
        want = v if added is None else v + flat(added)
        # float32 may round a tie of the ADC to the other side: one step, two at most of 4,000.
        off = np.abs(got - want) > 1e-4
        assert off.sum() <= (2 if rounded else 0)


def test_the_noise_is_the_stream_bit_for_bit():
    # Also the guard that numba's stored code is this version's.
    y = torch.zeros(3, 24, 50, 51)
    one = torch.ones(24)
    got = convert_outputs(y, sigma=1.0, bound=1e9, rounded=False, factor=one, offset=None)
    assert np.array_equal(flat(got), expected_normals(y.numel(), "here"))


def test_the_noise_is_normal_and_calls_are_independent():
    # KS at n = 1e6, alpha 1e-4: sees 0.2 % of the distribution; correlations to 4 / sqrt(n).
    y, one = torch.zeros(4, 25, 100, 100), torch.ones(25)
    quiet = {"sigma": 1.0, "bound": 1e9, "rounded": False, "factor": one, "offset": None}
    with seeded("two calls"):
        first, second = (flat(Converter(**quiet)(y.clone(), None)) for _ in range(2))
    assert stats.kstest(first, "norm").pvalue > 1e-4
    assert abs(float(np.corrcoef(first, second)[0, 1])) < 4e-3
    assert abs(float(np.corrcoef(first[1:], first[:-1])[0, 1])) < 4e-3


def test_the_seed_decides_and_threads_do_not():
    y = outputs(2, 16, 40, 40)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = convert_outputs(y)
        torch.set_num_threads(2)
        assert torch.equal(one, convert_outputs(y))
    finally:
        torch.set_num_threads(before)
    assert not torch.equal(one, convert_outputs(y, address="elsewhere"))


def test_memory_format_decides_the_format_and_not_the_values():
    y = outputs(2, 16, 20, 20)
    last = y.contiguous(memory_format=torch.channels_last)
    assert torch.equal(convert_outputs(y), convert_outputs(last))


def test_nan_stays_nan():
    y = outputs(1, 8, 30, 30)
    y[0, 3, 2, 1] = float("nan")
    assert torch.isnan(convert_outputs(y)).nonzero().tolist() == [[0, 3, 2, 1]]


def test_without_noise_nothing_is_drawn_and_the_rest_is_the_same():
    y, total = outputs(2, 16, 20, 20), outputs(2, 16, 20, 20, seed=1)
    with seeded("here"):
        before = torch.get_rng_state()
    got = convert_outputs(y, total, sigma=0.0)
    with seeded("here"):
        Converter(
            sigma=0.0, bound=1.0, rounded=True, factor=torch.ones(16), offset=None
        )(y.clone(), None)  # fmt: skip
        assert torch.equal(torch.get_rng_state(), before)
    factor = torch.linspace(0.5, 2.0, 16).view(-1, 1, 1)
    offset = torch.linspace(-1.0, 1.0, 16).view(-1, 1, 1)
    want = y.round().clamp(-40.0, 40.0) * factor + offset + total
    torch.testing.assert_close(got, want, rtol=1e-6, atol=1e-5)


def test_transforms_are_left_to_torch():
    quiet = Periphery(name="quiet", output_noise=0.0, read_noise=0.0)
    net, x = nn.Sequential(nn.Conv2d(3, 16, 3)), torch.randn(4, 3, 19, 19)
    chip = program(convert(net, "pcm", quiet, calibrate=x), seed=1)
    got = torch.func.grad(lambda images: chip(images).square().sum())(x)
    with_grad = x.clone().requires_grad_()
    chip(with_grad).square().sum().backward()
    torch.testing.assert_close(got, with_grad.grad, rtol=1e-5, atol=1e-5)


def test_small_layers_and_other_kinds_are_left_to_torch():
    assert usable(torch.empty(1, LEAST_OUTPUTS, 1, 1))
    # The number of images does not matter: draws must not depend on the batch's size.
    assert not usable(torch.empty(500, LEAST_OUTPUTS - 1, 1, 1))
    assert not usable(torch.empty(2, LEAST_OUTPUTS))
    assert not usable(torch.empty(0, 64, 64, 64))
    assert not usable(torch.empty(1, 64, 64, 64, dtype=torch.bfloat16))
    assert not usable(torch.empty(1, 64, 64, 64, requires_grad=True))


@pytest.fixture(scope="module")
def one_layer():
    """A convolution with 4,624 outputs an image, on two tiles, and one image, often."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(64, 16, 3))
    x = torch.randn(1, 64, 19, 19)
    return program(convert(net, "pcm", STANDARD, calibrate=x), seed=1), x.expand(200, -1, -1, -1)


def test_distribution_is_that_of_torchs_normals(one_layer, monkeypatch):
    """Two splits, ADC and bias: KS on 4 outputs of 200 images, and the spreads of all."""
    chip, x = one_layer
    with torch.no_grad(), seeded("here"):
        ours = chip(x)
    monkeypatch.setattr(native, "usable", lambda y: False)
    with torch.no_grad(), seeded("there"):
        theirs = chip(x)
    a, b = (y.reshape(200, -1).double() for y in (ours, theirs))
    for column in (0, 1500, 3000, 4500):
        # Levels of the grid that differ in float32's last bits are made equal.
        one, other = ((s[:, column] * 1e4).round().numpy() for s in (a, b))
        assert stats.ks_2samp(one, other, method="asymp").pvalue > 1e-4 / 4
    # 4,624 outputs of 200 images: standard errors of the means 0.1 %, of the spread 0.07 %.
    assert float((a.std(0) / b.std(0)).log().mean().exp()) == pytest.approx(1.0, abs=0.005)
    assert float((a.mean(0) - b.mean(0)).mean() / b.std(0).mean()) == pytest.approx(0, abs=0.005)


def test_a_chip_repeats_its_noise(one_layer):
    chip, x = one_layer
    with torch.no_grad():
        with seeded("here"):
            first = chip(x[:3])
        with seeded("here"):
            assert torch.equal(first, chip(x[:3]))
        assert not torch.equal(first[0], first[1])


def test_without_numba_torch_draws(one_layer, monkeypatch):
    chip, x = one_layer
    monkeypatch.setattr(converter, "_compiled", lambda: None)
    with torch.no_grad(), seeded("here"):
        y = chip(x[:2])
    with torch.no_grad(), seeded("here"):
        assert torch.equal(y, chip(x[:2]))
    assert y.shape == (2, 16, 17, 17)
    assert torch.isfinite(y).all()

"""Weight errors, and the controls that have them."""

import dataclasses
import math

import pytest
import torch

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.mapping.periphery import IDEAL
from analogsim.equivalent.matching import BINS, matched_to, measure_errors
from analogsim.errors import InputError
from device_models.errors import DeviceError
from device_models.gaussian import Gaussian
from device_models.gaussian_matched import MatchedGaussian
from device_models.ideal import Ideal
from device_models.laws.gaussian_by_state import bin_of
from device_models.registry import parse
from tests.crossbar.nets import small_inputs, small_net
from tests.equivalent.nets import small_analog

DAY_S = 86400.0
# Normal quantile of alpha = 1e-4, two-sided, divided by 4 layers and 2 controls a test.
Z = 4.38


@pytest.fixture(scope="module")
def analog():
    return small_analog()


@pytest.mark.parametrize("compensation", ["none", "global", "exact"])
def test_no_noise_is_no_spread(analog, compensation):
    device = parse("pcm?noise_scale=0")
    matched = matched_to(analog, device, DAY_S, compensation, 2, 0)
    assert [sigma for _, sigma in matched.sigmas] == [0.0] * len(analog.layers)
    assert (matched.to, matched.t_s) == ("pcm?noise_scale=0.0", DAY_S)


def test_compensation_has_an_error_of_its_own_where_reading_is_noisy():
    matched = matched_to(small_analog("standard"), parse("ideal"), DAY_S, "global", 2, 0)
    # Two readings with output noise 0.04 on the mean of 144 answers or more: about 1 %.
    assert all(0 < sigma < 0.01 for _, sigma in matched.sigmas)


def test_spread_is_the_root_mean_square_of_the_chips_themselves(analog):
    device = parse("pcm")
    matched = dict(matched_to(analog, device, DAY_S, "column", 3, 7).sigmas)
    on_pcm = dataclasses.replace(analog, device=device)
    chips = [program(on_pcm, seed=7, chip=n).drift_(DAY_S, "column") for n in range(3)]
    for name, sigma in matched.items():
        squares = []
        for chip in chips:
            layer = chip.layers[name]
            now = layer.logical(lambda tile: tile.weights * tile.alpha.view(-1, 1))
            squares.append((now - layer.logical(lambda tile: tile.target)).double().square())
        assert sigma == pytest.approx(float(torch.stack(squares).mean().sqrt()), rel=1e-5)


def test_matched_noise_is_the_gaussian_preset_of_that_level(analog):
    """The same address gives the same normals, so equal spreads give equal chips."""
    sigmas = tuple((name, 0.05 * layer.weight_std) for name, layer in analog.layers.items())
    matched = MatchedGaussian(to="pcm", t_s=1.0, sigmas=sigmas)
    one = program(dataclasses.replace(analog, device=matched), seed=3, chip=1)
    other = program(dataclasses.replace(analog, device=Gaussian(eta=0.05)), seed=3, chip=1)
    for name, layer in one.layers.items():
        for mine, theirs in zip(layer.tiles, other.layers[name].tiles, strict=True):
            assert torch.equal(mine.weights, theirs.weights)


def test_controls_have_the_device_s_mean_square_exactly(analog):
    errors = measure_errors(analog, parse("pcm"), DAY_S, "global", 3, 0)
    flat, state, mean = errors.by_column(), errors.by_state(), errors.by_state_and_mean()
    for place, one in enumerate(errors.layers):
        assert len(one.weights) == BINS
        (sigma,) = flat.layers[place].sigmas
        assert sum(one.weights) * sigma**2 == pytest.approx(one.square)
        for control in (state, mean):
            bins = control.layers[place]
            terms = zip(one.weights, bins.sigmas, bins.biases, strict=True)
            assert sum(n * (s**2 + b**2) for n, s, b in terms) == pytest.approx(one.square)
        assert set(state.layers[place].biases) == {0.0}
        assert any(mean.layers[place].biases)


def test_bins_of_weight_size():
    weights = torch.tensor([0.0, -0.049, 0.051, -1.0, 1.0, 1.2])
    assert bin_of(weights, 20).tolist() == [0, 0, 1, 19, 19, 19]


class _Shrunk:
    """A law that leaves nine tenths of each weight."""

    def apply_programming_noise(self, weights):
        return 0.9 * weights, []

    def apply_drift_noise(self, weights, drift_noise_parameters, t_inference):
        return weights.clone()


class _Shrinking(Ideal):
    def noise_law(self, context):
        return _Shrunk()

    def fused_law(self):
        return None


def test_a_lost_gain_is_a_mean_error_and_no_spread(analog):
    errors = measure_errors(analog, _Shrinking(), DAY_S, "none", 1, 0)
    control = errors.by_state_and_mean()
    for layer, one in zip(control.layers, errors.layers, strict=True):
        # A bin's mean weight is within the bin, of which a tenth is lost.
        for place, (bias, n) in enumerate(zip(layer.biases, one.weights, strict=True)):
            if n and place:
                assert 0.1 * place / BINS - 1e-6 <= -bias <= 0.1 * (place + 1) / BINS + 1e-6
        spread = sum(n * s**2 for n, s in zip(one.weights, layer.sigmas, strict=True))
        # What is left is the width of a bin: a tenth of 1/20, over the root of 12 at most or so.
        assert spread < sum(one.weights) * (0.1 / BINS) ** 2 / 4


@pytest.mark.parametrize("kind", ["matched", "by_column", "by_state", "by_state_and_mean"])
def test_a_control_s_chips_have_the_device_s_error(analog, kind):
    """n = 4 chips x 288 to 36864 weights; alpha = 1e-4; sees 21 % on the smallest layer."""
    errors = measure_errors(analog, parse("pcm"), DAY_S, "global", 4, 0)
    control = getattr(errors, kind)()
    again = measure_errors(analog, control, DAY_S, "none", 4, 1)
    for wanted, got, layer in zip(errors.layers, again.layers, analog.layers.values(), strict=True):
        deviation = math.sqrt(4 * _variance(control, layer, wanted))
        assert abs(got.square - wanted.square) < Z * deviation
        assert deviation < 0.15 * wanted.square


def test_the_bound_tells_ten_percent_more_spread(analog):
    """Negative control: on the largest layer 1.1 times the spread is outside."""
    errors = measure_errors(analog, parse("pcm"), DAY_S, "global", 4, 0)
    louder = dataclasses.replace(errors.matched(), noise_scale=1.1)
    again = measure_errors(analog, louder, DAY_S, "none", 4, 1)
    wanted, got = errors.layers[-1], again.layers[-1]
    deviation = math.sqrt(4 * _variance(errors.matched(), list(analog.layers.values())[-1], wanted))
    assert abs(got.square - wanted.square) > Z * deviation


def _variance(control, layer, error):
    """Variance of one chip's summed squared logical error: 2 s^4 + 4 s^2 b^2 a weight."""
    total = 0.0
    for tile in layer.tiles:
        if isinstance(control, MatchedGaussian):
            sigma = torch.full_like(tile.target, dict(control.sigmas)[error.layer])
            bias = torch.zeros_like(sigma)
        else:
            one = next(one for one in control.layers if one.layer == error.layer)
            bins = bin_of(tile.target, len(one.sigmas))
            sigma = torch.tensor(one.sigmas)[bins] * tile.scale
            bias = torch.tensor(one.biases)[bins] * tile.scale
        square = sigma.double().square()
        total += float((2 * square**2 + 4 * square * bias.double().square()).sum())
    return total


def test_refused(analog):
    with pytest.raises(InputError, match="chips must be at least 1, got 0"):
        matched_to(analog, parse("pcm"), DAY_S, "global", 0, 0)
    with pytest.raises(DeviceError, match="got 3600"):
        matched_to(analog, parse("rram"), 3600.0, "global", 1, 0)
    other = MatchedGaussian(to="pcm", t_s=1.0, sigmas=(("elsewhere", 0.1),))
    with pytest.raises(DeviceError, match="one of elsewhere, got '0'"):
        program(dataclasses.replace(analog, device=other))


CELLS = {
    "slices": {"bits_per_cell": 3, "weight_bits": 9},
    "two-sided": {"weight_encoding": "pair-two-sided"},
    "isaac": {"weight_encoding": "offset-column", "bits_per_cell": 2, "weight_bits": 8},
}


@pytest.mark.parametrize("cells", CELLS)
def test_a_weight_in_several_cells_has_the_error_that_they_make_together(cells):
    """The device's own chips, joined; and controls of it. n = 4 chips; alpha as above."""
    edge = dataclasses.replace(IDEAL, name="cells", **CELLS[cells])
    analog = convert(small_net(), "ideal", edge, calibrate=small_inputs())
    errors = measure_errors(analog, parse("pcm"), DAY_S, "global", 4, 0)
    on_pcm = dataclasses.replace(analog, device=parse("pcm"))
    chips = [program(on_pcm, seed=0, chip=n).drift_(DAY_S, "global") for n in range(4)]
    for one in errors.layers:
        layers = [chip.layers[one.layer] for chip in chips]
        assert one.count == 4 * layers[0].logical(lambda t: t.target).numel()
        off = [each.logical(lambda t: t.present) - each.logical(lambda t: t.target)
               for each in layers]  # fmt: skip
        square = float(torch.stack(off).double().square().sum())
        assert one.square == pytest.approx(square, rel=1e-5)
    for control in (errors.matched(), errors.by_column()):
        again = measure_errors(analog, control, DAY_S, "none", 4, 1)
        for wanted, got in zip(errors.layers, again.layers, strict=True):
            # At least a third of the weights have the layer's spread or more by column.
            n = 4 * wanted.count / 12
            assert got.square == pytest.approx(wanted.square, rel=Z * math.sqrt(2 / n))
    plain = dataclasses.replace(analog, device=Gaussian(eta=0.05, spread_of="weight"))
    chip = program(plain, seed=3, chip=1)
    for name, layer in chip.layers.items():
        error = layer.logical(lambda t: t.present) - layer.logical(lambda t: t.target)
        sigma = 0.05 * analog.layers[name].weight_std
        assert float(error.std()) == pytest.approx(sigma, rel=Z / math.sqrt(2 * error.numel()))

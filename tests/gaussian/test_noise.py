"""Noise on a network: exact where it can be, then spreads."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from analogsim.draws import stream
from analogsim.draws.stream import Address, tensor_index
from analogsim.errors import InputError
from analogsim.gaussian.flat import flatten_
from analogsim.gaussian.noise import Noise
from analogsim.gaussian.spec import ROLES, NoiseSpec
from tests.gaussian.stream_checks import ALPHA, SmallNetwork, equal_bits, named, without_numba_too

pytestmark = without_numba_too

EVERYTHING = frozenset(ROLES)


def draws(spec, *, seed=11, trial=3, channels_last=False):
    """The noisy tensors of a trial."""
    flat = flatten_(SmallNetwork(channels_last=channels_last))
    return named(Noise(flat, spec, seed=seed).apply_(trial))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("options", [{}, {"per": "column"}, {"kind": "multiplicative"}], ids=str)
def test_zero_is_the_identity_bit_for_bit(options, channels_last):
    network = SmallNetwork(channels_last=channels_last)
    network.conv.weight[0, 0, 0, 0] = -0.0
    network.linear.bias[0] = -0.0
    flat = flatten_(network)
    Noise(flat, NoiseSpec(eta=0.0, scope=EVERYTHING, **options), seed=1).apply_(5)
    assert equal_bits(named(flat), named(flat, flat.clean))


def test_column_of_equal_weights_keeps_its_bits():
    """A column without spread has sigma 0 beside columns that have one."""
    layer = nn.Linear(5, 3, bias=False).requires_grad_(False)
    layer.weight[1] = -0.0
    flat = flatten_(layer)
    Noise(flat, NoiseSpec(eta=1.0, per="column"), seed=1).apply_(0)
    assert torch.equal(layer.weight[1].view(torch.int32), torch.full((5,), -(2**31)).int())
    assert (layer.weight[0] != named(flat, flat.clean)["weight"][0]).all()


def test_weights_are_clean_plus_sigma_times_the_stream():
    """The definition, written a second time; one rounding of float32."""
    noisy, clean = draws(NoiseSpec(eta=0.2)), dict(SmallNetwork().state_dict())
    for name in ("conv.weight", "grouped.weight", "linear.weight"):
        address = Address(seed=11, tensor=tensor_index(name), trial=3)
        z = torch.from_numpy(stream.normals(address, 0, clean[name].numel()))
        expected = clean[name] + 0.2 * clean[name].std() * z.view_as(clean[name])
        torch.testing.assert_close(noisy[name], expected, rtol=2e-7, atol=1e-7)


@pytest.mark.parametrize(
    "spec",
    [
        NoiseSpec(eta=0.2, scope=EVERYTHING),
        NoiseSpec(eta=0.2, per="column", reference="max"),
        NoiseSpec(eta=0.2, kind="multiplicative", scope=EVERYTHING),
    ],
    ids=["tensor", "column", "multiplicative"],
)
def test_draws_do_not_depend_on_the_memory_format(spec):
    assert equal_bits(draws(spec), draws(spec, channels_last=True))


def test_draws_do_not_depend_on_the_other_tensors():
    """A wider scope, and a network without some layers, move no draw of the others."""
    alone, all_of_them = draws(NoiseSpec()), draws(NoiseSpec(scope=EVERYTHING))
    assert torch.equal(alone["linear.weight"], all_of_them["linear.weight"])
    small = SmallNetwork()
    del small.conv, small.bn, small.grouped
    noise = Noise(flatten_(small), NoiseSpec(), seed=11)
    assert torch.equal(named(noise.apply_(3))["linear.weight"], alone["linear.weight"])


def test_draws_do_not_depend_on_trials_and_their_order():
    noise = Noise(flatten_(SmallNetwork()), NoiseSpec(scope=EVERYTHING), seed=11)
    many = noise.copies([9, 3, 2**32 - 1])
    noise.apply_(77)
    assert equal_bits(named(noise.apply_(3)), named(noise.flat, many[1]))
    assert equal_bits(named(noise.flat, noise.copies([3])[0]), named(noise.flat, many[1]))
    assert not torch.equal(many[0], many[2])
    assert noise.copies([]).shape == (0, many.shape[1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_copies_in_a_smaller_type_are_the_rounded_copies(dtype):
    noise = Noise(flatten_(SmallNetwork()), NoiseSpec(), seed=1)
    assert torch.equal(noise.copies([4], dtype=dtype), noise.copies([4]).to(dtype))


def test_clamped_variance_is_the_raw_one_cut_at_zero():
    scope = frozenset({"bn_variance", "bn_mean"})
    raw = draws(NoiseSpec(eta=3.0, reference="max", scope=scope))
    cut = draws(NoiseSpec(eta=3.0, reference="max", scope=scope, variance="clamped"))
    assert (raw["bn.running_var"] < 0).any()
    assert torch.equal(cut["bn.running_var"], raw["bn.running_var"].clamp(min=0))
    assert torch.equal(cut["bn.running_mean"], raw["bn.running_mean"])


def test_restored_network_answers_as_before():
    network, images = SmallNetwork(), torch.ones(1, 3, 8, 8)
    expected = network(images)
    flat = Noise(flatten_(network), NoiseSpec(scope=EVERYTHING), seed=1).apply_(2)
    assert not torch.equal(network(images), expected)
    flat.restore_()
    assert torch.equal(network(images), expected)


@pytest.mark.parametrize("reference", ["std", "max"])
def test_spread_per_column(reference):
    """n = 40,000 in each of 3 columns; sees 1.5 %."""
    layer = nn.Linear(40_000, 3, bias=False).requires_grad_(False)
    layer.weight.mul_(torch.tensor([[1.0], [2.0], [5.0]]))
    flat = flatten_(layer)
    clean = layer.weight.clone()
    Noise(flat, NoiseSpec(eta=0.1, per="column", reference=reference), seed=4).apply_(1)
    noise = (layer.weight - clean).double()
    measure = clean.std(1) if reference == "std" else clean.abs().amax(1)
    bound = stats.norm.isf(ALPHA / 6 / 2) / np.sqrt(2 * 40_000)
    assert ((noise.std(1) / (0.1 * measure) - 1).abs() < bound).all()


def test_multiplicative_noise_is_relative_to_each_weight():
    """n = 100,000; w z has mean 0, and (y - w) / w is normal: KS sees 0.7 %."""
    layer = nn.Linear(1000, 100, bias=False).requires_grad_(False)
    flat = flatten_(layer)
    clean = layer.weight.clone()
    Noise(flat, NoiseSpec(eta=0.25, kind="multiplicative"), seed=4).apply_(1)
    z = ((layer.weight - clean) / clean / 0.25).double().flatten()
    assert stats.kstest(z.numpy(), "norm").pvalue > ALPHA


@pytest.mark.parametrize("trial", [-1, 2**32])
def test_trial_out_of_range(trial):
    noise = Noise(flatten_(SmallNetwork()), NoiseSpec(), seed=0)
    with pytest.raises(InputError, match=rf"trial must be in 0 \.\.\. 2\^32 - 1, got {trial};"):
        noise.apply_(trial)


def test_refused_types_and_devices():
    flat = flatten_(SmallNetwork())
    with pytest.raises(InputError, match=r"or float16, got torch\.int32;"):
        Noise(flat, NoiseSpec(), seed=0).copies([1], dtype=torch.int32)
    with pytest.raises(InputError, match=r"seed must be in .*, got -1;"):
        Noise(flat, NoiseSpec(), seed=-1)
    with pytest.raises(InputError, match=r"device must be cpu or cuda, got meta;"):
        Noise(flatten_(nn.Linear(2, 2, device="meta")), NoiseSpec(), seed=0)


@pytest.mark.parametrize(
    ("options", "got"),
    [({"kind": "multiplicative"}, "multiplicative, raw"), ({"variance": "clamped"}, "clamped")],
    ids=str,
)
def test_fast_path_refuses_what_it_cannot_do(options, got):
    spec = NoiseSpec(scope=EVERYTHING, **options)
    with pytest.raises(InputError, match=f"must be additive, unclamped .* got .*{got} and cpu;"):
        Noise(flatten_(SmallNetwork()), spec, seed=0).fast_()


def test_moved_network_is_refused():
    network = SmallNetwork()
    noise = Noise(flatten_(network), NoiseSpec(), seed=0)
    network.conv.weight.data = network.conv.weight.data.clone()
    with pytest.raises(InputError, match=r"tensor conv\.weight must still be a view"):
        noise.apply_(0)

"""The kernels on a GPU: the interpreter's cases, and what only a GPU can do."""

import pytest
import torch

from analogsim.draws import cpu
from analogsim.draws.stream import tensor_index
from analogsim.errors import InputError
from analogsim.gaussian.flat import flatten_
from analogsim.gaussian.noise import Noise
from analogsim.gaussian.spec import ROLES, NoiseSpec
from benchmarks.gpu.trial_graph import TrialGraph
from tests.benchmarks.pcm_cases import pcm_network
from tests.gaussian.kernel_checks import check_integers, check_noise, check_pcm, noise_names
from tests.gaussian.stream_checks import (
    TOLERANCE,
    SmallNetwork,
    exact_normals,
    named,
    normal_error,
    without_numba_too,
)

pytestmark = [pytest.mark.gpu, without_numba_too]

SPEC = NoiseSpec(eta=0.2, scope=frozenset(ROLES), variance="clamped")


@pytest.fixture(scope="module")
def answers():
    from tests.gaussian import kernel_cases  # needs Triton

    made = dict(kernel_cases.integer_answers("cuda", 1024))
    made |= dict(kernel_cases.noise_answers("cuda", (2048, 1024)))
    return made | dict(kernel_cases.pcm_answers("cuda", 1024))


def gpu_noise(*, channels_last=False):
    network = SmallNetwork(channels_last=channels_last).cuda()
    return Noise(flatten_(network), SPEC, seed=5)


def test_integers_are_equal_bit_for_bit(answers):
    check_integers(answers)


@pytest.mark.parametrize("name", noise_names())
def test_noisy_copies_are_those_of_the_cpu(name, answers):
    check_noise(name, answers)


@pytest.mark.parametrize("channels_last", [False, True])
def test_pcm_drift_is_that_of_the_cpu(channels_last, answers):
    check_pcm(channels_last, answers)


def test_normals_are_the_real_numbers():
    """n = 10^6, in units of max(1, |z|)."""
    layer = torch.nn.Linear(1000, 1000, bias=False, device="cuda").requires_grad_(False)
    flat = flatten_(layer)
    flat.clean.zero_()
    spec = NoiseSpec(eta=1.0, reference="absolute")
    Noise(flat, spec, seed=2**40 + 3).apply_(9)
    address = cpu.Address(seed=2**40 + 3, tensor=tensor_index("weight"), trial=9)
    got = layer.weight.flatten().cpu().numpy()
    assert normal_error(got, exact_normals(address, 1_000_000)) < TOLERANCE


@pytest.mark.parametrize("blocks", [(512, 512), (4096, 4096)])
def test_draws_do_not_depend_on_the_block(blocks):
    from analogsim.gaussian import launch

    noise = gpu_noise(channels_last=True)
    trials = launch.words([1, 2, 3], torch.device("cuda"))
    out = torch.empty(3, noise.flat.clean.numel(), device="cuda")
    launch.write_copies_(out, noise.flat, noise.tables(), noise.key(), trials, blocks=blocks)
    expected = noise.flat.views(noise.copies([1, 2, 3]))
    assert all(torch.equal(v, expected[k]) for k, v in noise.flat.views(out).items())


def test_in_place_equals_copies_and_restores():
    noise = gpu_noise()
    copy = named(noise.flat, noise.copies([8, 4])[1])
    applied = named(noise.apply_(4))
    assert all(torch.equal(applied[name], copy[name]) for name in copy)
    clean = SmallNetwork()
    noise.flat.restore_()
    assert torch.equal(noise.flat.module.conv.weight.cpu(), clean.conv.weight)


@pytest.mark.parametrize("channels_last", [False, True])
def test_graph_replays_any_trial(channels_last):
    noise = gpu_noise(channels_last=channels_last)
    images = torch.randn(4, 3, 8, 8, device="cuda")
    graph = TrialGraph(noise, images)
    for trial in (3, 0, 2**32 - 1, 3):
        got = graph.run(trial).clone()
        weights = named(noise.flat)
        torch.testing.assert_close(got, noise.apply_(trial).module(images), rtol=1e-4, atol=1e-4)
        applied = named(noise.flat)
        assert all(torch.equal(weights[name], applied[name]) for name in applied)
    other = graph.run(3, images * 2).clone()
    assert not torch.equal(other, graph.run(3, images))


def test_graph_refuses_train_mode():
    noise = gpu_noise()
    noise.flat.module.train()
    with pytest.raises(InputError, match="must be in eval mode, got SmallNetwork in train"):
        TrialGraph(noise, torch.zeros(1, 3, 8, 8, device="cuda"))


def test_pcm_drift_repeats_bit_for_bit():
    network = pcm_network(device="cuda")
    first = named(network.drift_(86_400.0))
    network.drift_(1.0)
    again = named(network.drift_(86_400.0))
    assert all(torch.equal(first[name], again[name]) for name in first)

"""The noise that is injected: the evaluated chips' own, its Gaussian stand-ins, its times."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

from analogsim.crossbar.chip.program import program
from analogsim.draws.addresses import seed_of
from analogsim.errors import DeviceError, InputError
from analogsim.hardening.chips import Injection, Law, TrainingChips
from analogsim.hardening.converted import converted
from tests.hardening.networks import images, small

ALPHA = 1e-4
DAY_S = 86_400.0


def chips(
    network: nn.Module, injection: Injection, preset: str = "pcm", **options: object
) -> TrainingChips:
    analog = converted(network, preset, "ideal", calibrate=None, **options)  # type: ignore[arg-type]
    return TrainingChips(analog, injection)


def clean(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: network.get_submodule(name).weight for name in ("0", "5")}  # type: ignore[misc]


@pytest.mark.parametrize("law", ["device", "matched", "column"])
def test_no_noise_leaves_every_bit(law: Law) -> None:
    network = small()
    found = chips(network, Injection(law=law, fraction=0.1, scale=0.0)).weights(3, clean(network))
    for name, weight in clean(network).items():
        assert torch.equal(found[name], weight)


@pytest.mark.parametrize(
    ("preset", "options"),
    [
        ("pcm", {}),
        ("pcm", {"effects": ("stuck?rate_off=0.1",)}),
        ("rram", {}),
        ("gaussian?eta=0.1", {}),
    ],
    ids=str,
)
def test_a_step_holds_what_a_chip_of_its_number_holds(
    preset: str, options: dict[str, object]
) -> None:
    """Also when the weights have changed since the conversion."""
    injection = Injection(times_s=(DAY_S,), seed=7)
    made = chips(small(), injection, preset, **options)
    trained = small(seed=1)
    found = made.weights(4, clean(trained))
    analog = converted(trained, preset, "ideal", calibrate=None, **options)  # type: ignore[arg-type]
    chip = program(analog, seed_of(7, "hardening"), 4).drift_(DAY_S, "global")
    for name, layer in chip.layers.items():
        assert torch.equal(found[name], layer.logical(lambda tile: tile.present))
    # The chips that a study of the same seed measures are others.
    other = program(analog, 7, 4).drift_(DAY_S, "global")
    assert not torch.equal(found["5"], other.layers["5"].logical(lambda tile: tile.present))


def test_matched_noise_has_the_error_of_the_device_and_is_normal() -> None:
    network = nn.Sequential(nn.Linear(400, 100))
    target = {"0": network[0].weight}
    device = chips(network, Injection(times_s=(DAY_S,))).weights(2, target)["0"]
    matched = chips(network, Injection(times_s=(DAY_S,), law="matched")).weights(2, target)["0"]
    errors = [(held - target["0"]).detach().flatten() for held in (device, matched)]
    n = len(errors[0])
    spread = errors[0].square().mean().sqrt()
    # The spread of n normals varies by 1 / sqrt(2 n).
    bound = scipy.stats.norm.isf(ALPHA / 2) / math.sqrt(2 * n)
    assert float(errors[1].square().mean().sqrt() / spread) == pytest.approx(1, abs=bound)
    assert scipy.stats.kstest(errors[1].numpy(), "norm", (0, float(spread))).pvalue > ALPHA
    # The device's own errors are not normal, and the test sees it.
    assert scipy.stats.kstest(errors[0].numpy(), "norm", (0, float(spread))).pvalue < ALPHA


def test_column_noise_is_a_fraction_of_each_columns_largest_weight() -> None:
    network = nn.Sequential(nn.Linear(400, 50, bias=False))
    with torch.no_grad():
        network[0].weight *= torch.logspace(-2, 2, 50)[:, None]
    target = network[0].weight.detach()
    found = chips(network, Injection(law="column", fraction=0.03)).weights(0, {"0": target})["0"]
    relative = (found - target) / (0.03 * target.abs().amax(dim=1, keepdim=True))
    assert scipy.stats.kstest(relative.flatten().numpy(), "norm").pvalue > ALPHA


def test_scale_multiplies_the_error() -> None:
    network = small()
    once, thrice = (
        chips(network, Injection(scale=s)).weights(1, clean(network)) for s in (1.0, 3.0)
    )
    for name, weight in clean(network).items():
        torch.testing.assert_close(thrice[name] - weight, 3 * (once[name] - weight))


def test_dropped_weights_are_zero_and_as_many_as_asked() -> None:
    network = nn.Sequential(nn.Linear(300, 100))
    found = chips(network, Injection(drop=0.1)).weights(0, {"0": network[0].weight})["0"]
    dropped = int((found == 0).sum())
    low, high = scipy.stats.binom.interval(1 - ALPHA, found.numel(), 0.1)
    # PCM itself leaves hardly a weight at exactly 0.
    assert low <= dropped <= high


def test_times_are_uniform_in_their_logarithm() -> None:
    made = chips(small(), Injection(times_s=(1.0, 3600.0, DAY_S)))
    drawn = np.log([made.time(step) for step in range(2000)])
    uniform = scipy.stats.uniform(0, math.log(DAY_S))
    assert scipy.stats.kstest(drawn, uniform.cdf).pvalue > ALPHA


def test_a_device_without_times_in_between_is_drawn_at_those_asked() -> None:
    made = chips(small(), Injection(times_s=(1.0, DAY_S)), "rram")
    drawn = [made.time(step) for step in range(400)]
    assert set(drawn) == {1.0, DAY_S}
    assert scipy.stats.binomtest(drawn.count(1.0), 400).pvalue > ALPHA


def test_times_beyond_the_device_are_refused() -> None:
    with pytest.raises(DeviceError, match=r"got 3600\.0 s; choose one of them"):
        chips(small(), Injection(times_s=(1.0, 3600.0)), "rram")


def test_every_problem_is_said_at_once() -> None:
    wrong = {"law": "best", "scale": -1.0, "drop": 1.0, "times_s": (0.0,), "compensation": "x"}
    with pytest.raises(InputError) as caught:
        Injection(**wrong)  # type: ignore[arg-type]
    for text in (
        "law must be one of device, matched, column, got 'best'",
        "compensation must be one of none, global",
        "scale must be finite and at least 0, got -1.0",
        "drop must be in [0, 1), got 1.0",
        "times must be above 0 s, at least one, got (0.0,)",
    ):
        assert text in str(caught.value)


def test_programming_noise_has_the_moments_of_aihwkits_own_training_noise() -> None:
    """aihwkit's C++ modifier PROG_NOISE, whose noise no seed repeats.

    It mirrors at zero where the law stops there: at these levels neither happens.
    """
    from aihwkit.nn import AnalogLinear
    from aihwkit.simulator.configs import InferenceRPUConfig, WeightModifierType

    config = InferenceRPUConfig()
    config.forward.is_perfect = True
    config.mapping.weight_scaling_omega = 0.0
    config.mapping.max_input_size = config.mapping.max_output_size = 0
    config.modifier.type = WeightModifierType.PROG_NOISE
    config.modifier.std_dev = 1.0
    # In microsiemens: it divides by g_max, and by default divides (1.1.0) what is divided.
    config.modifier.coeffs = [0.26348, 1.9650, -1.1731]
    config.modifier.rel_to_actual_wmax = False
    levels = torch.linspace(0.1, 1.0, 8)
    # On each of our tiles there are all levels.
    target = levels.repeat(500)[None].repeat(2, 1) * torch.tensor([[1.0], [-1.0]])
    layer = AnalogLinear(target.shape[1], 2, bias=False, rpu_config=config)
    tile = next(iter(layer.analog_tiles()))
    tile.set_weights(target)
    layer.train()
    tile.post_update_step()
    theirs = layer(torch.eye(target.shape[1])).detach().T
    network = nn.Sequential(nn.Linear(target.shape[1], 2, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(target)
    injection = Injection(times_s=(1.0,), compensation="none")
    ours = chips(network, injection, "pcm?drift_scale=0&read_scale=0").weights(0, {"0": target})[
        "0"
    ]
    for level in levels:
        here = target.abs() == level
        a, b = (held[here] - target[here] for held in (theirs, ours))
        n = len(a)
        assert float(a.std() / b.std()) == pytest.approx(
            1, abs=scipy.stats.norm.isf(ALPHA / 16) / math.sqrt(n)
        )
        bound = scipy.stats.norm.isf(ALPHA / 16) * float(b.std()) * math.sqrt(2 / n)
        assert float(a.mean() - b.mean()) == pytest.approx(0, abs=bound)


def test_digits_forward_is_of_the_noisy_weights() -> None:
    """What `images` is for: a chip's forward pass and the network with its weights agree."""
    network = small().eval()
    injection = Injection(times_s=(DAY_S,))
    held = chips(network, injection).weights(0, clean(network))
    analog = converted(network, "pcm", "ideal", calibrate=None)
    chip = program(analog, seed_of(0, "hardening"), 0).drift_(DAY_S)
    with torch.no_grad():
        for name, weight in held.items():
            network.get_submodule(name).weight.copy_(weight)  # type: ignore[operator,union-attr]
        torch.testing.assert_close(network(images()), chip(images()))

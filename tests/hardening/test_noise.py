"""Noise around a loop of one's own: the weights inside and outside, the gradient, refusals."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from analogsim.errors import CoverageWarning, InputError
from analogsim.hardening import noise as module
from analogsim.hardening.chips import Injection
from analogsim.hardening.noise import TrainingNoise, noisy
from tests.hardening.networks import images, small

DAY_S = 86_400.0
LABELS = torch.tensor([0, 3, 5, 9])


def test_gradient_is_that_of_the_noisy_network() -> None:
    network = small()
    noise = TrainingNoise(network, "pcm")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with noise.step(3):
        held = {name: p.detach().clone() for name, p in network.named_parameters()}
        nn.functional.cross_entropy(network(images()), LABELS).backward()
    same = small()
    with torch.no_grad():
        for name, parameter in same.named_parameters():
            parameter.copy_(held[name])
    nn.functional.cross_entropy(same(images()), LABELS).backward()
    for (name, parameter), other in zip(network.named_parameters(), same.parameters(), strict=True):
        assert torch.equal(parameter.grad, other.grad), name
        assert torch.equal(parameter, before[name]), name
    assert not torch.equal(held["0.weight"], before["0.weight"])
    assert torch.equal(held["1.weight"], before["1.weight"])


def test_an_error_inside_leaves_the_weights_clean() -> None:
    network = small()
    before = network[0].weight.detach().clone()
    with pytest.raises(ZeroDivisionError), TrainingNoise(network).step(0):
        raise ZeroDivisionError
    assert torch.equal(network[0].weight, before)


def test_a_step_of_the_optimiser_inside_is_refused_and_lost() -> None:
    network = small()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    noise = TrainingNoise(network)
    network(images()).sum().backward()
    with (
        pytest.raises(InputError, match=r"step 2 must leave the weights .* got 0 changed"),
        noise.step(2),
    ):
        optimiser.step()


def test_memory_order_and_type_stay() -> None:
    network = small().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with TrainingNoise(network).step(0):
        weight = network[0].weight
        assert weight.is_contiguous(memory_format=torch.channels_last)
        assert (weight.dtype, weight.shape) == (torch.float32, (6, 1, 3, 3))


def test_short_form_converts_once_for_the_same_question(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    whole = module.TrainingNoise

    def counted(*args: object, **kwargs: object) -> TrainingNoise:
        made.append(args)
        return whole(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "TrainingNoise", counted)
    network, injection = small(), Injection(times_s=(DAY_S,))
    seen = []
    for step in (0, 1, 1):
        with noisy(network, step, "pcm", injection=injection):
            seen.append(network[0].weight.detach().clone())
    assert len(made) == 1
    assert torch.equal(seen[1], seen[2])
    assert not torch.equal(seen[0], seen[1])
    with noisy(network, 1, "pcm", injection=Injection(times_s=(1.0,))):
        assert not torch.equal(network[0].weight, seen[2])
    assert len(made) == 2


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.linear = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.linear(self.attention(x, x, x)[0])
        return out


def test_attention_is_refused_and_may_stay_digital() -> None:
    network, x = Attends(), torch.randn(2, 5, 8)
    with pytest.raises(InputError, match=r"network layer attention.* only the converted network"):
        TrainingNoise(network, calibrate=x)
    with pytest.warns(CoverageWarning, match=r"only 6\.7 % of the multiply-adds on tiles"):
        noise = TrainingNoise(network, calibrate=x, keep_digital=("attention*",))
    assert noise.layers == ("linear",)


def test_a_shared_weight_is_refused() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    network[2].weight = network[0].weight
    with pytest.raises(InputError, match=r"must not share a weight .*, got 0 and 2; keep one"):
        TrainingNoise(network)


def test_a_computed_weight_is_refused() -> None:
    network = nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 3)), nn.ReLU())
    with pytest.raises(
        InputError, match=r"network layer 0 must have a weight of its own .* parametri"
    ):
        TrainingNoise(network)


def test_converters_act_inside_the_block_and_learn_their_ranges() -> None:
    network = small().eval()
    x = images(64)
    noise = TrainingNoise(network, "ideal", "standard", calibrate=x)
    before = noise.input_ranges()
    assert set(before) == {"0", "5"}
    digital = network(x).detach()
    with noise.step(0):
        inside = network(x)
        inside.square().sum().backward()
    assert torch.equal(network(x), digital)
    # Eight bits and an output noise of 4 % of a full column: not the same, and not far.
    error = float((inside - digital).detach().norm() / digital.norm())
    assert 1e-3 < error < 0.3
    with noise.step(0):
        assert torch.equal(network(x), inside)
    with noise.step(1):
        assert not torch.equal(network(x), inside)
    assert all(p.grad is not None and float(p.grad) != 0 for p in noise.parameters())
    torch.optim.SGD(noise.parameters(), lr=0.01).step()
    assert noise.input_ranges() != before


def test_an_ideal_periphery_has_no_ranges() -> None:
    noise = TrainingNoise(small())
    assert (noise.parameters(), noise.input_ranges()) == ([], {})

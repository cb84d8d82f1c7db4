"""Noise around a loop of one's own: the weights inside and outside, the gradient, refusals."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from analogsim.crossbar.mapping.geometry import geometry_of
from analogsim.errors import InputError
from analogsim.hardening import noise as module
from analogsim.hardening.chips import Injection
from analogsim.hardening.noise import TrainingNoise, noisy
from analogsim.hardening.weight import Weight
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


def test_an_autocast_around_steps_takes_each_steps_weights() -> None:
    """torch keeps a parameter's bfloat16 copy to the end of the outermost autocast."""
    network, x = small().eval(), images()
    noise = TrainingNoise(network, injection=Injection(scale=3.0))

    def computed(number: int | None) -> torch.Tensor:
        if number is None:
            return network(x).detach()
        with noise.step(number):
            return network(x).detach()

    def alone(number: int | None) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return computed(number)

    orders = (None, 0, 1, None)
    with torch.autocast("cpu", torch.bfloat16):
        together = [computed(number) for number in orders]
    assert all(map(torch.equal, together, map(alone, orders)))
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together[1], together[2])


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


def test_a_pattern_that_matches_no_layer_is_refused() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    with pytest.raises(InputError, match=r"layers to harden must .*got 'conv\*'.*choose of 0, 1"):
        TrainingNoise(network, layers=("0", "conv*"))


def test_layers_alone_are_noisy_and_the_others_known() -> None:
    network = small()
    whole, noise = TrainingNoise(network), TrainingNoise(network, layers=("5",))
    before = network[0].weight.detach().clone()
    assert (whole.layers, noise.layers) == (("0", "5"), ("5",))
    assert [id(p) for p in noise.others] == [id(p) for p in network[0].parameters()]
    with whole.step(2):
        held = network[5].weight.detach().clone()
    with noise.step(2):
        assert torch.equal(network[0].weight, before)
        # The draws do not depend on what else has noise.
        assert torch.equal(network[5].weight, held)


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


def by_hand(
    network: nn.Sequential, clean: dict[str, torch.Tensor], x: torch.Tensor
) -> torch.Tensor:
    """The network with each product written twice: the gradient of inputs is the clean one's."""

    def layer(index: int, x: torch.Tensor) -> torch.Tensor:
        module = network[index]
        held, bias, weight = module.weight, module.bias, clean[f"{index}.weight"]

        def product(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
            if index == 0:
                return nn.functional.conv2d(x, w, None, padding=1)
            return nn.functional.linear(x, w)

        y, other = product(x.detach(), held), product(x, weight)
        y = y + (other - other.detach())
        return y + (bias.view(-1, 1, 1) if index == 0 else bias)

    y = network[4](network[3](network[2](network[1](layer(0, x)))))
    return layer(5, y)


def test_backward_by_clean_weights_is_what_is_written_by_hand() -> None:
    network, x = small().eval(), images()
    clean = {name: value.detach().clone() for name, value in network.named_parameters()}
    found = []
    for hand in (False, True):
        network.zero_grad()
        given = x.clone().requires_grad_()
        noise = TrainingNoise(network, "pcm", backward="noisy" if hand else "clean")
        with noise.step(3):
            y = by_hand(network, clean, given) if hand else network(given)
            nn.functional.cross_entropy(y, LABELS).backward()
        found.append([y.detach(), given.grad, *(p.grad for p in network.parameters())])
    for got, want in zip(*found, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-7)
    with TrainingNoise(network, "pcm").step(3):
        given = x.clone().requires_grad_()
        nn.functional.cross_entropy(network(given), LABELS).backward()
    # Negative control: by the noisy weights it is another.
    assert float((given.grad - found[0][1]).norm()) > 0.01 * float(found[0][1].norm())


def test_backward_by_clean_weights_passes_the_converters_too() -> None:
    """Input by input: with one layer, the gradient is the outputs' through the clean weight."""
    layer = nn.Linear(12, 5)
    network, x = nn.Sequential(layer), torch.rand(6, 12)
    noise = TrainingNoise(network, "pcm", "standard", calibrate=2 * x, backward="clean")
    given = x.clone().requires_grad_()
    with noise.step(1):
        y = network(given)
        y.sum().backward()
    torch.testing.assert_close(given.grad, torch.ones(6, 5) @ layer.weight.detach())


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(6, 4, 3, padding=1, stride=2, padding_mode="reflect"),
        nn.Conv2d(6, 4, 3, groups=2, dilation=2),
        nn.Conv1d(6, 4, 4, padding="same"),
        nn.Linear(6, 4),
    ],
    ids=str,
)
def test_a_product_with_one_weight_has_torchs_own_gradient(layer: nn.Module) -> None:
    geometry = geometry_of(layer)
    x = torch.randn(3, *((5, 6) if geometry.kind == "linear" else (6, *[9] * len(geometry.kernel))))
    for given in (x, x[0]):
        found = []
        for clean in (None, layer.weight.detach()):
            leaves = [v.detach().clone().requires_grad_() for v in (given, layer.weight)]
            y = Weight(leaves[1], clean).product(geometry, leaves[0])
            (y.sin()).sum().backward()
            found.append([y.detach(), *(leaf.grad for leaf in leaves)])
        for got, want in zip(*found, strict=True):
            torch.testing.assert_close(got, want)

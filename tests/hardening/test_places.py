"""Attention and recurrent modules in training: what the chip of that number computes."""

import dataclasses
import warnings

import pytest
import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery
from analogsim.draws.addresses import seed_of
from analogsim.errors import CoverageWarning, InputError
from analogsim.hardening.chips import Injection
from analogsim.hardening.converted import converted
from analogsim.hardening.noise import TrainingNoise

DAY_S = 86_400.0
# Bounds and IR drop; rounding would make one-step ties of errors in the last bit.
EXACT = dataclasses.replace(STANDARD, output_noise=0.0, read_noise=0.0, dac_bits=0, adc_bits=0)
INJECTION = Injection(times_s=(DAY_S,), seed=7)

# torch's own words on its own LSTM.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")


class Attends(nn.Module):
    """Attention and a linear layer, for (images, 5, 8)."""

    def __init__(self, **options: object) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, **options)  # type: ignore[arg-type]
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        k = v = x
        if not self.attention._qkv_same_embed_dim:
            k, v = x[..., :6], x[..., :4]
        out: Tensor = self.linear(self.attention(x, k, v)[0])
        return out


class Recurs(nn.Module):
    """A recurrent module and a linear layer, for (images, 5, 8)."""

    def __init__(self, kind: type[nn.Module], **options: object) -> None:
        super().__init__()
        self.cell = kind(8, 6, batch_first=True, **options)
        width = options.get("proj_size", 6)
        self.linear = nn.Linear(width * (2 if options.get("bidirectional") else 1), 3)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(self.cell(x)[0])
        return out


NETWORKS = {
    "attention": lambda: Attends(),
    "attention, widths of its own": lambda: Attends(kdim=6, vdim=4, add_bias_kv=True),
    "encoder": lambda: nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True),
    "LSTM": lambda: Recurs(nn.LSTM, num_layers=2, bidirectional=True),
    "LSTM, projected": lambda: Recurs(nn.LSTM, proj_size=4, bias=False),
    "GRU": lambda: Recurs(nn.GRU),
    "Conv1D": lambda: nn.Sequential(Conv1D(12, 8), nn.ReLU(), nn.Linear(12, 3)),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made: nn.Module = NETWORKS[request.param]()
    return made


def inputs() -> Tensor:
    return torch.randn(4, 5, 8, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("periphery", ["ideal", EXACT], ids=["ideal", "standard"])
def test_a_step_computes_what_the_chip_of_its_number_does(
    network: nn.Module, periphery: str | Periphery
) -> None:
    x, network = inputs(), network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    digital = network(x).detach()
    noise = TrainingNoise(network, "pcm", periphery, INJECTION, calibrate=x)
    with noise.step(4):
        y = network(x)
        y.sum().backward()
    analog = converted(network, "pcm", periphery, calibrate=x, input_ranges=noise.input_ranges())
    chip = program(analog, seed_of(7, "hardening"), 4).drift_(DAY_S, "global")
    with torch.no_grad():
        want = chip(x)
    assert float((y - want).detach().norm()) < 1e-5 * float(want.norm())
    assert float((digital - want).norm()) > 1e-2 * float(want.norm())
    assert set(noise.layers) == set(analog.layers)
    # The network is what it was, and every one of its own parameters has its gradient.
    assert torch.equal(network(x), digital)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert all(p.grad is not None for p in network.parameters())


def test_without_noise_gradients_are_torchs(network: nn.Module) -> None:
    """Through the layers that stand for the module, in clean mode, and through torch's own."""
    x, found = inputs(), []
    for backward in ("clean", "noisy", None):
        network.zero_grad()
        given = x.clone().requires_grad_()
        if backward is None:
            y = network(given)
            y.sin().sum().backward()
        else:
            noise = TrainingNoise(network, "pcm", calibrate=x, backward=backward)
            with noise.step(0, scale=0.0):
                y = network(given)
                y.sin().sum().backward()
        found.append([y.detach(), given.grad, *(p.grad for p in network.parameters())])
    for got, same, want in zip(*found, strict=True):
        assert torch.equal(same, want)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_a_part_of_attention_may_be_noisy_alone() -> None:
    network, x = NETWORKS["attention"](), inputs()
    for periphery in ("ideal", "standard"):
        noise = TrainingNoise(network, "pcm", periphery, calibrate=x, layers=("attention.k_proj",))
        before = network.attention.in_proj_weight.detach().clone()
        with noise.step(0):
            network(x).sum().backward()
            held = network.attention.in_proj_weight.detach()
            assert torch.equal(held[:8], before[:8])
            assert torch.equal(held[16:], before[16:])
            assert not torch.equal(held[8:16], before[8:16])


def test_attention_may_stay_digital() -> None:
    network, x = NETWORKS["attention"](), inputs()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoverageWarning)
        noise = TrainingNoise(network, calibrate=x, keep_digital=("attention*",))
    assert noise.layers == ("linear",)


def test_a_step_of_the_optimiser_inside_is_refused() -> None:
    network, x = NETWORKS["LSTM"](), inputs()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    network(x).sum().backward()
    with (
        pytest.raises(InputError, match=r"step 2 must leave the weights .* got cell.ih_l0 changed"),
        TrainingNoise(network, calibrate=x).step(2),
    ):
        optimiser.step()

"""Low-rank adapters: their product, their places, and that they stay digital on tiles."""

import pytest
import torch
from torch import nn

from analogsim.crossbar.conversion.convert import convert
from analogsim.errors import InputError
from analogsim.lowrank import adapt_, adapt_for_
from tests.hardening.networks import images, small
from tests.inputs.weight_nets import load_state_

WHERE = "weights file h.safetensors"


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(6, 9),
        nn.Conv2d(6, 9, 3, stride=2, padding=1, padding_mode="reflect"),
        nn.Conv2d(6, 9, (1, 3), dilation=2, bias=False),
        nn.Conv1d(6, 9, 5, padding="same"),
        nn.Conv2d(6, 9, 3, groups=3),
        nn.Conv1d(6, 12, 3, padding=1, groups=6),
    ],
    ids=str,
)
def test_an_adapted_layer_is_one_with_the_product_of_two_matrices_added(layer: nn.Module) -> None:
    network = adapt_(nn.Sequential(layer), ["0"], 2, seed=3)
    x, groups = torch.randn(4, 6, *(12,) * (layer.weight.dim() - 2)), getattr(layer, "groups", 1)
    assert torch.equal(network(x), layer(x)), "0 until it is trained"
    down, up = network[0].adapter.down.weight, network[0].adapter.up.weight
    with torch.no_grad():
        up.copy_(torch.randn(up.shape))
        got, whole = network(x), network[0].weight
        parts = zip(up.chunk(groups), down.chunk(groups), strict=True)
        added = torch.cat([u.flatten(1) @ d.flatten(1) for u, d in parts])
        layer.weight.add_(added.view_as(layer.weight))
        torch.testing.assert_close(got, layer(x))
        torch.testing.assert_close(whole, layer.weight)
    again = adapt_(nn.Sequential(layer), ["0"], 2, seed=3)[0].adapter.down.weight
    assert torch.equal(again, down)


class Hidden(nn.Module):
    """Products that torch hides: of an attention, and of cells."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.cell = nn.GRU(8, 6, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.cell(self.attention(x, x, x, need_weights=False)[0])[0]
        return y


HIDDEN = ("attention.k_proj", "attention.out_proj", "cell.ih_l0")


def test_layers_that_torch_hides_are_adapted_in_their_places() -> None:
    network, plain = adapt_(Hidden(), HIDDEN, 2, seed=3), Hidden()
    x = torch.randn(3, 5, 8)
    torch.testing.assert_close(network(x), plain(x), rtol=1e-5, atol=1e-6)
    ups = [network.get_submodule(name).adapter.up.weight for name in HIDDEN]
    network(x).square().sum().backward()
    assert all(float(up.grad.abs().max()) > 0 for up in ups)
    with torch.no_grad():
        for up in ups:
            up.copy_(torch.randn(up.shape))
        added = [network.get_submodule(name).adapter for name in HIDDEN]
        key, last, cell = (one.up.weight @ one.down.weight for one in added)
        # Rows of the keys in torch's packed weight.
        plain.attention.in_proj_weight[8:16] += key
        plain.attention.out_proj.weight += last
        plain.cell.weight_ih_l0 += cell
        torch.testing.assert_close(network(x), plain(x), rtol=1e-5, atol=1e-5)
        # What torch's fast paths take, which call no layer.
        torch.testing.assert_close(network.attention.in_proj_weight, plain.attention.in_proj_weight)
        loaded = Hidden(seed=1)
        assert adapt_for_(loaded, network.state_dict()).startswith("low-rank adapters (rank 2) ")
        load_state_(loaded, network.state_dict(), where=WHERE)
        assert torch.equal(loaded(x), network(x))
    analog = convert(loaded.eval(), "pcm", "ideal", calibrate=x)
    assert set(analog.layers) == {
        *(f"{name}.base" for name in HIDDEN),
        *("attention.q_proj", "attention.v_proj", "cell.hh_l0"),
    }


def test_of_groups_the_rank_is_that_of_each() -> None:
    made = adapt_(nn.Sequential(nn.Conv2d(4, 8, 3, groups=2)), ["0"], 3, seed=0)
    other = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2))
    assert adapt_for_(other, made.state_dict()).startswith("low-rank adapters (rank 3) beside 1 ")
    load_state_(other, made.state_dict(), where=WHERE)


def test_a_file_with_adapters_loads_into_the_network_without() -> None:
    made = adapt_(small(), ["0", "5"], 3, seed=1)
    with torch.no_grad():
        made[5].adapter.up.weight.fill_(0.1)
    network = small(seed=4)
    note = adapt_for_(network, made.state_dict())
    assert note.startswith("low-rank adapters (rank 3) beside 2 layers")
    load_state_(network, made.state_dict(), where=WHERE)
    assert torch.equal(network.eval()(images()), made.eval()(images()))
    assert adapt_for_(small(), small().state_dict()) == ""


def test_an_adapter_is_digital_wherever_its_layer_lies() -> None:
    network = adapt_(small().eval(), ["0", "5"], 3, seed=1)
    analog = convert(network, "pcm", "ideal", calibrate=images())
    assert set(analog.layers) == {"0.base", "5.base"}
    why = {one.name: one.why for one in analog.report if ".adapter." in one.name}
    assert set(why) == {f"{i}.adapter.{part}" for i in (0, 5) for part in ("down", "up")}
    assert all(text.startswith("of a low-rank adapter, which is digital") for text in why.values())


@pytest.mark.parametrize(
    ("network", "name", "said"),
    [
        (nn.Sequential(nn.GroupNorm(2, 4)), "0", r"layer 0 must be an nn.Linear .* got GroupNorm"),
        (nn.Linear(4, 4), "", r"inside the network .* got the network itself"),
    ],
    ids=["norm", "root"],
)
def test_what_gets_no_adapter_is_refused(network: nn.Module, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        adapt_(network, [name], 2, seed=0)

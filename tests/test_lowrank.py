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
    ],
    ids=str,
)
def test_an_adapted_layer_is_one_with_the_product_of_two_matrices_added(layer: nn.Module) -> None:
    network = adapt_(nn.Sequential(layer), ["0"], 2, seed=3)
    x = torch.randn(4, 6, *(12,) * (layer.weight.dim() - 2))
    assert torch.equal(network(x), layer(x)), "0 until it is trained"
    down, up = network[0].adapter.down.weight, network[0].adapter.up.weight
    with torch.no_grad():
        up.copy_(torch.randn(up.shape))
        got = network(x)
        whole = layer.weight + (up.flatten(1) @ down.flatten(1)).view_as(layer.weight)
        layer.weight.copy_(whole)
        torch.testing.assert_close(got, layer(x))
    again = adapt_(nn.Sequential(layer), ["0"], 2, seed=3)[0].adapter.down.weight
    assert torch.equal(again, down)


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
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)), "0", r"layer 0 must have one group.*, got 2"),
        (nn.Linear(4, 4), "", r"inside the network .* got the network itself"),
    ],
    ids=["norm", "groups", "root"],
)
def test_what_gets_no_adapter_is_refused(network: nn.Module, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        adapt_(network, [name], 2, seed=0)

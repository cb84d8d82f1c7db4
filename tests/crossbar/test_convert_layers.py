"""Which layers lie on tiles, and why the others do not."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from tests.crossbar.nets import relative_error, small_inputs, small_net


class Scaled(nn.Linear):
    """A subclass that keeps the forward pass."""


class Doubled(nn.Linear):
    """A subclass with a forward pass of its own."""

    def forward(self, x):
        return 2 * super().forward(x)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Attentive(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, **options)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.attention(x, x, x, need_weights=False)[0][:, 0])


class Selfish(nn.MultiheadAttention):
    """An attention with a forward pass of its own."""

    def forward(self, x):
        return super().forward(x, x, x)[0]


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(6, 6)
        self.b = nn.Linear(6, 6)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(self.a(x))


class Shared(nn.Module):
    """One layer under two names, called twice."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(6, 6)
        self.again = self.a

    def forward(self, x):
        return self.again(torch.relu(self.a(x)))


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.used = nn.Linear(6, 3)
        self.spare = nn.Linear(6, 3)

    def forward(self, x):
        return self.used(x)


def hooked() -> nn.Module:
    net = nn.Sequential(nn.Linear(4, 3))
    net[0].register_forward_hook(lambda m, args, out: out + 1)
    return net


def lines(net: nn.Module, x: torch.Tensor, **options):
    return {
        line.name: line for line in convert(net, "ideal", "ideal", calibrate=x, **options).report
    }


# name: network, input, {layer: (where, part of the reason)}
CASES = {
    "subclass": (nn.Sequential(Scaled(4, 3)), (2, 4), {"0": ("analog", "exact")}),
    "subclass with its own forward": (
        nn.Sequential(Doubled(4, 3), nn.Linear(3, 2)),
        (2, 4),
        {"0": ("digital", "Doubled overrides the forward pass of Linear")},
    ),
    "attention of another class": (
        nn.Sequential(nn.Linear(8, 8), Selfish(8, 2)),
        (2, 7, 8),
        {
            "0": ("analog", ""),
            "1": ("digital", "nn.MultiheadAttention reads its weights"),
            "1.out_proj": ("digital", "nn.MultiheadAttention reads its weights"),
        },
    ),
    "biases of keys and values": (
        Attentive(add_bias_kv=True),
        (2, 7, 8),
        {
            "attention.k_proj": ("analog", ""),
            "attention": ("digital", "its products are its layers'; these parameters are none of"),
        },
    ),
    "recurrent cell": (
        nn.Sequential(nn.GRUCell(5, 6), nn.Linear(6, 3)),
        (2, 5),
        {"0": ("digital", "parameters of GRUCell are not a layer"), "1": ("analog", "")},
    ),
    "LSTM": (
        Recurrent(),
        (2, 7, 5),
        {"lstm.ih_l0": ("analog", ""), "lstm.hh_l0": ("analog", ""), "head": ("analog", "")},
    ),
    "transposed": (
        nn.Sequential(nn.ConvTranspose2d(3, 4, 2), nn.Conv2d(4, 2, 1)),
        (1, 3, 5, 5),
        {"0": ("digital", "transposed convolutions are not mapped")},
    ),
    "attention": (
        Attentive(),
        (2, 7, 8),
        {
            "attention.q_proj": ("analog", ""),
            "attention.out_proj": ("analog", ""),
            "head": ("analog", ""),
        },
    ),
    "transformer layer": (
        nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)),
        (2, 7, 8),
        {
            "0.linear1": ("analog", ""),
            "0.linear2": ("analog", ""),
            "0.self_attn.k_proj": ("analog", ""),
            "0.norm1": ("digital", "normalisation stays in digital"),
        },
    ),
    "weight norm": (
        nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 3))),
        (2, 4),
        {"0": ("analog", "")},
    ),
    "hooks": (hooked(), (2, 4), {"0": ("analog", "")}),
    "tied": (
        Tied(),
        (2, 6),
        {
            "a": ("analog", "tied with b, programmed separately"),
            "b": ("analog", "tied with a, programmed separately"),
        },
    ),
    "shared": (Shared(), (2, 6), {"a": ("analog", "")}),
    "unused": (
        Unused(),
        (2, 6),
        {"used": ("analog", ""), "spare": ("analog", "not called in the forward pass")},
    ),
    "same padding": (
        nn.Sequential(nn.Conv2d(3, 4, 3, padding="same")),
        (1, 3, 5, 5),
        {"0": ("analog", "")},
    ),
    "dilation": (nn.Sequential(nn.Conv1d(3, 4, 3, dilation=2)), (1, 3, 9), {"0": ("analog", "")}),
    "grouped": (nn.Sequential(nn.Conv2d(8, 8, 3, groups=4)), (1, 8, 5, 5), {"0": ("analog", "")}),
    "depthwise": (
        nn.Sequential(nn.Conv2d(64, 64, 3, groups=64), nn.Conv2d(64, 2, 1)),
        (1, 64, 5, 5),
        {"0": ("digital", "depthwise: a tile for each channel")},
    ),
    "many groups": (
        nn.Sequential(nn.Conv2d(66, 66, 3, groups=33), nn.Conv2d(66, 2, 1)),
        (1, 66, 5, 5),
        {"0": ("digital", "33 groups would each use a small part of a tile; at most 32")},
    ),
    "three-dimensional": (
        nn.Sequential(nn.Conv3d(2, 2, 2), nn.Linear(2, 2)),
        (1, 2, 3, 3, 3),
        {"0": ("digital", "three-dimensional convolutions are not mapped")},
    ),
    "one layer is the network": (nn.Linear(4, 3), (2, 4), {"(model)": ("analog", "")}),
    "embedding": (
        nn.Sequential(nn.Linear(4, 3), nn.PReLU()),
        (2, 4),
        {"1": ("digital", "parameters of PReLU are not a layer that is mapped")},
    ),
}


@pytest.mark.filterwarnings("ignore::analogsim.errors.CoverageWarning")
@pytest.mark.parametrize("case", CASES)
def test_every_layer_is_mapped_or_named_with_its_reason(case):
    net, shape, expected = CASES[case]
    net = copy.deepcopy(net).eval()
    torch.manual_seed(0)
    x = torch.randn(shape)
    found = lines(net, x)
    assert set(expected) <= set(found)
    for name, (where, why) in expected.items():
        assert found[name].where == where
        assert why in found[name].why
        assert (found[name].tiles > 0) == (where == "analog")
    # Whatever stays digital, the network still computes the same.
    analog = convert(net, "ideal", "ideal", calibrate=x)
    with torch.no_grad():
        assert relative_error(program(analog)(x), net(x)) < 1e-5


def test_shared_layer_is_one_set_of_tiles():
    analog = convert(Shared(), "ideal", "ideal")
    assert list(analog.layers) == ["a"]
    assert analog.module.again is analog.module.a


def test_groups_have_a_tile_each():
    net = nn.Sequential(nn.Conv2d(8, 8, 3, groups=4))
    assert lines(net, torch.randn(1, 8, 5, 5))["0"].tiles == 4


def test_report_has_kind_and_shape():
    line = lines(small_net(), small_inputs())["3"]
    assert (line.kind, line.shape, line.tiles) == ("Conv2d", (32, 8, 3, 3), 2)

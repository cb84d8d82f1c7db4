import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward.engines import choose_forward
from analogsim.crossbar.mapping.periphery import IDEAL, STANDARD, Periphery
from analogsim.errors import CalibrationWarning, DeviceError, InputError
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
    "dilation": (
        nn.Sequential(nn.Conv1d(3, 4, 3, dilation=2)),
        (1, 3, 9),
        {"0": ("analog", "")},
    ),
    "grouped": (
        nn.Sequential(nn.Conv2d(8, 8, 3, groups=4)),
        (1, 8, 5, 5),
        {"0": ("analog", "")},
    ),
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


def test_the_given_network_is_not_changed():
    net = small_net().train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    convert(net, "pcm", bn="fold", calibrate=small_inputs())
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_keep_digital():
    found = lines(small_net(), small_inputs(), keep_digital=("0", "8"))
    assert found["0"].why == "kept digital by choice (0)"
    assert found["8"].where == "digital"
    assert found["3"].where == "analog"


def test_keep_digital_pattern_that_matches_nothing():
    with pytest.raises(InputError, match=r"got 'layer1\.\*'; layers: 0, 3, 5, 8"):
        convert(small_net(), periphery="ideal", keep_digital=("layer1.*",))


def test_weights_that_are_not_finite():
    net = small_net()
    net[3].weight.data[0, 0] = float("nan")
    with pytest.raises(InputError, match="layer 3: weight must be finite, got 9 NaN or infinite"):
        convert(net, "pcm", "ideal")


def test_lazy_networks():
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    with pytest.raises(InputError, match=r"got 6 lazy ones \(0\.weight\); run one batch first"):
        convert(net, "pcm", "ideal")


def test_half_precision_becomes_float32():
    net = small_net().half()
    x = small_inputs()
    chip = program(convert(net, "ideal", "ideal", calibrate=x))
    with torch.no_grad():
        assert relative_error(chip(x), copy.deepcopy(net).float()(x)) < 1e-5


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"preset": "pcn"}, DeviceError, "got 'pcn'; did you mean 'pcm'"),
        ({"periphery": "best"}, InputError, "got 'best'"),
        ({"bn": "drop"}, InputError, "bn must be one of digital, fold, .*, none, got 'drop'"),
        ({"tile": "cuda"}, InputError, "tile must be one of native, torch, cpp, got 'cuda'"),
        ({"forward": "fast"}, InputError, "forward must be one of auto, .* tile, got 'fast'"),
        ({"calibrate": []}, InputError, "at least one batch, got none"),
        ({"calibrate": ["x"]}, InputError, "got str; give tensors"),
    ],
    ids=str,
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        convert(small_net(), **options)


def test_without_data_the_ranges_are_synthetic_and_said_to_be():
    with pytest.warns(CalibrationWarning, match=r"synthetic normal inputs of shape \(3, 32, 32\)"):
        analog = convert(small_net(), "pcm")
    assert "synthetic" in analog.notes[0]
    with pytest.warns(CalibrationWarning, match=r"shape \(3, 16, 16\)"):
        convert(small_net(), "pcm", calibrate=(3, 16, 16))


def test_a_network_of_unknown_input_shape():
    net = nn.Sequential(nn.Unflatten(1, (3, 7)), nn.Linear(7, 2))
    with pytest.raises(InputError, match="no usual input shape fits Sequential"):
        convert(net, "pcm")


@pytest.mark.parametrize(
    ("edge", "tile", "asked", "how"),
    [
        (IDEAL, "native", "auto", "native"),
        (STANDARD, "native", "auto", "native"),
        (STANDARD, "native", "native", "native"),
        (Periphery(name="d", input_scaling="dynamic"), "native", "auto", "native"),
        (IDEAL, "torch", "auto", "native"),
        (STANDARD, "torch", "auto", "native"),
        (STANDARD, "torch", "tile", "tile"),
        (Periphery(name="d", input_scaling="dynamic"), "torch", "auto", "tile"),
        (STANDARD, "cpp", "auto", "tile"),
        (IDEAL, "cpp", "auto", "tile"),
        (IDEAL, "cpp", "native", "native"),
    ],
    ids=str,
)
def test_native_only_where_it_computes_the_same(edge, tile, asked, how):
    assert choose_forward(edge, tile, asked)[0] == how


@pytest.mark.parametrize(
    ("edge", "tile", "why"),
    [
        (Periphery(name="d", input_scaling="dynamic"), "torch", "couples the images of a batch"),
        (STANDARD, "cpp", "C.. tile by choice"),
    ],
    ids=["dynamic", "cpp"],
)
def test_native_is_refused_where_it_would_change_the_meaning(edge, tile, why):
    with pytest.raises(InputError, match=why):
        choose_forward(edge, tile, "native")


def test_the_table_says_how_each_layer_computes():
    assert "ideal periphery" in lines(small_net(), small_inputs())["0"].why
    assert "by choice" in lines(small_net(), small_inputs(), tile="torch", forward="tile")["0"].why


def test_folding_follows_the_execution_order_and_is_exact():
    class Crossed(nn.Module):
        """BatchNorm layers registered crosswise to the order in which they run."""

        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 6, 3)
            self.conv2 = nn.Conv2d(6, 6, 3)
            self.bn_b = nn.BatchNorm2d(6)
            self.bn_a = nn.BatchNorm2d(6)

        def forward(self, x):
            return self.bn_b(self.conv2(torch.relu(self.bn_a(self.conv1(x))))).mean((2, 3))

    torch.manual_seed(0)
    net = Crossed().eval()
    for bn in (net.bn_a, net.bn_b):
        nn.init.normal_(bn.running_mean)
        nn.init.uniform_(bn.running_var, 0.5, 3.0)
        nn.init.normal_(bn.weight)
    x = small_inputs()
    analog = convert(net, "ideal", "ideal", bn="fold", calibrate=x)
    assert set(analog.folded) == {("conv1", "bn_a"), ("conv2", "bn_b")}
    assert "bn_a folded in" in {line.name: line for line in analog.report}["conv1"].why
    with torch.no_grad():
        assert relative_error(program(analog)(x), net(x)) < 1e-5


def test_digital_batchnorm_joins_its_layers_factors_and_is_exact():
    net, x = small_net(), small_inputs()
    analog = convert(net, "ideal", "ideal", calibrate=x)
    assert analog.merged == (("0", "1"),)
    line = {line.name: line for line in analog.report}["1"]
    assert line.where == "digital"
    assert line.why == "normalisation stays in digital periphery, with the factors of 0"
    with torch.no_grad():
        assert relative_error(program(analog)(x), net(x)) < 1e-5
    # On aihwkit's tiles the BatchNorm is computed by itself, with the same result.
    tiles = program(convert(net, "ideal", "ideal", calibrate=x, tile="torch", forward="tile"))
    assert isinstance(tiles.module[1], nn.BatchNorm2d)
    with torch.no_grad():
        assert relative_error(tiles(x), net(x)) < 1e-5


def test_bfloat16_is_close_and_only_for_an_ideal_periphery():
    net, x = small_net(), small_inputs()
    exact = program(convert(net, "pcm", "ideal", calibrate=x)).drift_(3600.0)
    rounded = program(convert(net, "pcm", "ideal", calibrate=x, forward="native-bf16"))
    with torch.no_grad():
        got = rounded.drift_(3600.0)(x)
        assert got.dtype == torch.float32
        # bfloat16 has 8 bits: about 1 % of the logits after a few layers.
        assert 1e-4 < relative_error(got, exact(x)) < 2e-2
    # Nothing else is rounded: the tiles hold the same weights.
    for name, layer in rounded.layers.items():
        for ours, theirs in zip(layer.tiles, exact.layers[name].tiles, strict=True):
            assert torch.equal(ours.weights, theirs.weights)
    with pytest.raises(InputError, match="ideal periphery, got 'standard'"):
        convert(net, "pcm", calibrate=x, forward="native-bf16")

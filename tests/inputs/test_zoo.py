"""The zoo: shapes, names of public checkpoints, counts from the papers, norm by stage."""

import pytest
import torch
from torch import nn

from analogsim.batchnorm.layers import TopKBatchNorm2d
from analogsim.errors import InputError
from analogsim.inputs.norms import NORMS, batch, first_stages, n_groups, none
from analogsim.inputs.resnet import CifarResNet, Shortcut
from analogsim.inputs.zoo import ZOO, ZooChoice, parse_zoo
from tests.inputs.weight_nets import load_state_


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ZOO)
def test_every_network_maps_its_images_to_its_classes(name: str, norm: str) -> None:
    choice = parse_zoo(f"zoo:{name}?norm={norm}&classes=7")
    images = torch.zeros(2, *choice.network.input_shape)
    with torch.no_grad():
        assert choice.build().eval()(images).shape == (2, 7)


# He et al. 2016, table 6 (0.27 M, 0.46 M, 0.66 M, 0.85 M); exact counts of option A by hand.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("resnet20", 269_722), ("resnet32", 464_154), ("resnet44", 658_586), ("resnet56", 853_018)],
)
def test_resnets_have_the_papers_size(name: str, parameters: int) -> None:
    network = parse_zoo(f"zoo:{name}").build()
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_resnet_parameters_have_the_names_of_public_checkpoints() -> None:
    names = list(parse_zoo("zoo:resnet20").build().state_dict())
    assert names[:2] == ["conv1.weight", "bn1.weight"]
    assert {
        "layer1.0.conv1.weight",
        "layer2.0.bn2.running_var",
        "layer3.2.conv2.weight",
        "linear.weight",
        "linear.bias",
    } <= set(names)
    assert not [name for name in names if "shortcut" in name or name.endswith("conv1.bias")]


@pytest.mark.parametrize(("name", "convolutions"), [("resnet20", 19), ("vgg16", 13)])
def test_without_norm_there_is_none_and_every_convolution_has_a_bias(
    name: str, convolutions: int
) -> None:
    layers = list(parse_zoo(f"zoo:{name}?norm=none").build().modules())
    found = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    assert len(found) == convolutions
    assert all(layer.bias is not None for layer in found)
    assert not [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]


def test_option_a_takes_every_second_pixel_and_pads_the_maps() -> None:
    maps = torch.arange(2 * 16 * 4 * 4, dtype=torch.float32).reshape(2, 16, 4, 4)
    short = Shortcut(16)(maps)
    assert short.shape == (2, 32, 2, 2)
    assert torch.equal(short[:, 8:24], maps[:, :, ::2, ::2])
    assert not short[:, :8].any()
    assert not short[:, 24:].any()


@pytest.mark.parametrize(("last", "norms"), [(0, 0), (1, 7), (2, 13), (3, 19)])
def test_norm_can_be_kept_to_the_first_stages(last: int, norms: int) -> None:
    network = CifarResNet(blocks=3, norm=first_stages(batch, last), classes=10)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(layers) == norms
    assert (network.conv1.bias is None) == (last > 0)
    with torch.no_grad():
        assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


@pytest.mark.parametrize("name", ZOO)
def test_the_norm_factory_is_asked_for_each_stage_in_order(name: str) -> None:
    asked: list[int] = []

    def record(stage: int, channels: int) -> nn.Module | None:
        asked.append(stage)
        return None

    ZOO[name].build(norm=record, classes=10)
    assert asked == sorted(asked)
    assert set(asked) == set(range(1, ZOO[name].stages + 1))


def test_residual_branches_without_norm_start_smaller() -> None:
    # 27 branches: std of He's start (fan-in 16 * 9) over sqrt(27). n = 2304 weights a layer and
    # 9 layers, so the relative standard error is 1 / sqrt(2 * 20736) = 0.0049; 4 of them: 0.02.
    torch.manual_seed(0)
    network = CifarResNet(blocks=9, norm=none, classes=10)
    second = torch.cat([block.conv2.weight.flatten() for block in network.layer1])
    expected = (2 / (16 * 9)) ** 0.5 / 27**0.5
    assert float(second.detach().std()) == pytest.approx(expected, rel=0.02)
    first = torch.cat([block.conv1.weight.flatten() for block in network.layer1])
    assert float(first.detach().std()) == pytest.approx(expected * 27**0.5, rel=0.02)


def test_without_norm_the_deepest_network_keeps_its_activations_bounded() -> None:
    torch.manual_seed(0)
    network = parse_zoo("zoo:resnet56?norm=none").build().eval()
    with torch.no_grad():
        spread = float(network(torch.randn(16, 3, 32, 32)).std())
    # Unscaled branches would double the variance 27 times: a spread of order 10^4.
    assert 0.1 < spread < 10


def test_a_choice_names_itself() -> None:
    choice = parse_zoo("zoo:resnet20?classes=100")
    assert choice == ZooChoice(name="resnet20", norm="batch", classes=100)
    assert parse_zoo(choice.spec) == choice


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("zoo:resnet20?stages=0", "zoo:resnet20?norm=none&classes=10"),
        ("zoo:resnet20?norm=none&stages=0", "zoo:resnet20?norm=none&classes=10"),
        ("zoo:resnet20?stages=3", "zoo:resnet20?norm=batch&classes=10"),
        ("zoo:vgg16?stages=3&norm=l1", "zoo:vgg16?norm=l1&stages=3&classes=10"),
    ],
    ids=["no stage", "none", "all", "some"],
)
def test_the_same_network_has_one_name(text: str, spec: str) -> None:
    choice = parse_zoo(text)
    assert choice.spec == spec
    assert parse_zoo(spec) == choice


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ("zoo:resnet20", {1: 7, 2: 13, 3: 19}),
        ("zoo:vgg16", {3: 7}),
        ("zoo:digits_cnn", {1: 1, 2: 2, 3: 3}),
    ],
)
@pytest.mark.parametrize(("norm", "kind"), [("batch", nn.BatchNorm2d), ("topk", TopKBatchNorm2d)])
def test_the_first_stages_have_it_and_no_other(
    spec: str, counts: dict[int, int], norm: str, kind: type[nn.Module]
) -> None:
    for stages, count in counts.items():
        network = parse_zoo(f"{spec}?norm={norm}&stages={stages}").build()
        names = [name for name, m in network.named_modules() if isinstance(m, kind)]
        assert len(names) == count


def test_stages_without_norm_start_as_in_the_network_without() -> None:
    # He's std (fan-in 64 * 9) over sqrt(9 branches). n = 3 * 36864 weights: the relative standard
    # error is 1 / sqrt(2 n) = 0.0021; 5 of them: 0.011.
    he = (2 / (64 * 9)) ** 0.5
    for text, expected in (
        ("norm=batch&stages=2", he / 3),
        ("norm=none", he / 3),
        ("norm=batch", he),
        ("norm=l1", he),
    ):
        torch.manual_seed(0)
        network = parse_zoo(f"zoo:resnet20?{text}").build()
        weights = torch.cat([block.conv2.weight.flatten() for block in network.layer3])
        assert weights.std().item() == pytest.approx(expected, rel=0.011)


def test_shipped_weights_are_of_whole_networks_only() -> None:
    assert parse_zoo("zoo:digits_cnn?stages=3").shipped_weights is not None
    assert parse_zoo("zoo:digits_cnn?stages=2").shipped_weights is None
    assert parse_zoo("zoo:digits_cnn?norm=l1").shipped_weights is None


@pytest.mark.parametrize(
    ("norm", "said"),
    [
        ("none", r"12 unexpected \(bn1\.weight"),
        ("l1", r"3 unexpected \(bn1\.running_var"),
        ("topk", r"3 unexpected \(bn1\.running_var"),
        ("group", r"6 unexpected \(bn1\.running_mean"),
        ("batch&stages=2", r"4 unexpected \(bn3\.weight"),
    ],
)
def test_weights_with_batchnorm_load_nowhere_else(norm: str, said: str) -> None:
    weights = parse_zoo("zoo:digits_cnn").build().state_dict()
    network = parse_zoo(f"zoo:digits_cnn?norm={norm}").build()
    with pytest.raises(InputError, match=rf"weights must fit the model, got .*{said}.*; choose"):
        load_state_(network, weights, where="weights")


def test_l1_and_topk_weights_are_not_taken_for_each_other() -> None:
    weights = parse_zoo("zoo:digits_cnn?norm=l1").build().state_dict()
    network = parse_zoo("zoo:digits_cnn?norm=topk").build()
    with pytest.raises(InputError, match=r"3 missing \(bn1.running_topk_scale.*3 unexpected"):
        load_state_(network, weights, where="weights")


@pytest.mark.parametrize(
    ("channels", "groups"), [(16, 8), (64, 8), (8, 8), (12, 6), (10, 5), (7, 7), (11, 1)]
)
def test_groupnorm_has_eight_groups_or_the_largest_divisor_below(
    channels: int, groups: int
) -> None:
    assert n_groups(channels) == groups
    layer = NORMS["group"](stage=1, channels=channels)
    assert isinstance(layer, nn.GroupNorm)
    assert (layer.num_groups, layer.num_channels) == (groups, channels)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "zoo:resnt20",
            r"model 'zoo:resnt20' name must be one of digits_cnn, resnet20, .*, vgg16, got "
            r"'resnt20'; did you mean 'resnet20'\?",
        ),
        ("zoo:", r"name must be one of digits_cnn, .*, got ''"),
        (
            "zoo:resnet20?norm=bacth",
            r"option norm must be one of batch, none, l1, topk, group, got 'bacth'; did you mean "
            r"'batch'\?",
        ),
        ("zoo:vgg16?depth=3", r"option must be one of classes, norm, stages, got 'depth'"),
        (
            "zoo:resnet20?stages=4",
            r"resnet20.stages=4' option stages must be a whole number from 0 to 3, got '4'; change",
        ),
        ("zoo:vgg16?stages=-1", r"option stages must be a whole number from 0 to 5, got '-1'"),
        (
            "zoo:vgg16?norm=none&stages=2",
            r"option stages must be 0 with norm=none, got 2; leave it out, or say",
        ),
        ("zoo:vgg16?classes=1", r"classes must be a whole number from 2 to 100000, got '1'"),
    ],
    ids=["name", "no name", "norm", "option", "too many", "negative", "of none", "classes"],
)
def test_unknown_names_and_options_are_refused(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_zoo(spec)

"""Which name of a file is which name of a network: prefixes, on either side and in the middle."""

import pytest
import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from analogsim.inputs.state import load_state_with_notes_
from tests.inputs.weight_nets import Block, Net, Wrapped, assert_values, loaded, under, weights_of

PREFIXES = [
    *("", "module.", "model.", "net.", "backbone.", "encoder.", "_orig_mod.", "x.y.z."),
    *("_fsdp_wrapped_module.", "module._orig_mod.", "model.module.", "model.backbone.module."),
    *("_orig_mod.module.model.", "student.", "teacher.backbone.", "model.0.", "layer1.", "fc."),
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_any_prefix_of_the_file_is_taken_off(prefix: str) -> None:
    weights = weights_of()
    assert_values(loaded(Net(), under(prefix, weights)), weights)


@pytest.mark.parametrize("prefix", ["", "module.", "lit.model."])
@pytest.mark.parametrize("name", ["model", "module", "net", "_orig_mod", "backbone", "0"])
def test_a_prefix_that_only_the_network_has_is_added(name: str, prefix: str) -> None:
    weights = weights_of()
    assert_values(loaded(Wrapped(name, Net()), under(prefix, weights)), weights)


@pytest.mark.parametrize("inner", ["model", "module", "net"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "model.module.", "net."])
def test_a_network_with_a_part_called_like_a_wrapper_keeps_its_names(
    prefix: str, inner: str
) -> None:
    class Outer(Wrapped):
        def __init__(self) -> None:
            super().__init__(inner, Net())
            self.head = nn.Linear(3, 2)

    weights = weights_of(Outer)
    assert_values(loaded(Outer(), under(prefix, weights)), weights)


@pytest.mark.parametrize(
    ("place", "wrapper"),
    [
        ("layer1.", "_orig_mod."),
        ("layer1.0.", "_fsdp_wrapped_module."),
        ("layer1.0.", "_checkpoint_wrapped_module."),
        ("layer1.0.conv.", "_fsdp_wrapped_module._checkpoint_wrapped_module."),
        ("layer2.", "module."),
        ("layer2.1.", "_orig_mod.module."),
        ("fc.", "module._orig_mod."),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model._fsdp_wrapped_module."])
@pytest.mark.parametrize("side", ["file", "network"])
def test_wrappers_in_the_middle_of_names_are_seen_through(
    place: str, wrapper: str, prefix: str, side: str
) -> None:
    weights = weights_of()
    wrapped = {
        prefix + (place + wrapper + key.removeprefix(place) if key.startswith(place) else key): t
        for key, t in weights.items()
    }
    if side == "file":
        assert_values(loaded(Net(), wrapped), weights)
        return
    network = Net()
    *path, last = place.removesuffix(".").split(".")
    inner = network.get_submodule(place.removesuffix("."))
    for name in reversed(wrapper.removesuffix(".").split(".")):
        inner = Wrapped(name, inner)
    network.get_submodule(".".join(path)).add_module(last, inner)
    assert_values(loaded(network, under(prefix, weights)), weights)


@pytest.mark.parametrize(
    ("network", "weights", "notes"),
    [
        (Net(), weights_of(), ()),
        (Net(), under("module.", weights_of()), ()),
        (Net(), under("_orig_mod.module.", weights_of()), ()),
        (Net(), under("net.", weights_of()), ("names in the file begin with 'net.'",)),
        (Wrapped("model", Net()), weights_of(), ("names in the file lack 'model.'",)),
        (
            Wrapped("model", Net()),
            under("net.", weights_of()),
            ("names in the file begin with 'net.'", "names in the file lack 'model.'"),
        ),
        (
            Net(),
            {key.replace("layer1.", "layer1.module."): t for key, t in weights_of().items()},
            ("names in the file compared without the wrappers' 'module'",),
        ),
    ],
    ids=["none", "parallel", "compiled", "net", "network's", "both", "middle"],
)
def test_what_was_taken_off_is_said(
    network: nn.Module, weights: dict[str, Tensor], notes: tuple[str, ...]
) -> None:
    assert load_state_with_notes_(network, weights, where="f") == notes


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("student.", "teacher."),
        ("module.encoder_q.", "module.encoder_k."),
        ("online_model.", "ema_model.module."),
        ("encoder.", "momentum_encoder."),
        ("0.", "1."),
    ],
)
def test_two_copies_of_the_network_are_refused_and_both_named(first: str, second: str) -> None:
    weights = under(first, weights_of()) | under(second, weights_of(seed=2))
    message = rf"the network once, got different weights under '{first}' and '{second}'; save one"
    with pytest.raises(InputError, match=message):
        loaded(Net(), weights)


def test_two_copies_with_equal_values_are_one() -> None:
    weights = weights_of()
    both = under("module.model.", weights) | under("module.attacker.model.", weights)
    assert_values(loaded(Net(), both), weights)


def test_of_two_copies_the_one_under_the_networks_own_names_is_taken() -> None:
    weights = weights_of()
    both = under("teacher.", weights_of(seed=2)) | weights
    network = Net()
    notes = load_state_with_notes_(network, both, where="f")
    assert_values(network.state_dict(), weights)
    counters = sum("num_batches" in key for key in weights)
    count = len(weights) - counters
    assert notes == (
        f"{count} tensors of the file left out (teacher.layer1.0.conv.weight, "
        f"teacher.layer1.0.bn.weight, teacher.layer1.0.bn.bias and {count - 3} more)",
    )


def test_of_two_copies_the_one_of_the_right_shape_is_taken() -> None:
    class Wide(Net):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(5, 3)

    weights = weights_of()
    both = under("big.", weights_of(Wide)) | under("small.", weights)
    assert_values(loaded(Net(), both), weights)


def test_one_block_of_a_network_is_not_the_network() -> None:
    """Every block of the file fits the network, and none of them is meant."""
    with pytest.raises(
        InputError, match=r"got different weights under 'layer1\.0\.' and 'layer1\.1"
    ):
        loaded(Block(), weights_of())


@pytest.mark.parametrize(
    ("network", "names"),
    [
        (nn.Sequential(nn.Linear(8, 4)), ["fc"]),
        (nn.Linear(8, 4), ["fc"]),
        (nn.Linear(8, 4), ["model.0"]),
        (nn.Sequential(nn.Linear(8, 4)), ["model", "criterion"]),
    ],
)
def test_a_single_layer_may_have_any_name(network: nn.Module, names: list[str]) -> None:
    wanted = {"weight": torch.randn(4, 8), "bias": torch.randn(4)}
    file = {key: t for name in names[:1] for key, t in under(f"{name}.", wanted).items()}
    file |= {f"{name}.weight": torch.ones(4) for name in names[1:]}
    assert_values(loaded(network, file), wanted)


@pytest.mark.parametrize("network", [nn.Linear(8, 4), nn.Sequential(nn.Linear(8, 4))])
@pytest.mark.parametrize("other", ["decoder", "fc2", "2"])
def test_one_layer_of_a_file_is_not_taken_for_a_single_layer(
    network: nn.Module, other: str
) -> None:
    file = under("encoder.", {"weight": torch.randn(4, 8), "bias": torch.randn(4)})
    file |= under(f"{other}.", {"weight": torch.randn(8, 4), "bias": torch.randn(8)})
    message = rf"got 2 unexpected \({other}\.weight, {other}\.bias\); choose"
    with pytest.raises(InputError, match=message):
        loaded(network, file)


def test_two_copies_are_two_where_the_network_has_more_that_it_does_not_need() -> None:
    class Outer(Wrapped):
        def __init__(self) -> None:
            super().__init__("net", Net())
            self.register_buffer("table", torch.arange(3))

    weights = weights_of()
    network = Outer()
    assert load_state_with_notes_(network, under("x.", weights), where="f")[0].endswith("'x.'")
    assert_values(network.net.state_dict(), weights)
    both = under("x.", weights) | under("y.", weights_of(seed=2))
    with pytest.raises(InputError, match=r"got different weights under 'x\.' and 'y\.'; save"):
        loaded(Outer(), both)

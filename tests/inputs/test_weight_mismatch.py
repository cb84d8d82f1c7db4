"""Weights that do not fit a network: what is said, and what would mend it."""

import pytest
import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from tests.inputs.weight_nets import Block, Net, Wrapped, assert_values, loaded, under, weights_of


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"lora_A.weight": torch.ones(1, 2), "lora_B.weight": torch.ones(3, 1)},
            r"2 unexpected \(fc\.lora_A\.weight, .*\); merge the adapter into the weights before",
        ),
        (
            {"parametrizations.weight.original": torch.ones(3, 2), "weight": None},
            r"1 missing \(fc\.weight\); .*; call torch\.nn\.utils\.parametrize\.remove_parametriz",
        ),
        (
            {"weight_g": torch.ones(3, 1), "weight_v": torch.ones(3, 2), "weight": None},
            r"2 unexpected \(fc\.weight_g, fc\.weight_v\); call torch\.nn\.utils\.remove_weight_no",
        ),
        (
            {"weight_orig": torch.ones(3, 2), "weight_mask": torch.ones(3, 2), "weight": None},
            r"2 unexpected \(fc\.weight_orig, .*; call torch\.nn\.utils\.prune\.remove before sa",
        ),
        (
            {"weight_orig": torch.ones(3, 2), "weight_u": torch.ones(3), "weight": None},
            r"2 unexpected \(fc\.weight_orig, .*; call torch\.nn\.utils\.remove_spectral_norm or",
        ),
        (
            {"scale": torch.ones(1), "zero_point": torch.zeros(1, dtype=torch.int64)},
            r"2 unexpected \(fc\.scale, fc\.zero_point\); save the weights before quantisation",
        ),
        ({"weight": torch.ones(2, 3)}, r"got 1 mis-shaped \(fc\.weight \(2, 3\) instead of \(3, 2"),
    ],
    ids=["lora", "parametrized", "weight norm", "pruned", "spectral", "quantised", "transposed"],
)
def test_what_was_done_to_the_weights_is_refused_with_what_undoes_it(
    change: dict[str, Tensor | None], message: str
) -> None:
    changed = weights_of() | under("fc.", change)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        loaded(Net(), {key: t for key, t in changed.items() if t is not None})


def test_parametrizations_that_the_network_has_are_loaded() -> None:
    def make() -> nn.Module:
        network = Net()
        nn.utils.parametrizations.weight_norm(network.fc)
        return network

    weights = weights_of(make)
    assert "fc.parametrizations.weight.original1" in weights
    assert_values(loaded(make(), under("model.", weights)), weights)


def test_nothing_in_common_is_refused() -> None:
    message = (
        r"got 22 missing \(layer1\.0\.conv\.weight, layer1\.0\.bn\.weight, layer1\.0\.bn\.bias and "
        r"19 more\); 1 unexpected \(x\.weight\); choose"
    )
    with pytest.raises(InputError, match=message):
        loaded(Net(), {"x.weight": torch.ones(2)})


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_of_a_file_of_one_part_what_is_missing_is_named(prefix: str) -> None:
    class Outer(Wrapped):
        def __init__(self) -> None:
            super().__init__("backbone", nn.Sequential(Block(), Block()))
            self.head = nn.Linear(3, 2)

    part = nn.Sequential(Block(), Block(), nn.Linear(2, 2))
    message = (
        r"got 2 missing \(head\.weight, head\.bias\); "
        r"2 unexpected \(2\.weight, 2\.bias\); choose the model that these weights were trained in$"
    )
    with pytest.raises(InputError, match=message):
        loaded(Outer(), under(prefix, weights_of(lambda: part)))


def test_a_network_without_weights_takes_no_file() -> None:
    with pytest.raises(InputError, match=r"must fit the model, got 1 unexpected \(x\.weight\)"):
        loaded(nn.ReLU(), {"x.weight": torch.ones(2)})

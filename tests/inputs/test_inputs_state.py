"""Fitting named tensors into a network."""

import math

import pytest
import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from tests.inputs.weight_nets import load_state_


class Small(nn.Module):
    """A convolution, a BatchNorm and a linear layer."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.bn = nn.BatchNorm2d(2)
        self.linear = nn.Linear(4, classes)
        self.register_buffer("table", torch.arange(5))


def weights_of(seed: int, classes: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return Small(classes).state_dict()


def load(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return load_state_(Small(), weights, where="weights file f.pt").state_dict()


def assert_loaded(got: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
    assert got.keys() == weights.keys()
    assert all(torch.equal(got[key], weights[key]) for key in weights)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_prefixes_are_taken_off(prefix: str) -> None:
    weights = weights_of(1)
    assert_loaded(load({prefix + key: value for key, value in weights.items()}), weights)


def test_a_network_with_a_part_called_model_keeps_its_names() -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = nn.Linear(2, 2)

    weights = {"model.weight": torch.ones(2, 2), "model.bias": torch.ones(2)}
    got = load_state_(Outer(), weights, where="f").state_dict()
    assert_loaded(got, weights)


def test_counters_and_integer_tables_may_be_missing() -> None:
    weights = weights_of(1)
    del weights["bn.num_batches_tracked"], weights["table"]
    got = load(weights)
    assert all(torch.equal(got[key], weights[key]) for key in weights)
    assert torch.equal(got["table"], torch.arange(5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_cast(dtype: torch.dtype) -> None:
    weights = weights_of(1)
    weights["conv.weight"] = weights["conv.weight"].to(dtype)
    got = load(weights)["conv.weight"]
    assert got.dtype == torch.float32
    assert torch.equal(got, weights["conv.weight"].float())


def test_a_mismatch_lists_the_first_few_keys_and_counts_the_rest() -> None:
    weights = weights_of(1)
    renamed = {f"x.{key}" if "bn" in key else key: value for key, value in weights.items()}
    renamed["conv.weight"] = torch.zeros(2, 1, 5, 5)
    message = (
        r"weights file f\.pt must fit the model, got "
        r"4 missing \(bn\.weight, bn\.bias, bn\.running_mean and 1 more\); "
        r"4 unexpected \(x\.bn\.weight, x\.bn\.bias, x\.bn\.running_mean and 1 more\); "
        r"1 mis-shaped \(conv\.weight \(2, 1, 5, 5\) instead of \(2, 1, 3, 3\)\); choose"
    )
    with pytest.raises(InputError, match=message):
        load(renamed)


def test_missing_running_statistics_are_not_harmless() -> None:
    weights = weights_of(1)
    del weights["bn.running_var"]
    with pytest.raises(InputError, match=r"1 missing \(bn\.running_var\)"):
        load(weights)


def test_a_wrong_class_count_is_said_as_such() -> None:
    message = (
        r"f\.pt class count must be the model's 3, got 7 \(the shape of linear\.weight\); "
        r"ask for a model with 7 classes \(zoo:NAME\?classes=7\)"
    )
    with pytest.raises(InputError, match=message):
        load(weights_of(1, classes=7))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused_by_name(bad: float) -> None:
    weights = weights_of(1)
    weights["linear.weight"][0, 1] = bad
    weights["bn.running_var"][1] = bad
    message = (
        r"f\.pt values must be finite, got NaN or infinity in bn\.running_var \(1 of 2 values\), "
        r"linear\.weight \(1 of 12 values\); use weights"
    )
    with pytest.raises(InputError, match=message):
        load(weights)


def test_a_value_that_overflows_the_models_precision_is_refused() -> None:
    weights = weights_of(1)
    weights["linear.bias"] = torch.full((3,), 1e300, dtype=torch.float64)
    with pytest.raises(InputError, match=r"NaN or infinity in linear\.bias \(3 of 3 values\)"):
        load(weights)


def test_integer_weights_are_refused() -> None:
    weights = weights_of(1)
    weights["linear.weight"] = torch.ones(3, 4, dtype=torch.int8)
    message = r"tensors must be floating point, got linear\.weight \(torch\.int8\); save"
    with pytest.raises(InputError, match=message):
        load(weights)


def test_nothing_is_copied_when_something_does_not_fit() -> None:
    torch.manual_seed(0)
    network = Small()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(InputError, match="3, got 7"):
        load_state_(network, weights_of(1, classes=7), where="f")
    assert_loaded(network.state_dict(), before)

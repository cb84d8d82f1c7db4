"""Types of numbers: what a cast costs is said, and what is no plain weight is refused."""

import pytest
import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from analogsim.inputs.state import load_state_with_notes_
from tests.inputs.weight_nets import load_state_


class Net(nn.Module):
    """A linear layer and a table of whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.register_buffer("table", torch.arange(4))


def weights(dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    torch.manual_seed(1)
    values = {"fc.weight": torch.randn(3, 2, dtype=torch.float64) * 2, "fc.bias": torch.ones(3)}
    return {key: value.to(dtype) for key, value in values.items()} | {"table": torch.arange(4)}


BYTES = ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"]


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", *BYTES])
def test_narrower_numbers_are_widened_exactly_and_without_a_word(name: str) -> None:
    file = weights(getattr(torch, name))
    network = Net()
    assert load_state_with_notes_(network, file, where="f") == ()
    assert network.fc.weight.dtype == torch.float32
    assert torch.equal(network.fc.weight.detach().double(), file["fc.weight"].double())


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_wider_numbers_are_rounded_and_that_is_said(name: str) -> None:
    dtype = getattr(torch, name)
    network = Net().to(dtype)
    notes = load_state_with_notes_(network, weights(torch.float64), where="f")
    # The bias is exact in any type.
    assert notes == (f"1 tensor rounded from float64 to {name}",)
    assert torch.equal(network.fc.weight.detach(), weights(torch.float64)["fc.weight"].to(dtype))


def test_wider_numbers_that_lose_nothing_are_not_mentioned() -> None:
    file = {key: t.double() if t.is_floating_point() else t for key, t in weights().items()}
    assert load_state_with_notes_(Net(), file, where="f") == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"fc.bias": torch.ones(3, dtype=torch.int8)},
            r"point, got fc\.bias \(torch\.int8\); save",
        ),
        (
            {"fc.bias": torch.ones(3, dtype=torch.bool)},
            r"point, got fc\.bias \(torch\.bool\); save",
        ),
        (
            {"fc.bias": torch.ones(3, dtype=torch.complex64)},
            r"must be real, got complex ones in fc\.bias \(torch\.complex64\); choose the model",
        ),
        (
            {"table": torch.tensor([0.0, 1.5, 2.0, 3.0])},
            r"whole numbers where the model does, got other values in table \(torch\.float32\)",
        ),
        (
            {"table": torch.ones(4, dtype=torch.complex64) * 1j},
            r"must be real, got complex ones in table \(torch\.complex64\); choose the model",
        ),
        (
            {"fc.bias": torch.full((3,), 1e300, dtype=torch.float64)},
            r"NaN or infinity in fc\.bias \(3 of 3 values\)",
        ),
    ],
    ids=["int8", "bool", "complex", "broken table", "complex table", "overflow"],
)
def test_other_types_are_refused(change: dict[str, Tensor], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_state_(Net(), weights() | change, where="f")


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.float32])
def test_a_table_in_another_type_is_cast_where_its_values_stay(dtype: torch.dtype) -> None:
    file = weights() | {"table": torch.tensor([3, 2, 1, 0], dtype=dtype)}
    assert load_state_(Net(), file, where="f").state_dict()["table"].tolist() == [3, 2, 1, 0]


class Spectral(nn.Module):
    """Complex weights, as in layers that work on a spectrum."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(2, 2, dtype=torch.complex64))


def test_complex_weights_of_the_network_are_needed_and_loaded() -> None:
    file = {"weights": torch.randn(2, 2, dtype=torch.complex64)}
    got = load_state_(Spectral(), file, where="f").state_dict()["weights"]
    assert torch.equal(got, file["weights"])
    with pytest.raises(InputError, match=r"got 1 missing \(weights\)"):
        load_state_(Spectral(), {"x": torch.ones(1)}, where="f")
    with pytest.raises(InputError, match=r"must be floating point, got weights \(torch\.int8\)"):
        load_state_(Spectral(), {"weights": torch.ones(2, 2, dtype=torch.int8)}, where="f")


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)
        self.second.weight = self.first.weight


@pytest.mark.parametrize("without", ["first.weight", "second.weight", None])
def test_one_name_of_a_shared_tensor_is_enough(without: str | None) -> None:
    file = {key: torch.randn_like(t) for key, t in Tied().state_dict().items()}
    file["second.weight"] = file["first.weight"].clone()
    wanted = file["first.weight"].clone()
    file.pop(str(without), None)
    got = load_state_(Tied(), file, where="f").state_dict()
    assert torch.equal(got["first.weight"], wanted)
    assert torch.equal(got["second.weight"], wanted)


def test_different_values_for_a_shared_tensor_are_refused() -> None:
    file = {key: torch.randn_like(t) for key, t in Tied().state_dict().items()}
    message = r"for a tensor that the model shares, got different ones for first\.weight and second"
    with pytest.raises(InputError, match=message):
        load_state_(Tied(), file, where="f")


def test_a_file_of_the_networks_own_start_is_noticed() -> None:
    network = Net()
    file = {key: t.clone() for key, t in network.state_dict().items()}
    start = "every value is the one that the network starts with"
    assert load_state_with_notes_(network, file, where="f") == (start,)
    file["fc.bias"][0] += 1
    assert load_state_with_notes_(network, file, where="f") == ()


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_layer_whose_values_are_all_equal_is_named(value: float) -> None:
    file = weights() | {"fc.weight": torch.full((3, 2), value)}
    assert load_state_with_notes_(Net(), file, where="f") == ("all values are equal in fc.weight",)


class OwnNames(nn.Module):
    """Its state_dict has names that its load_state_dict does not know, or fails on."""

    def __init__(self, fail: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.register_state_dict_post_hook(self._rename)
        if fail:
            self.register_load_state_dict_pre_hook(self._fail)

    @staticmethod
    def _rename(_module: nn.Module, state: dict[str, Tensor], *_rest: object) -> None:
        for key in list(state):
            state[f"own_{key}"] = state.pop(key)

    @staticmethod
    def _fail(*_parts: object) -> None:
        raise ValueError("no such version")


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        (False, r"does not know its own names, got own_fc\.weight, own_fc\.bias; mend the model"),
        (True, r"taken by the model's load_state_dict, got ValueError: no such version; mend"),
    ],
)
def test_a_network_that_cannot_load_its_own_names_is_refused(fail: bool, message: str) -> None:
    network = OwnNames(fail)
    file = {key: torch.randn(t.shape) for key, t in network.state_dict().items()}
    with pytest.raises(InputError, match=message):
        load_state_(network, file, where="f")
